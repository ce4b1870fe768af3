"""Required second factors: members without one are led to set it up and see nothing else."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.access import membership_of
from accounts.models import AuditEntry, Business, Membership, User
from accounts.sessions import SessionStore
from core.tenancy import logins, system
from tests.factories import make_business, make_key, make_member, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business("Luma Bakery")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def factor(user: User, kind: str = "totp") -> None:
    with logins("test"):
        Authenticator.objects.create(user=user, type=kind, data={})


def require(client: Client, answer: str = "yes") -> Any:
    return client.post("/team/mfa/", {"required": answer})


def is_required(business: Business) -> bool:
    with system("test"):
        return Business.objects.get(pk=business.pk).requires_mfa


def test_the_owner_needs_it_first(business: Business) -> None:
    owner = make_member(business)
    factor(owner, "recovery_codes")
    response = require(logged_in(owner))
    assert response.status_code == 403
    assert b"Set up two-factor login for yourself first" in response.content
    assert not is_required(business)
    with system("test"):
        assert not AuditEntry.objects.filter(action="business.mfa_required").exists()


@pytest.mark.parametrize("role", ["owner", "agent", "finance", "viewer"])
def test_a_member_without_it_is_led_there_and_sees_nothing_else(
    business: Business, role: str
) -> None:
    owner, member = make_member(business), make_member(business, role)
    factor(owner)
    assert require(logged_in(owner)).status_code == 302
    client = logged_in(member)
    for path in (
        "/",
        "/inbox/",
        "/usage/",
        "/invoices/",
        "/team/",
        "/keys/",
        "/you/",
        "/messages/",
    ):
        response = client.get(path)
        assert response.status_code == 403, path
        assert b"Luma Bakery asks for two-factor login" in response.content
        assert b'href="/account/2fa/"' in response.content
    assert client.post("/team/leave/").status_code == 403
    with system("test"):
        assert Membership.objects.filter(user=member).exists()
    assert client.get("/account/2fa/").status_code == 200
    factor(member, "webauthn")
    assert client.get("/").status_code == 200


def test_live_streams_are_closed_too(business: Business) -> None:
    owner, member = make_member(business), make_member(business, "agent")
    factor(owner)
    session = SessionStore(logged_in(member).cookies["sessionid"].value)
    assert membership_of(session) is not None
    require(logged_in(owner))
    assert membership_of(session) is None


def test_other_businesses_stay_open(business: Business) -> None:
    owner, member = make_member(business), make_member(business, "agent")
    other = make_business("Harbour Cafe")
    with system("test"):
        Membership.objects.create(business=other, user=member, role="agent")
    factor(owner)
    require(logged_in(owner))
    client = logged_in(member)
    assert b"Go to Harbour Cafe" in client.get("/").content
    assert client.post("/you/business/", {"business": other.pk}).status_code == 302
    assert client.get("/").status_code == 200


def test_keys_are_not_asked(business: Business) -> None:
    owner, key = make_member(business), make_key(business)
    make_number(business)
    factor(owner)
    require(logged_in(owner))
    answer = Client().get("/api/v1/messages/", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_it_is_recorded_once_and_can_be_taken_back(business: Business) -> None:
    owner, member = make_member(business), make_member(business, "agent")
    factor(owner)
    client = logged_in(owner)
    require(client)
    require(client)
    assert b"No longer require it" in client.get("/team/").content
    require(client, "no")
    assert not is_required(business)
    assert logged_in(member).get("/").status_code == 200
    with system("test"):
        entries = AuditEntry.objects.filter(
            action="business.mfa_required", business=business
        ).order_by("id")
        assert [(e.before, e.after, e.actor_id) for e in entries] == [
            ({"required": False}, {"required": True}, owner.pk),
            ({"required": True}, {"required": False}, owner.pk),
        ]


def test_only_owners_ask(business: Business) -> None:
    for role in ("agent", "finance", "viewer"):
        member = make_member(business, role)
        factor(member)
        assert require(logged_in(member)).status_code == 403
    assert not is_required(business)


def test_the_team_page_says_who_has_it(business: Business) -> None:
    owner, member = make_member(business), make_member(business, "agent")
    client = logged_in(owner)
    assert client.get("/team/").content.count(b'<span class="badge good">Two-factor</span>') == 0
    factor(member)
    page = client.get("/team/").content
    assert page.count(b'<span class="badge good">Two-factor</span>') == 1
    assert b"Set it up for yourself" in page
    assert b'value="yes"' not in page
