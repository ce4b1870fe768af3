"""Mails about logins and invitations: where their links lead, what they name, and that answers
tell nothing.
"""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

from accounts import team
from accounts.models import User
from core import outbox
from core.models import Email
from core.tenancy import logins, scope, system
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db

LINK = re.compile(r"https?://[^\s/]+")
PASSWORD = "long enough 42 words"
FORGED: dict[str, Any] = {"HTTP_HOST": "evil.example:6666"}


@pytest.fixture(autouse=True)
def _base_url(settings: Any) -> None:
    settings.BASE_URL = "https://chat.example"
    settings.ALLOWED_HOSTS = ["*"]


def written() -> list[Email]:
    with system("test"):
        return list(Email.objects.order_by("id"))


def member(email: str = "ada@example.com") -> User:
    user = User.objects.create_user(email, PASSWORD)
    with logins("test"):
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


def sign_up(client: Client, email: str, **headers: Any) -> int:
    given = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/account/signup/", given, **headers).status_code


def ask(client: Client, occasion: str) -> None:
    """Cause each kind of mail that somebody who is not logged in can cause, with a forged host."""
    if occasion == "email_confirmation_signup":
        sign_up(client, "new@example.com", **FORGED)
    elif occasion == "account_already_exists":
        sign_up(client, member().email, **FORGED)
    elif occasion == "password_reset_key":
        client.post("/account/password/reset/", {"email": member().email}, **FORGED)
    elif occasion == "unknown_account":
        client.post("/account/password/reset/", {"email": "nobody@example.com"}, **FORGED)
    else:
        client.post("/account/login/code/", {"email": member().email}, **FORGED)


@pytest.mark.parametrize(
    ("occasion", "links"),
    [
        ("email_confirmation_signup", 2),
        ("account_already_exists", 2),
        ("password_reset_key", 2),
        ("unknown_account", 2),
        ("login_code", 1),
    ],
)
def test_a_forged_host_changes_no_mail(client: Client, occasion: str, links: int) -> None:
    ask(client, occasion)
    (email,) = written()
    assert email.kind == occasion
    assert LINK.findall(email.text) == ["https://chat.example"] * links
    assert "evil.example" not in email.text + email.subject
    assert (email.business_id, email.is_private, email.state) == (None, True, "waiting")


def test_a_changed_address_is_confirmed_under_the_base_url(client: Client) -> None:
    user = member()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 2**33}]
    session.save()
    given = {"action_add": "", "email": "ada@new.example"}
    client.post("/account/email/", given, **FORGED)
    (email,) = written()
    assert (email.kind, email.recipient) == ("email_confirmation", "ada@new.example")
    assert set(LINK.findall(email.text)) == {"https://chat.example"}


def test_an_invitation_leads_to_the_base_url_and_names_the_workspace(client: Client) -> None:
    business = make_business("Luma\r\nBcc: eve@example.com")
    owner = make_member(business)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    given = {"email": "bob@example.com", "role": "agent"}
    assert client.post("/team/", given, **FORGED).status_code == 302
    (email,) = written()
    assert email.subject == "Join Luma Bcc: eve@example.com on Parley"
    assert LINK.findall(email.text) == ["https://chat.example"]
    with system("test"):
        assert outbox.send_due() == 1
    assert [(one.state, one.text) for one in written()] == [("sent", "")]


def test_mails_name_the_product_and_no_address(client: Client) -> None:
    for occasion in ("email_confirmation_signup", "password_reset_key"):
        ask(client, occasion)
    confirm, reset = written()
    assert confirm.subject == "Parley: Please Confirm Your Email Address"
    assert reset.subject == "Parley: Password Reset Email"
    for email in (confirm, reset):
        assert email.text.startswith("Hello from Parley!\n")
        assert "Thank you for using Parley!" in email.text
    assert "to register an account on Parley." in confirm.text


def test_whoever_signs_up_and_the_mail_are_one_transaction(client: Client, settings: Any) -> None:
    client.raise_request_exception = False
    # A text that cannot be encoded cannot be written.
    settings.PRODUCT_NAME = "\ud800"
    assert sign_up(client, "new@example.com") == 500
    with logins("test"):
        assert not User.objects.exists()
        assert not EmailAddress.objects.exists()
    settings.PRODUCT_NAME = "Parley"
    assert sign_up(client, "other@example.com") == 302
    assert [email.kind for email in written()] == ["email_confirmation_signup"]


@pytest.mark.parametrize(
    ("page", "hashes"),
    [("signup", 1), ("password/reset", 0), ("login/code", 0), ("login", 2)],
)
def test_known_and_unknown_addresses_cost_the_same_work(
    monkeypatch: Any, page: str, hashes: int
) -> None:
    member()
    counted: list[int] = []
    encode = Argon2PasswordHasher.encode

    def count(self: Any, *arguments: Any, **named: Any) -> str:
        counted.append(1)
        return encode(self, *arguments, **named)

    def verify(self: Any, *arguments: Any) -> bool:
        counted.append(1)
        return real_verify(self, *arguments)

    real_verify = Argon2PasswordHasher.verify
    monkeypatch.setattr(Argon2PasswordHasher, "encode", count)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", verify)
    found = []
    for email in ("ada@example.com", "nobody@example.com"):
        counted.clear()
        given = {
            "email": email,
            "login": email,
            "password": "wrong horse battery",
            "password1": PASSWORD,
            "password2": PASSWORD,
        }
        Client().post(f"/account/{page}/", given)
        found.append(len(counted))
    assert found == [hashes, hashes]


def test_an_invitation_that_is_refused_writes_no_mail() -> None:
    business = make_business(plan_id="free")
    owner = make_member(business)
    with scope(business.pk), pytest.raises(team.Refused):
        team.invite(business=business, by=owner, email=owner.email, role="agent")
    assert written() == []
