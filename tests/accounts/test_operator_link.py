"""`manage.py operator`: the first operator sets a password by a link that is good once."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from core.tenancy import logins
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def link_of(*arguments: str) -> str:
    out = StringIO()
    call_command("operator", *arguments, stdout=out)
    return out.getvalue()


def set_password(client: Client, path: str) -> str:
    """Follow the link and set a password; returns the last page."""
    page = client.get(path, follow=True)
    return client.post(
        page.redirect_chain[-1][0] if page.redirect_chain else path,
        {"password1": PASSWORD, "password2": PASSWORD},
        follow=True,
    ).content.decode()


def test_the_link_makes_an_operator_and_works_once(client: Client) -> None:
    said = link_of("Ops@Example.com")
    path = re.sub(r"^https?://[^/]+", "", said.strip().rpartition(" ")[2])
    assert said.startswith("ops@example.com sets a password, once: ")
    with logins("test"):
        user = User.objects.get(email="ops@example.com")
        assert (user.is_staff, user.is_superuser) == (True, True)
        assert not user.has_usable_password()
    set_password(client, path)
    with logins("test"):
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
    set_password(Client(), path)
    with logins("test"):
        before = user.password
        user.refresh_from_db()
        assert user.password == before


def test_with_if_none_an_operator_that_is_there_is_enough() -> None:
    assert "sets a password" in link_of("--if-none", "ops@example.com")
    assert link_of("--if-none", "other@example.com") == ""
    with logins("test"):
        assert not User.objects.filter(email="other@example.com").exists()


@pytest.mark.parametrize("address", ["", "ops", "ops@", "a b@example.com"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(CommandError, match="is not an e-mail address"):
        link_of(address)
    with logins("test"):
        assert not User.objects.filter(is_superuser=True).exists()


def test_a_customer_s_login_never_becomes_an_operator() -> None:
    member = make_member(make_business())
    with pytest.raises(CommandError, match=r"is a customer's login: choose another address\."):
        link_of(member.email)
    with logins("test"):
        member.refresh_from_db()
        assert (member.is_staff, member.is_superuser) == (False, False)
