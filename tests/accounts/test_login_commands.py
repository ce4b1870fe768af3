"""`manage.py createsuperuser` and `changepassword`, as an operator runs them on a terminal."""

import getpass
import io
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from accounts.models import User
from core.tenancy import logins
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db
FIRST, SECOND = "correct horse battery", "staple of another kind"


def knows(email: str, password: str) -> bool:
    request: Any = RequestFactory().post("/account/login/")
    with logins("test"):
        return authenticate(request, username=email, password=password) is not None


def test_a_superuser_is_made_and_gets_another_password(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = make_member(make_business("Other"), password=FIRST)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", FIRST)
    said = io.StringIO()
    call_command("createsuperuser", "--noinput", "--email=ops@example.com", stdout=said)
    assert "Superuser created successfully." in said.getvalue()
    with logins("test"):
        made = User.objects.get(email="ops@example.com")
    assert (made.is_staff, made.is_superuser, made.is_active) == (True, True, True)
    assert knows("ops@example.com", FIRST)

    monkeypatch.setattr(getpass, "getpass", lambda prompt="": SECOND)
    said = io.StringIO()
    call_command("changepassword", "ops@example.com", stdout=said)
    assert "Password changed successfully" in said.getvalue()
    assert (knows("ops@example.com", SECOND), knows("ops@example.com", FIRST)) == (True, False)
    assert (knows(stranger.email, FIRST), knows(stranger.email, SECOND)) == (True, False)


def test_a_known_address_an_unknown_user_and_a_weak_password_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = make_member(make_business(), password=FIRST)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", SECOND)
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", "--noinput", f"--email={member.email}")
    with pytest.raises(CommandError, match="does not exist"):
        call_command("changepassword", "nobody@example.com")
    monkeypatch.setattr(getpass, "getpass", lambda prompt="": "12345")
    with pytest.raises(CommandError, match="Aborting password change"):
        call_command("changepassword", member.email, stdout=io.StringIO(), stderr=io.StringIO())
    assert (knows(member.email, FIRST), knows(member.email, SECOND)) == (True, False)
    with logins("test"):
        assert not User.objects.filter(is_superuser=True).exists()
