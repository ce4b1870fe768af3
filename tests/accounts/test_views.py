"""Pages: who is let in, what strangers see, and how many queries a page takes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ApiKey, Business, Membership
from core.tenancy import system
from hosting.models import Contact, Conversation, Message, Number, SimulatedPhone
from tests.factories import make_business, make_client, make_deliveries, make_member, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business(name="Bakery")


@pytest.fixture
def number(business: Business) -> Number:
    return make_number(business)


def as_member(business: Business, role: str) -> Client:
    return make_client(business, role)


def make_conversation(
    number: Number, wa_id: str = "14155550100", name: str = "Ada"
) -> Conversation:
    with system("test data"):
        contact = Contact.objects.create(business=number.business, wa_id=wa_id, name=name)
        return Conversation.objects.create(business=number.business, number=number, contact=contact)


def pages(number: Number) -> dict[str, tuple[str, set[str]]]:
    """Every page with an object of the business in its URL, and the roles that may open it."""
    conversation = make_conversation(number, wa_id="4915112345678")
    [message_id] = make_deliveries(number.business, number, 1)
    with system("test data"):
        simulated_phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="4915112345678", name="Ada"
        )
    chats = {"owner", "agent"}
    return {
        "thread": (reverse("inbox_thread", args=[conversation.public_id]), chats),
        "stretch": (reverse("inbox_messages", args=[conversation.public_id]), chats),
        "templates": (reverse("inbox_templates", args=[conversation.public_id]), chats),
        "message": (reverse("message", args=[message_id]), {"owner", "agent", "finance"}),
        "phone": (reverse("phone", args=[simulated_phone.pk]), chats),
        "chat": (reverse("phone_chat", args=[simulated_phone.pk, number.phone_number_id]), chats),
    }


PLAIN = {
    "home": {"owner", "agent", "finance"},
    "inbox": {"owner", "agent"},
    "inbox_rows": {"owner", "agent"},
    "phones": {"owner", "agent"},
    "messages": {"owner", "agent", "finance"},
    "usage": {"owner", "finance"},
    "invoices": {"owner", "finance"},
    "profile": {"owner", "agent", "finance"},
    "keys": {"owner"},
}


@pytest.mark.parametrize("role", ["owner", "agent", "finance"])
def test_each_role_opens_its_pages_and_no_other(
    business: Business, number: Number, role: str
) -> None:
    client = as_member(business, role)
    for name, roles in PLAIN.items():
        assert client.get(reverse(name)).status_code == (200 if role in roles else 403), name
    for name, (address, roles) in pages(number).items():
        assert client.get(address).status_code == (200 if role in roles else 403), name


def test_a_stranger_of_another_business_finds_nothing(number: Number) -> None:
    stranger = as_member(make_business(name="Other"), "owner")
    for name, (address, _) in pages(number).items():
        assert stranger.get(address).status_code == 404, name


def test_nobody_gets_in_without_a_login(number: Number) -> None:
    client = Client()
    for address in [
        *(reverse(name) for name in PLAIN),
        *(address for address, _ in pages(number).values()),
    ]:
        response = client.get(address)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/account/login/"), address


def test_home_shows_each_role_what_it_may_see(business: Business, number: Number) -> None:
    make_deliveries(business, number, 1)
    shown = {
        role: as_member(business, role).get("/").content.decode()
        for role in ("owner", "agent", "finance")
    }
    assert all("Median response time" in html for html in shown.values())
    assert {role for role, html in shown.items() if "Cost so far" in html} == {
        "owner",
        "finance",
    }


def test_home_names_what_waits_and_what_failed_today(business: Business, number: Number) -> None:
    conversation = make_conversation(number)
    with system("test data"):
        Conversation.objects.filter(pk=conversation.pk).update(
            unread_count=1, last_message_at=business.now() - timedelta(hours=2)
        )
        Message.objects.create(
            business=business,
            number=number,
            conversation=conversation,
            contact=conversation.contact,
            direction="out",
            kind="text",
            text="x",
            category="service",
            status="failed",
            errors=[{"code": 131026, "title": "Message undeliverable"}],
        )
    attention = as_member(business, "agent").get("/").context["attention"]
    assert [(item.tone, item.text) for item in attention] == [
        ("bad", "Failed today: 1 × Message undeliverable"),
        ("warn", "1 conversation has waited for an answer for more than an hour."),
    ]


def test_home_shows_the_weeks_failures_by_reason_and_the_plan(
    business: Business, number: Number
) -> None:
    conversation = make_conversation(number)
    with system("test data"):
        for title in ("Message undeliverable", "Message undeliverable", "Media download error"):
            Message.objects.create(
                business=business,
                number=number,
                conversation=conversation,
                contact=conversation.contact,
                direction="out",
                kind="text",
                text="x",
                category="service",
                status="failed",
                errors=[{"title": title}],
            )
    page = as_member(business, "finance").get("/")
    found = next(
        panel
        for template, panel in page.context["panels"]
        if template == "hosting/limits/_usage_panel.html"
    )
    assert [(one.reason, one.messages) for one in found["failures"]] == [
        ("Message undeliverable", 2),
        ("Media download error", 1),
    ]
    assert "Failures by reason" in page.content.decode()


def test_a_login_without_a_business_is_told_what_to_do(business: Business) -> None:
    make_member(business)
    user = make_member(business, "agent")
    with system("test data"):
        Membership.objects.filter(user=user).delete()
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(reverse("inbox"))
    assert response.status_code == 403
    assert user.email in response.content.decode()


def test_switching_to_a_business_one_does_not_belong_to_is_not_found(business: Business) -> None:
    other = make_business(name="Other")
    client = as_member(business, "owner")
    assert client.post(reverse("switch_business"), {"business": other.pk}).status_code == 404
    assert client.post(reverse("switch_business"), {"business": "x"}).status_code == 404
    assert "Bakery" in client.get(reverse("profile")).content.decode()


def test_a_key_is_shown_once_and_revoked_at_once(business: Business) -> None:
    client = as_member(business, "owner")
    made = client.post(reverse("keys"), {"name": "CI", "scopes": ["messages"]}).content.decode()
    [text] = re.findall(r"parley_[0-9a-f]{8}_[\w-]{43}", made)
    assert text not in client.get(reverse("keys")).content.decode()
    with system("test"):
        key = ApiKey.objects.get(business=business)
    assert key.scopes == ["messages"]
    assert bytes(key.digest) == ApiKey.digest_of(text)
    stranger = as_member(make_business(name="Other"), "owner")
    assert stranger.post(reverse("revoke_key", args=[key.pk])).status_code == 404
    assert client.post(reverse("revoke_key", args=[key.pk])).status_code == 302
    with system("test"):
        key.refresh_from_db()
    assert key.revoked_at is not None


def test_pages_carry_a_strict_content_policy_and_no_inline_code(
    business: Business, number: Number
) -> None:
    client = as_member(business, "owner")
    addresses = [
        *(reverse(name) for name in PLAIN),
        *(address for address, _ in pages(number).values()),
    ]
    for address in addresses:
        response = client.get(address)
        html = response.content.decode()
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "'nonce'" not in policy
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style", html), address
        scripts = re.findall(r"<script([^>]*)>", html)
        assert all("src=" in script or "application/json" in script for script in scripts), address


def queries_of(client: Client, address: str) -> list[str]:
    """The statements of one request, without what only the transaction around a test adds."""
    reset = "set_config('role', 'parley_app', true), set_config('parley.business', '', true)"
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    statements = [row["sql"] for row in captured]
    return [
        sql
        for sql in statements
        if not sql.startswith(("SAVEPOINT", "RELEASE")) and reset not in sql
    ]


def test_the_inbox_takes_at_most_twelve_queries(business: Business, number: Number) -> None:
    client = as_member(business, "owner")
    conversation = make_conversation(number)
    with system("test data"):
        Message.objects.bulk_create(
            Message(
                business=business,
                number=number,
                conversation=conversation,
                contact=conversation.contact,
                direction="in",
                kind="text",
                text=f"message {n}",
                status="received",
            )
            for n in range(30)
        )
    content: dict[str, Any] = {
        address: queries_of(client, address)
        for address in (reverse("inbox"), reverse("inbox_thread", args=[conversation.public_id]))
    }
    for address, statements in content.items():
        assert len(statements) <= 12, (address, *statements)
