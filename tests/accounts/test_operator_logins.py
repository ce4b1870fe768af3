"""Operators log in with a second factor: the admin's own login page is no way around it."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from accounts.models import User
from core.tenancy import logins

PASSWORD = "correct horse battery"


@pytest.fixture
def operator(db: None, settings: Any) -> User:
    settings.OPERATORS_REQUIRE_MFA = True
    user = User.objects.create_user("op@parley.example", PASSWORD)
    user.is_staff = user.is_superuser = True
    with logins("test"):
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def log_in(client: Client, user: User, path: str) -> Any:
    return client.post(
        path,
        {"login": user.email, "username": user.email, "password": PASSWORD, "next": "/admin/"},
        follow=True,
    )


def code_of(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def test_without_a_second_factor_no_page_of_the_admin_opens(operator: User) -> None:
    client = Client()
    log_in(client, operator, "/account/login/")
    for path in ("/admin/", "/admin/accounts/user/", "/admin/billing/ratecard/add/"):
        response = client.get(path)
        assert (response.status_code, response.headers["Location"]) == (302, "/account/2fa/"), path
    deleted = client.post("/admin/accounts/user/", {"action": "delete_selected"})
    assert (deleted.status_code, deleted.headers["Location"]) == (302, "/account/2fa/")
    with logins("test"):
        assert User.objects.filter(pk=operator.pk).exists()


def test_the_login_page_of_the_admin_does_not_skip_the_code(operator: User) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    with logins("test"):
        TOTP.activate(operator, secret)
    client = Client()
    asked = client.get("/admin/login/?next=/admin/")
    assert (asked.status_code, asked.headers["Location"].split("?")[0]) == (302, "/account/login/")
    log_in(client, operator, "/admin/login/")
    assert "_auth_user_id" not in client.session
    log_in(client, operator, "/account/login/")
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert client.session["_auth_user_id"] == str(operator.pk)
    assert client.get("/admin/").status_code == 200


def test_a_session_without_the_code_has_to_confirm_it(operator: User) -> None:
    with logins("test"):
        TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get("/admin/accounts/user/")
    assert response.status_code == 302
    assert response.headers["Location"] == (
        "/account/2fa/reauthenticate/?next=%2Fadmin%2Faccounts%2Fuser%2F"
    )
