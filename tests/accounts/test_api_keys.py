"""Keys and logins: what is stored of a key, who gets in, and how guessing ends."""

import hashlib
import importlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, Membership, User
from core.tenancy import logins, scope, system
from tests.factories import make_business, make_key, make_member

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"  # what make_member gives


def _open(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM accounts_open_key(%s, %s)", [text[7:15], ApiKey.digest_of(text)]
        )
        return cursor.fetchone()


def test_only_the_hash_of_a_key_is_stored() -> None:
    business = make_business()
    text = make_key(business)
    assert text.startswith("parley_")
    assert len(text) == 59
    with system("test"), connection.cursor() as cursor:
        cursor.execute("SELECT digest, row_to_json(k)::text FROM accounts_apikey k")
        digest, row = cursor.fetchone()
    assert bytes(digest) == hashlib.sha256(text.encode()).digest()
    assert text[16:] not in row


def test_a_live_key_opens_its_business_and_notes_its_use() -> None:
    business = make_business()
    text = make_key(business, scopes=["read"])
    row = _open(text)
    assert row[1:] == (business.pk, ["read"], None)
    with scope(business.pk):
        assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize("fate", ["revoked", "expired", "wrong prefix", "wrong digest"])
def test_any_other_key_opens_nothing(fate: str) -> None:
    business = make_business()
    text = make_key(business)
    with system("test"):
        if fate == "revoked":
            ApiKey.objects.get().revoke()
        elif fate == "expired":
            ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if fate == "wrong prefix":
        text = text[:7] + "00000000" + text[15:]
    elif fate == "wrong digest":
        text = text[:-1] + "!"
    assert _open(text) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('parley.business', true)")
        assert cursor.fetchone()[0] in (None, "")
    with system("test"):
        assert ApiKey.objects.get().last_used_at is None


def test_a_membership_has_one_known_role_per_business() -> None:
    from django.db.utils import IntegrityError

    business = make_business()
    user = make_member(business, "agent")
    for role in ("agent", "emperor"):
        other = user if role == "agent" else User.objects.create_user("x@example.com")
        with pytest.raises(IntegrityError), system("test"):
            Membership.objects.create(business=business, user=other, role=role)


def _log_in(client: Client, email: str, password: str) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password})


def test_people_log_in_by_e_mail_whatever_its_case(client: Client) -> None:
    user = make_member(make_business())
    response = _log_in(client, user.email.upper(), PASSWORD)
    assert response.status_code == 302, response.context["form"].errors
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_wrong_password_and_an_unknown_address_read_the_same(client: Client) -> None:
    user = make_member(make_business())
    answers = []
    for email in (user.email, "nobody@example.com"):
        response = _log_in(client, email, "wrong password")
        answers.append((response.status_code, response.context["form"].errors.get_json_data()))
    assert answers[0] == answers[1]
    assert "_auth_user_id" not in client.session


def test_an_inactive_person_does_not_get_in(client: Client) -> None:
    user = make_member(make_business())
    with logins("test"):
        User.objects.filter(pk=user.pk).update(is_active=False)
    _log_in(client, user.email, PASSWORD)
    assert "_auth_user_id" not in client.session


def test_guessing_is_locked_out_even_with_the_right_password(client: Client) -> None:
    user = make_member(make_business())
    with override_settings(AXES_FAILURE_LIMIT=3):
        for _ in range(3):
            _log_in(client, user.email, "wrong password")
        response = _log_in(client, user.email, PASSWORD)
    assert response.status_code in (403, 429)
    assert "_auth_user_id" not in client.session


def test_passwords_are_hashed_by_argon2() -> None:
    shipped = importlib.import_module("config.settings").PASSWORD_HASHERS
    assert shipped[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"
    assert User.objects.create_user("a@example.com", PASSWORD).password.startswith("argon2$")
