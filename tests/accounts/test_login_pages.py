"""Every URL of allauth has a row: its statuses for strangers, members and operators."""

import re
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.templatetags.parley import device
from core.models import Email
from core.tenancy import logins, system
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db

# name: (path, anonymous GET, anonymous POST, member GET, member POST); 302 leads to login, home or
# reauthentication.
ROWS: dict[str, tuple[str, int, int, int, int]] = {
    "account_login": ("login/", 200, 200, 302, 302),
    "account_logout": ("logout/", 302, 302, 200, 302),
    "account_inactive": ("inactive/", 200, 405, 200, 405),
    "account_signup": ("signup/", 200, 200, 302, 302),
    "account_reauthenticate": ("reauthenticate/", 302, 302, 200, 200),
    "account_email": ("email/", 302, 302, 200, 302),
    "account_email_verification_sent": ("confirm-email/", 200, 405, 200, 405),
    "account_change_password": ("password/change/", 302, 302, 200, 200),
    "account_set_password": ("password/set/", 302, 302, 302, 302),
    "account_reset_password": ("password/reset/", 200, 200, 200, 200),
    "account_confirm_login_code": ("login/code/confirm/", 302, 302, 302, 302),
    "account_confirm_email": ("confirm-email/nonsense/", 200, 404, 200, 404),
    "account_reset_password_from_key_done": ("password/reset/key/done/", 200, 405, 200, 405),
    "account_reset_password_from_key": ("password/reset/key/1-nonsense/", 200, 200, 200, 200),
    "account_reset_password_done": ("password/reset/done/", 200, 405, 200, 405),
    "account_request_login_code": ("login/code/", 200, 200, 302, 302),
    "mfa_index": ("2fa/", 302, 302, 200, 405),
    "mfa_authenticate": ("2fa/authenticate/", 302, 302, 302, 302),
    "mfa_reauthenticate": ("2fa/reauthenticate/", 302, 302, 302, 302),
    "mfa_activate_totp": ("2fa/totp/activate/", 302, 302, 302, 302),
    "mfa_deactivate_totp": ("2fa/totp/deactivate/", 302, 302, 404, 404),
    "mfa_view_recovery_codes": ("2fa/recovery-codes/", 302, 302, 404, 405),
    "mfa_generate_recovery_codes": ("2fa/recovery-codes/generate/", 302, 302, 302, 302),
    "mfa_download_recovery_codes": ("2fa/recovery-codes/download/", 302, 302, 404, 404),
    "mfa_list_webauthn": ("2fa/webauthn/", 302, 302, 200, 405),
    "mfa_add_webauthn": ("2fa/webauthn/add/", 302, 302, 302, 302),
    "mfa_reauthenticate_webauthn": ("2fa/webauthn/reauthenticate/", 302, 302, 302, 302),
    "mfa_remove_webauthn": ("2fa/webauthn/keys/{factor}/remove/", 302, 302, 302, 302),
    "mfa_edit_webauthn": ("2fa/webauthn/keys/{factor}/edit/", 302, 302, 302, 302),
    "mfa_login_webauthn": ("2fa/webauthn/login/", 302, 302, 302, 302),
    "usersessions_list": ("sessions/", 302, 302, 200, 302),
}


def addresses(resolver: URLResolver) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield str(entry.name)
        else:
            yield from addresses(entry)


def test_every_address_of_logging_in_has_a_row() -> None:
    [allauth] = [entry for entry in get_resolver().url_patterns if str(entry.pattern) == "account/"]
    assert isinstance(allauth, URLResolver)
    assert set(addresses(allauth)) == set(ROWS)


def answers(user: User | None, factor: int) -> dict[str, tuple[int, int]]:
    found = {}
    for name, row in ROWS.items():
        statuses = []
        for method in ("get", "post"):
            # One login for each question: some of them end it.
            client = Client(raise_request_exception=False)
            if user:
                client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            with transaction.atomic():
                path = "/account/" + row[0].format(factor=factor)
                statuses.append(getattr(client, method)(path, {}).status_code)
                transaction.set_rollback(True)
        found[name] = (statuses[0], statuses[1])
    return found


