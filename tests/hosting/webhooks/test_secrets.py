"""A replaced app secret can be ended at once, by page and API, by its own business only."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from core.tenancy import system
from hosting.cloudapi.webhooks import sign
from hosting.models import Account
from tests.factories import make_business, make_key, make_member, make_number

pytestmark = pytest.mark.django_db
BODY = b'{"object":"whatsapp_business_account","entry":[]}'


@pytest.fixture
def accounts() -> list[Account]:
    """Two unrelated businesses' accounts, each with a secret that was just replaced."""
    found = [make_number(make_business(name)).account for name in ("Mine", "Other")]
    with system("test"):
        for account in found:
            account.change_secret()
    return found


def posted(account: Account, secret: str) -> int:
    signed = {"X-Hub-Signature-256": sign(BODY, secret)}
    path = f"/webhooks/{account.waba_id}"
    answer = Client().post(path, BODY, content_type="application/json", headers=signed)
    return answer.status_code


def owner_of(account: Account) -> Client:
    client = Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    client.force_login(make_member(account.business), backend=backend)
    return client


@pytest.mark.parametrize("way", ["page", "api"])
def test_the_old_secret_ends_at_once(accounts: list[Account], way: str) -> None:
    mine, other = accounts
    old = str(mine.previous_app_secret)
    assert posted(mine, old) == 200
    assert _end(way, mine, of=mine) == {"page": 302, "api": 204}[way]
    # Also in a process that has remembered it.
    assert (posted(mine, old), posted(mine, mine.app_secret)) == (403, 200)
    assert posted(other, str(other.previous_app_secret)) == 200
    with system("test"):
        (entry,) = AuditEntry.objects.all()
        mine.refresh_from_db()
    assert (entry.action, entry.business_id) == ("account.secret_ended", mine.business_id)
    assert (mine.secrets, mine.secret_ends_at) == ([mine.app_secret], None)


@pytest.mark.parametrize("way", ["page", "api"])
def test_a_stranger_ends_nothing(accounts: list[Account], way: str) -> None:
    mine, other = accounts
    assert _end(way, mine, of=other) == 404
    assert posted(other, str(other.previous_app_secret)) == 200
    with system("test"):
        assert not AuditEntry.objects.exists()


def test_the_page_offers_it_while_there_is_an_old_one(accounts: list[Account]) -> None:
    mine = accounts[0]
    client = owner_of(mine)
    action = reverse("end_secret", args=[mine.waba_id])
    assert action in client.get(reverse("webhooks")).content.decode()
    shown: Any = client.post(action, follow=True)
    assert "The old secret no longer works." in shown.content.decode()
    assert action not in shown.content.decode()


def _end(way: str, caller: Account, *, of: Account) -> int:
    if way == "page":
        return owner_of(caller).post(reverse("end_secret", args=[of.waba_id])).status_code
    key = make_key(caller.business)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    return client.delete(reverse("api_previous_secret", args=[of.waba_id])).status_code
