"""Every endpoint of both APIs names the scope that its keys need; the documentation lists it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.api import BusinessAPIMixin, scope_of
from accounts.models import KeyScope
from core.openapi import Generator
from core.tenancy import system
from hosting.models import Media, Message, Number
from tests.factories import make_business, make_key, make_messages, make_number
from tests.test_matrix import _cloud_paths

# Endpoints that any live key may ask, and why.
FOR_ANY_KEY = {"api_root": "says what the key itself may do"}
# Paths of the Cloud API that need no key: they are signed, or name nothing that is not public.
WITHOUT_KEY = {"incoming_webhooks", "media_download"}
CATALOGUES = {
    "cloudapi_product_catalogs",
    "cloudapi_products",
    "cloudapi_items_batch",
    "cloudapi_batch_status",
}
ROOT = Path(__file__).parents[3]


def _views(resolver: URLResolver | None = None) -> Iterator[tuple[str, Any]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from _views(entry)
        elif isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None) or getattr(
                entry.callback, "cls", None
            )
            if isinstance(view, type) and issubclass(view, BusinessAPIMixin):
                yield str(entry.name), view


def test_every_endpoint_of_the_rest_api_names_its_scope() -> None:
    views = dict(_views())
    assert len(views) > 30
    without = {name for name, view in views.items() if scope_of(view, "GET") is None}
    assert without == set(FOR_ANY_KEY)
    assert {name for name, view in views.items() if view.is_for_any_key} == set(FOR_ANY_KEY)
    used = {scope_of(view, method) for view in views.values() for method in ("GET", "POST")}
    # These belong to the Cloud API alone.
    assert set(KeyScope) - used == {KeyScope.ADMIN}


def test_an_endpoint_without_a_scope_is_refused_to_every_key() -> None:
    class Forgotten(BusinessAPIMixin):
        """An endpoint of which nobody said who may ask."""

    assert scope_of(Forgotten, "GET") is None
    (permission,) = Forgotten.permission_classes
    asked: Any = RequestFactory().get("/")
    assert permission().has_permission(asked, Forgotten()) is False


def test_the_description_and_the_documentation_name_every_scope(db: None) -> None:
    schema = Generator().get_schema(request=None, public=True)
    operations = [
        operation
        for path in schema["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    told = [one for one in operations if "Scope: `" in one.get("description", "")]
    assert [one["operationId"] for one in operations if one not in told] == ["root"]
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [scope for scope in KeyScope.values if f"| `{scope}` |" not in text] == []


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business())


def _client(number: Number, **limits: Any) -> Client:
    key = make_key(number.business, **limits)
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("scope", ["none", *KeyScope.values])
def test_the_cloud_api_refuses_keys_with_other_scopes(number: Number, scope: str) -> None:
    """A path is open to the scope that it names, and refuses all others with code 200."""
    narrow = _client(number, scopes=[] if scope == "none" else [scope])
    with system("test"):
        account = number.account.waba_id
    opened = set()
    for name, path in _cloud_paths(number.phone_number_id, account):
        if name in WITHOUT_KEY:
            continue
        for method in ("GET", "POST", "DELETE"):
            answer = narrow.generic(method, path, "{}", content_type="application/json")
            if answer.status_code == 403 and answer.json()["error"]["code"] == 200:
                continue
            if f"Method {method} is not supported" in answer.content.decode():
                continue
            opened.add((name, method))
    if scope in ("messages", "webhooks", "admin"):
        assert opened
        assert not CATALOGUES & {name for name, _ in opened}
    elif scope == "shop":
        assert {name for name, _ in opened} == CATALOGUES
    else:
        assert opened == set()


FILTERED_BY_THEMSELVES = {"api_root", "api_search"}
REGISTRATION = ("register", "deregister", "request_code", "verify_code")


def test_numbers_are_registered_and_the_audit_log_is_read_by_admin_keys(number: Number) -> None:
    messages, admin = _client(number, scopes=["messages"]), _client(number, scopes=["admin"])
    base = f"/v23.0/{number.phone_number_id}"
    for edge in REGISTRATION:
        answer = messages.post(f"{base}/{edge}", {}, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, 200), edge
        answer = admin.post(f"{base}/{edge}", {}, content_type="application/json")
        assert answer.status_code != 403, edge
    pin = {"pin": "123456"}
    assert messages.post(base, pin, content_type="application/json").status_code == 403
    assert admin.get(base).status_code == 403
    with system("test"):
        number.refresh_from_db()
        assert number.pin != "123456"
        account = number.account.waba_id
    assert messages.get(f"/v23.0/{account}/activities").status_code == 403
    assert admin.get(f"/v23.0/{account}/activities").status_code == 200


def _file(number: Number, *used_by: Number) -> Media:
    with system("test"):
        media = Media.objects.create(
            business=number.business, mime_type="image/png", size=1, sha256="0" * 64, is_ready=True
        )
        for one in used_by:
            (message,) = make_messages(one.business, one, 1)
            Message.objects.filter(pk=message).update(kind="image", content={"id": media.media_id})
        return media


def test_a_limited_key_deletes_no_file_that_other_numbers_use(number: Number) -> None:
    other = make_number(number.business)
    limited = _client(number, number_ids=[number.pk])
    own, shared, foreign, loose = (
        _file(number, number),
        _file(number, number, other),
        _file(number, other),
        _file(number),
    )
    found = {}
    for name, media in {"own": own, "shared": shared, "foreign": foreign, "loose": loose}.items():
        path = f"/v23.0/{media.media_id}"
        found[name] = (limited.get(path).status_code, limited.delete(path).status_code)
    with system("test"):
        kept = set(Media.objects.filter(deleted_at=None).values_list("pk", flat=True))
    assert found == {
        "own": (200, 200),
        "shared": (200, 403),
        "foreign": (404, 404),
        "loose": (200, 200),
    }
    assert kept == {shared.pk, foreign.pk}


def test_a_limited_key_reaches_nothing_of_the_rest_api_without_a_path_to_its_numbers() -> None:
    """What filters by numbers itself says so by an empty path; each such view is named here."""
    by_itself = {name for name, view in _views() if view.number_path == ""}
    assert by_itself == FILTERED_BY_THEMSELVES
