"""Every URL x method x role, by the URL resolver: a URL without a row here fails the test.

Another business's id is 404, a forbidden one 403; without login 302 (pages) or 401 (API).
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.admin_site.base import ReadOnlyAdmin
from accounts.models import ApiKey, Business, Membership, User
from core.tenancy import system
from hosting.models import Account, Webhook
from tests.address_rows import OWN, ROWS, SESSIONS, WITHOUT_KEYS, ForKeys
from tests.factories import make_business, make_key, make_member, make_number
from tests.shops.sample_data import make_catalog
from tests.staging import one_of_everything

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Staged:
    """The ids of rows by their name in addresses; sessions and keys by role."""

    names: dict[str, Any]
    sessions: dict[str, str]
    keys: dict[str, str]


@pytest.fixture(scope="module")
def staged(django_db_setup: None, django_db_blocker: Any) -> Iterator[Staged]:
    """Made once for a module: each of its tests runs in a savepoint and leaves the rows as they
    were.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield _staged()
        transaction.set_rollback(True)


@pytest.fixture
def stage(db: None, staged: Staged) -> dict[str, Any]:
    """A business with one of everything, and a stranger's beside it; each role's client."""
    clients = {role: Client(raise_request_exception=False) for role in SESSIONS}
    for role, session in staged.sessions.items():
        clients[role].cookies[settings.SESSION_COOKIE_NAME] = session
    for role, key in staged.keys.items():
        bearer = {"Authorization": f"Bearer {key}"}
        clients[role] = Client(raise_request_exception=False, headers=bearer)
    return {"names": dict(staged.names), "clients": clients}


def _staged() -> Staged:
    business, other = make_business("Own"), make_business("Other")
    number = make_number(business)
    make_number(other)
    users = {role: make_member(business, role) for role in OWN}
    users |= {
        "stranger owner": make_member(other),
        "stranger finance": make_member(other, "finance"),
    }
    make_member(other)
    users["operator without permission"] = User.objects.create_user(
        "staff@example.com", is_staff=True
    )
    users["operator"] = User.objects.create_superuser("ops@example.com")
    keys = {
        "own key": make_key(business),
        "stranger's key": make_key(other),
        "revoked key": make_key(business),
    }
    make_catalog(other)
    names = one_of_everything(business, number)
    with system("test"):
        ApiKey.objects.get(prefix=keys["revoked key"][7:15]).revoke()
        names["key"] = ApiKey.objects.get(prefix=keys["own key"][7:15]).pk
        names["member"] = Membership.objects.get(user=users["viewer"]).pk
    return Staged(names, {role: _session_of(user) for role, user in users.items()}, keys)


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _addresses() -> Iterator[tuple[str, str]]:
    """(name, pattern) of every address, those of Django's admin and allauth apart."""
    yield from _walk(get_resolver(), "")


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith(("admin/", "account/")):
            continue
        if isinstance(entry, URLPattern):
            yield str(entry.name), pattern
        else:
            yield from _walk(entry, pattern)


def _ask(client: Client, method: str, path: str) -> int:
    with transaction.atomic():  # whatever it does is undone before the next question
        status = (
            client.generic(method, path).status_code
            if method != "POST"
            else client.post(path).status_code
        )
        transaction.set_rollback(True)
    return int(status)


def _cloud(name: str) -> bool:
    by_link = ("incoming_webhooks", "media_download", "flow_download")
    return name.startswith("cloudapi_") or name in by_link


def test_every_address_has_a_row() -> None:
    names = {name for name, _ in _addresses() if not _cloud(name)}
    assert names - set(ROWS) == set(), "give each new address a row in ROWS"
    assert set(ROWS) - names == set(), "rows of addresses that are gone"


# Tests of every address stay below the time that a test may take.
PARTS = 6
in_parts = pytest.mark.parametrize("part", range(PARTS))


@in_parts
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_answer_each_role_as_they_should(
    stage: dict[str, Any], method: str, part: int
) -> None:
    wrong = []
    for name, row in list(ROWS.items())[part::PARTS]:
        path = row.path.format(**stage["names"])
        for role, client in stage["clients"].items():
            if role.endswith("key") and role != "revoked key" and not isinstance(row, ForKeys):
                continue  # a page does not look at keys
            if isinstance(row, ForKeys) and role in SESSIONS and role not in WITHOUT_KEYS:
                continue
            if (status := _ask(client, method, path)) != row.expected(role, method):
                wrong.append(f"{name} {method} {role}: {status}, not {row.expected(role, method)}")
    assert not wrong, "\n".join(wrong)


def _is_download(client: Client, path: str) -> bool:
    """Whether the owner gets a file to keep here."""
    with transaction.atomic():
        answer = client.get(path)
        transaction.set_rollback(True)
    return answer.headers.get("Content-Disposition", "").startswith("attachment")


def _read(client: Client, path: str) -> str:
    """The text of a page; empty where it is streamed."""
    with transaction.atomic():
        text = getattr(client.get(path), "content", b"").decode(errors="replace")
        transaction.set_rollback(True)
    return text


# Documents that are made and stored when first requested, and a phone that records what it read.
WRITTEN_WHEN_READ = {"phone_chat", "credit_note", "invoice_draft", "invoice_download"}


# Each part has a file to download among its addresses.
A_DOWNLOAD = "shop_export"