@pytest.mark.parametrize("who", ["", "owner", "agent", "finance", "viewer", "operator"])
def test_they_answer_everybody_alike_and_nobody_reaches_another_s_factor(who: str) -> None:
    business, other = make_business(), make_business("Other")
    owner = make_member(other)
    with logins("test"):
        factor = Authenticator.objects.create(
            user=owner, type="webauthn", data={"name": "theirs"}
        ).pk
    user: User | None
    if who == "operator":
        user = User.objects.create_superuser("ops@example.com", "correct horse battery")
    else:
        user = make_member(business, who) if who else None
    expected = {name: (row[3], row[4]) if user else (row[1], row[2]) for name, row in ROWS.items()}
    assert answers(user, factor) == expected
    with logins("test"):
        assert Authenticator.objects.get().data == {"name": "theirs"}


def log_in(client: Client, email: str, password: str = "correct horse battery") -> int:
    return client.post("/account/login/", {"login": email, "password": password}).status_code


def test_a_session_that_was_ended_elsewhere_is_led_to_the_login() -> None:
    email = make_member(make_business()).email
    here, there = Client(), Client()
    assert (log_in(here, email), log_in(there, email)) == (302, 302)
    assert (here.get("/inbox/").status_code, there.get("/inbox/").status_code) == (200, 200)
    assert here.get("/account/sessions/").content.decode().count("Log out</button>") == 1
    assert here.post("/account/sessions/").status_code == 302
    assert here.get("/inbox/").status_code == 200
    led = there.get("/inbox/")
    assert (led.status_code, led.headers["Location"]) == (302, "/account/login/?next=/inbox/")


FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_one_session_is_ended_and_the_others_go_on() -> None:
    email = make_member(make_business()).email
    here, there, lost = Client(), Client(), Client(HTTP_USER_AGENT=FIREFOX)
    assert [log_in(client, email) for client in (here, there, lost)] == [302, 302, 302]
    assert "Firefox · Windows 10" in here.get("/account/sessions/").content.decode()
    with logins("test"):
        wanted = UserSession.objects.get(user_agent=FIREFOX)
    stranger = Client()
    log_in(stranger, make_member(make_business("Other")).email)
    assert stranger.post(f"/you/sessions/{wanted.pk}/end/").status_code == 404
    assert lost.get("/inbox/").status_code == 200
    ended = here.post(f"/you/sessions/{wanted.pk}/end/")
    assert (ended.status_code, ended.headers["Location"]) == (302, "/account/sessions/")
    assert [client.get("/inbox/").status_code for client in (here, there, lost)] == [200, 200, 302]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (FIREFOX, "Firefox · Windows 10"),
        ("curl/8.5", "curl"),
        ("ours 1", "ours 1"),
        ("", "Unknown device"),
    ],
)
def test_browsers_are_named(header: str, shown: str) -> None:
    assert device(header) == shown


TOKEN = re.compile(r'(csrfmiddlewaretoken" value=|nonce=|X-CSRFToken": )"[^"]+"')


@pytest.mark.parametrize("page", ["login", "password/reset", "login/code", "signup"])
def test_nobody_learns_whether_an_address_has_an_account(page: str) -> None:
    known = make_member(make_business()).email
    answers = []
    for email in (known, "nobody@example.com"):
        given = {
            "login": email,
            "email": email,
            "password": "wrong horse battery",
            "password1": "long enough 42 words",
            "password2": "long enough 42 words",
            "name": "Ann",
            "business": "Bread",
        }
        client = Client()
        client.get(f"/account/{page}/")
        answer = client.post(f"/account/{page}/", given)
        shown = client.get(answer.headers["Location"]) if answer.status_code == 302 else answer
        words = TOKEN.sub("", shown.content.decode()).replace(email, "…")
        answers.append(
            (answer.status_code, answer.headers.get("Location"), shown.status_code, words)
        )
    assert answers[0] == answers[1]
    with system("test"):
        mailed = set(Email.objects.values_list("recipient", flat=True))
    assert mailed == (set() if page == "login" else {known, "nobody@example.com"})


@pytest.mark.parametrize(
    "evil", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_login_leads_to_own_pages_only_and_changes_the_session(evil: str) -> None:
    email = make_member(make_business()).email
    client = Client()
    client.get("/account/login/")
    before = client.session.session_key
    answer = client.post(
        "/account/login/", {"login": email, "password": "correct horse battery", "next": evil}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.session.session_key != before
