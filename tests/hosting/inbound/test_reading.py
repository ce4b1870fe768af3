"""Webhook bodies as networks really send them: who wrote, what kind it is, to whom."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import scope
from hosting.cloudapi.texts import visible_name
from hosting.cloudapi.updates import InboundMessage
from hosting.cloudapi.webhooks import parse, status_object
from hosting.inbound import events
from hosting.models import Contact, Conversation, Number
from tests.factories import make_business, make_member, make_number
from tests.hosting.messages.test_incoming_endpoint import knock

FOLDER = Path(__file__).parent / "data" / "reported"
AT = datetime(2026, 9, 1, 12, tzinfo=UTC)


def body(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def one(raw: bytes) -> InboundMessage:
    (found,) = parse(raw).messages
    return found


def changed(name: str, change: Any) -> bytes:
    whole = orjson.loads(body(name))
    change(whole["entry"][0]["changes"][0]["value"])
    return orjson.dumps(whole)


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business())


def taken(number: Number, name: str) -> None:
    raw = body(name).replace(b"<phone_number_id>", number.phone_number_id.encode())
    raw = raw.replace(b'"NUMBER"', f'"{number.phone_number_id}"'.encode())
    assert knock(number, raw) == 200
    events.apply_due()


def test_the_only_contact_of_a_body_is_the_sender() -> None:
    assert one(body("waid_differs_from")).name == "Rita"
    found = one(body("webhook_user_id_only_in_contacts"))
    assert (found.wa_id, found.user_id, found.name) == ("US.1", "US.1", "Bo")


def test_of_several_people_none_is_taken_for_another() -> None:
    def two_contacts(value: dict[str, Any]) -> None:
        value["contacts"].append({"profile": {"name": "Eve"}, "wa_id": "447700900199"})

    def two_senders(value: dict[str, Any]) -> None:
        value["messages"].append(value["messages"][0] | {"from": "447700900199", "id": "wamid.2"})

    def another_user(value: dict[str, Any]) -> None:
        value["contacts"][0]["user_id"] = "BR.1"
        value["messages"][0]["from_user_id"] = "BR.2"

    for change in (two_contacts, two_senders, another_user):
        assert {m.name for m in parse(changed("waid_differs_from", change)).messages} == {""}
    nobody = changed(
        "webhook_user_id_only_in_contacts",
        lambda value: value["contacts"].append({"user_id": "US.2"}),
    )
    assert parse(nobody).messages == []


@pytest.mark.parametrize("kind", ["image", "text", "contacts", "reaction", "interactive", "order"])
def test_a_message_without_a_type_is_of_the_kind_of_its_object(kind: str) -> None:
    assert one(body("webhook_message_without_type")).kind == "location"
    held: Any = [{"name": {"formatted_name": "Bob"}}] if kind == "contacts" else {"x": "y"}

    def change(value: dict[str, Any]) -> None:
        del value["messages"][0]["location"]
        value["messages"][0] |= {"context": {"id": "wamid.0"}, kind: held}

    found = one(changed("webhook_message_without_type", change))
    assert (found.kind, found.context_wamid) == (kind, "wamid.0" if kind != "reaction" else "")


def test_a_message_without_type_and_object_is_unknown() -> None:
    found = one(changed("webhook_message_without_type", lambda v: v["messages"][0].pop("location")))
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    "name", ["\u200e\u2066 \u2069", "\u3164", "\u2800\u2800", "\u200b\ufeff", "\ufe0f", " \t\n", ""]
)
def test_a_name_that_shows_nothing_is_no_name(name: str) -> None:
    assert visible_name(name) == ""
    raw = changed("invisible_name", lambda v: v["contacts"][0]["profile"].update(name=name))
    assert one(raw).name == ""


@pytest.mark.parametrize("name", ["Ann", "דנה", "🥐", "\u200fدنا", ".", "é"])
def test_a_name_that_shows_something_stays(name: str) -> None:
    assert visible_name(f" {name} ") == name


def test_an_invisible_name_is_shown_as_the_number(number: Number) -> None:
    taken(number, "invisible_name")
    with scope(number.business_id):
        assert Contact.objects.get().name in ("", "447700900113")
    client = Client()
    client.force_login(
        make_member(number.business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert "447700900113" in client.get(reverse("inbox")).content.decode()


FREE = {"billable": False, "pricing_model": "PMP"}


@pytest.mark.parametrize(
    ("category", "in_window", "at", "kind"),
    [
        ("service", True, AT, "free_customer_service"),
        ("service", True, AT + timedelta(days=90), "free_customer_service"),
        ("utility", True, AT, "free_customer_service"),
        # Since October 2026 the network charges it.
        ("utility", True, AT + timedelta(days=90), "regular"),
        ("utility", False, AT, "regular"),
        ("marketing", True, AT, "regular"),
        ("authentication", True, AT, "regular"),
    ],
)
def test_the_pricing_of_a_status_says_whether_it_is_free(
    category: str, in_window: bool, at: datetime, kind: str
) -> None:
    found = status_object(
        wamid="w", status="sent", at=at, wa_id="1", category=category, in_window=in_window
    )
    assert found["pricing"] == {
        "billable": kind == "regular",
        "pricing_model": "PMP",
        "type": kind,
        "category": category,
    }
    assert found["conversation"]["origin"] == {"type": category}


def test_every_message_of_a_free_entry_window_is_free() -> None:
    until = AT + timedelta(hours=60)
    for category in ("marketing", "service", "utility", "authentication"):
        found = status_object(
            wamid="w",
            status="sent",
            at=AT,
            wa_id="1",
            category=category,
            in_window=True,
            free_entry_until=until,
            version=24,
        )
        assert found["pricing"] == FREE | {
            "type": "free_entry_point",
            "category": "referral_conversion",
        }
        assert found["conversation"]["expiration_timestamp"] == str(int(until.timestamp()))


def test_a_conversation_is_told_as_the_version_does() -> None:
    def has_conversation(version: int, status: str = "sent") -> bool:
        return "conversation" in status_object(
            wamid="w",
            status=status,
            at=AT,
            wa_id="1",
            category="utility",
            in_window=False,
            version=version,
        )

    assert [has_conversation(version) for version in (21, 23, 24, 26)] == [True, True, False, False]
    assert not has_conversation(23, "read")


def bubbles(number: Number) -> str:
    client = Client()
    client.force_login(
        make_member(number.business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    with scope(number.business_id):
        thread = Conversation.objects.get()
    return client.get(
        reverse("inbox_messages", args=[thread.public_id]), {"since": "1"}
    ).content.decode()


def test_the_ad_that_led_to_a_message_stands_beside_it(number: Number) -> None:
    taken(number, "ad_referral")
    page = bubbles(number)
    assert "Came by an ad or post:" in page
    assert '<a href="https://fb.me/x" rel="noopener noreferrer"' in page
    assert ">Bread</a>" in page
    assert ">120</span>" in page


def test_a_foreign_address_of_an_ad_is_no_link(number: Number) -> None:
    raw = body("ad_referral").replace(b"https://fb.me/x", b"javascript:alert(1)")
    raw = raw.replace(b"<phone_number_id>", number.phone_number_id.encode())
    assert knock(number, raw) == 200
    events.apply_due()
    page = bubbles(number)
    assert "javascript" not in page
    assert "Bread" in page


def test_a_forwarded_message_is_marked(number: Number) -> None:
    taken(number, "forwarded")
    assert "Forwarded many times" in bubbles(number)