@pytest.mark.parametrize("part", range(3))
def test_an_operator_who_views_as_the_business_reads_what_its_owner_reads_and_changes_nothing(
    stage: dict[str, Any], part: int
) -> None:
    operator, wrong = stage["clients"]["operator"], []
    with system("test"):
        business = Business.objects.get(name="Own")
    begun = operator.post(f"/admin/accounts/business/{business.pk}/enter/", {"reason": "ticket 7"})
    assert (begun.status_code, begun.headers["Location"]) == (302, "/")
    with system("test"):
        accounts = list(Account.objects.filter(business=business))
        secrets = [one.app_secret for one in accounts] + [one.verify_token for one in accounts]
        secrets += [one.verify_token for one in Webhook.objects.filter(business=business)]
    downloads = 0
    rows = dict(list(ROWS.items())[part::3]) | {A_DOWNLOAD: ROWS[A_DOWNLOAD]}
    for name, row in rows.items():
        path = row.path.format(**stage["names"])
        is_refused = name in WRITTEN_WHEN_READ or _is_download(stage["clients"]["owner"], path)
        downloads += name not in WRITTEN_WHEN_READ and is_refused
        expected = 403 if is_refused else row.expected("owner", "GET")
        if (status := _ask(operator, "GET", path)) != expected:
            wrong.append(f"{name} GET: {status}, not {expected}")
        shown = _read(operator, path)
        wrong += [f"{name} shows a secret" for secret in secrets if secret in shown]
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            if name != "end_viewing" and (status := _ask(operator, method, path)) not in (401, 403):
                wrong.append(f"{name} {method}: {status}")
    assert not wrong, "\n".join(wrong)
    assert len(secrets) > 2
    assert downloads >= 1


def test_no_page_answers_other_methods_with_a_deed(stage: dict[str, Any]) -> None:
    wrong = []
    for name, row in ROWS.items():
        path = row.path.format(**stage["names"])
        for method in ("PUT", "PATCH", "DELETE"):
            status = _ask(stage["clients"]["owner"], method, path)
            # A page that knows only reading and posting reads.
            if status not in (400, 401, 403, 404, 405, row.get):
                wrong.append(f"{name} {method}: {status}")
    assert not wrong, "\n".join(wrong)


def test_the_cloud_api_opens_to_live_keys_alone_and_finds_nothing_of_strangers(
    stage: dict[str, Any],
) -> None:
    own_number, own_account = stage["names"]["number"], stage["names"]["waba"]
    wrong = []
    for name, path in _cloud_paths(own_number, own_account):
        for method in ("GET", "POST", "DELETE"):
            for role in (*WITHOUT_KEYS, "stranger's key"):
                status = _ask(stage["clients"][role], method, path)
                allowed = {400, 404, 405} if role == "stranger's key" else {400, 401, 405}
                if status not in allowed:
                    wrong.append(f"{name} {method} {role}: {status}")
            if _ask(stage["clients"]["own key"], method, path) in (401, 403, 500):
                wrong.append(f"{name} {method} own key")
    assert not wrong, "\n".join(wrong)


# Reached by any live key, or by a signed link; tested in tests/hosting.
NOT_BY_NUMBER = {
    "incoming_webhooks",
    "media_download",
    "cloudapi_messages_by_key",
    "cloudapi_media_by_key",
    "cloudapi_uploads",
    "cloudapi_upload",
    "flow_download",
    "cloudapi_me",
    "cloudapi_debug_token",
    "cloudapi_access_token",
    "cloudapi_refused",
    "cloudapi_group",
}


def _cloud_paths(number: str, account: str) -> Iterator[tuple[str, str]]:
    for name, pattern in _addresses():
        if _cloud(name) and name not in NOT_BY_NUMBER:
            path = (
                pattern.replace(r"^(?:v[0-9]+(?:\.[0-9]+)?/)?", "/v23.0/")
                .rstrip("$")
                .replace("/?", "")
            )
            path = path.replace("(?P<phone_number_id>[0-9]{1,32})", number).replace(
                "(?P<object_id>[0-9]{1,32})", number
            )
            path = path.replace("(?P<waba_id>[0-9]{1,32})", account).replace(
                "(?P<business_id>[0-9]{1,32})", account
            )
            for own in ("flow_id", "history_id", "app_id", "catalog_id"):
                path = path.replace(f"(?P<{own}>[0-9]{{1,32}})", account)
            path = path.replace("(?P<name>analytics|[a-z]{1,30}_analytics)", "analytics")
            path = path.replace("(?P<code>[A-Z0-9]{1,14})", "ABC").replace(
                "(?:owned|client)", "owned"
            )
            assert not set("(?[^$") & set(path), f"say how to fill {name}: {path}"
            yield name, path


@in_parts
def test_the_admin_is_for_operators_with_permission(stage: dict[str, Any], part: int) -> None:
    wrong = []
    for model, pages in list(admin.site._registry.items())[part::PARTS]:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for role, expected in (
            ("owner", 302),
            ("operator without permission", 403),
            ("operator", 200),
        ):
            if (status := _ask(stage["clients"][role], "GET", base)) != expected:
                wrong.append(f"{base} {role}: {status}")
        for role in (*SESSIONS[:-3], "revoked key"):
            if (status := _ask(stage["clients"][role], "GET", base + "add/")) != 302:
                wrong.append(f"{base}add/ {role}: {status}")
        adding = 403 if isinstance(pages, ReadOnlyAdmin) else 200
        if (status := _ask(stage["clients"]["operator"], "GET", base + "add/")) != adding:
            wrong.append(f"{base}add/ operator: {status}")
    assert not wrong, "\n".join(wrong)


def test_an_unknown_thread_is_not_found_for_its_readers(stage: dict[str, Any]) -> None:
    assert _ask(stage["clients"]["owner"], "GET", f"/inbox/{uuid.uuid4()}/") == 404
