"""Every kind of inbound message is applied as it should be; doubled and shuffled, the end is the
same.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.tenancy import system
from hosting.cloudapi.webhooks import wire_object
from hosting.inbound import events
from hosting.models import Conversation, Event, Message, Number
from tests.factories import make_business, make_number
from tests.hosting.messages.test_endpoints import NOON
from tests.hosting.messages.test_incoming_endpoint import knock, webhook

SAMPLES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parent / "data" / "payloads").glob("*.json"))
}
TO = "16505551234"
CONTEXT = {"context": {"from": "15550783881", "id": "wamid.asked"}}
REFERRAL = {
    "source_url": "https://fb.me/x",
    "source_id": "1",
    "source_type": "ad",
    "headline": "Cakes",
    "ctwa_clid": "c",
}

UNSUPPORTED = [
    {
        "code": 131051,
        "title": "Message type unknown",
        "message": "Message type unknown",
        "error_data": {"details": "Message type is currently not supported."},
    }
]

# What the protocol may send beside the samples: kind, members of the message, text that a reader
# sees.
KINDS: list[tuple[str, dict[str, Any], str]] = [
    ("text", {"text": {"body": "Another colour?"}}, "Another colour?"),
    (
        "image",
        {"image": {"caption": "Taj", "mime_type": "image/jpeg", "sha256": "S=", "id": "1003"}},
        "Taj",
    ),
    (
        "audio",
        {
            "audio": {
                "mime_type": "audio/ogg; codecs=opus",
                "sha256": "S=",
                "id": "1",
                "voice": True,
            }
        },
        "",
    ),
    (
        "video",
        {"video": {"mime_type": "video/mp4", "sha256": "S=", "id": "1", "caption": "v"}},
        "v",
    ),
    (
        "document",
        {
            "document": {
                "mime_type": "application/pdf",
                "sha256": "S=",
                "id": "1",
                "filename": "a.pdf",
            }
        },
        "a.pdf",
    ),
    (
        "sticker",
        {"sticker": {"mime_type": "image/webp", "sha256": "S=", "id": "1", "animated": False}},
        "",
    ),
    (
        "location",
        {
            "location": {
                "address": "101 Forest Ave",
                "latitude": 37.4,
                "longitude": -122.1,
                "name": "Philz",
            }
        },
        "Philz, 101 Forest Ave",
    ),
    ("location", {"location": {"latitude": 37.4, "longitude": -122.1}}, "37.4, -122.1"),
    (
        "contacts",
        {
            "contacts": [
                {
                    "name": {"formatted_name": "Lucia Gomez"},
                    "phones": [{"phone": "+1 (983) 555-2319"}],
                }
            ]
        },
        "Lucia Gomez, +1 (983) 555-2319",
    ),
    ("button", {"button": {"payload": "Stop", "text": "Unsubscribe"}} | CONTEXT, "Unsubscribe"),
    (
        "interactive",
        {"interactive": {"type": "button_reply", "button_reply": {"id": "c", "title": "Cancel"}}}
        | CONTEXT,
        "Cancel",
    ),
    (
        "interactive",
        {"interactive": {"type": "list_reply", "list_reply": {"id": "p", "title": "Express"}}}
        | CONTEXT,
        "Express",
    ),
    (
        "interactive",
        {
            "interactive": {
                "type": "nfm_reply",
                "nfm_reply": {"response_json": "{}", "body": "Sent", "name": "flow"},
            }
        }
        | CONTEXT,
        "Sent",
    ),
    (
        "order",
        {
            "order": {
                "catalog_id": "1",
                "text": "soon",
                "product_items": [
                    {
                        "product_retailer_id": "di9",
                        "quantity": 2,
                        "item_price": 30,
                        "currency": "USD",
                    }
                ],
            }
        },
        "soon\n2 × di9",
    ),
    (
        "system",
        {"system": {"body": "A changed", "type": "user_changed_user_id", "user_id": "US.77"}},
        "A changed",
    ),
    ("request_welcome", {}, ""),
    ("unsupported", {"errors": UNSUPPORTED}, ""),
    ("unknown", {"errors": UNSUPPORTED}, ""),
    ("hologram", {"hologram": {"depth": 3, "caption": "see"}}, "see"),
    ("hologram", {"hologram": ["a", 1]}, ""),
    ("hologram", {"hologram": None}, ""),
    ("text", {"text": "a string"}, ""),
    (
        "text",
        {
            "text": {"body": "Is it there?"},
            "context": {
                "from": "1",
                "id": "wamid.p",
                "referred_product": {"catalog_id": "1", "product_retailer_id": "2"},
            },
        },
        "Is it there?",
    ),
    ("text", {"text": {"body": "From the ad"}, "referral": REFERRAL}, "From the ad"),
]


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON))


def message(
    kind: str, wamid: str = "wamid.1", *, at: datetime = NOON, sender: str = TO, **members: Any
) -> dict[str, Any]:
    return {
        "from": sender,
        "id": wamid,
        "timestamp": str(int(at.timestamp())),
        "type": kind,
    } | members


def take(number: Number, *messages: dict[str, Any]) -> None:
    """Each message comes in a body of its own and is applied at once."""
    for one in messages:
        assert knock(number, webhook(number, messages=[one])) == 200
        events.apply_due()


@pytest.mark.parametrize(("kind", "members", "text"), KINDS)
def test_every_kind_is_kept_whole_and_readable(
    number: Number, kind: str, members: dict[str, Any], text: str
) -> None:
    take(number, message(kind, **members))
    with system("test"):
        row = Message.objects.get()
        assert (row.kind, row.text, row.status, row.created_at) == (kind, text, "received", NOON)
        assert row.context_wamid == (members.get("context") or {}).get("id", "")
        # Nothing of the message is lost: what is kept gives the body's own members again.
        again = {kind: wire_object(kind, row.content)} if kind in members else {}
        assert again | row.content.get("_webhook", {}) == members
        assert Conversation.objects.get().unread_count == 1


# --- samples from a stock client's tests


def expected(name: str) -> set[tuple[str, str, str]]:
    """Kind, text and sender of what each sample leaves behind; statuses and notices leave no
    message.
    """
    sender = "972987654321"
    return {
        "callback_button.button": {("interactive", "title", sender)},
        "callback_button.quick_reply": {("button", "title", sender)},
        "callback_selection.callback": {("interactive", "title", sender)},
        "message.image": {("image", "", sender)},
        "message.order": {("order", "3 × HAMBURGER\n2 × FRENCH_FRIES\n2 × SODA", sender)},
        "message.reaction": {("reaction", "😮", sender)},
        "message.text": {("text", "Body Text", sender)},
        "message.unsupported": {("unsupported", "", sender)},
        "system.phone_number_change": {
            ("system", "User A changed from 972987654321 to 972912345678", "972912345678")
        },
    }.get(name, set())


def readdressed(raw: bytes, number: Number, name: str) -> bytes:
    """A sample about our number, with a message id of its own (the samples all share one)."""
    raw = raw.replace(b"1122334455667", number.phone_number_id.encode())
    return raw.replace(b'"wamid.xyzxyz"', f'"wamid.{name}"'.encode())


def left_behind(number: Number) -> set[tuple[str, str, str]]:
    with system("test"):
        rows = Message.objects.filter(number=number, direction="in").select_related("contact")
        return {(row.kind, row.text, row.contact.wa_id) for row in rows}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_is_applied_as_it_should_be(number: Number, name: str) -> None:
    body = readdressed(SAMPLES[name], number, name)
    assert knock(number, body) == 200
    assert events.apply_due() == 1
    found = left_behind(number)
    if name == "message.contacts":
        ((kind, text, sender),) = found
        assert (kind, text.splitlines()[0], sender) == (
            "contacts",
            "Chandler Bing, +1 555-555-5555",
            "972987654321",
        )
        assert len(text.splitlines()) >= 3
    else:
        assert found == expected(name)
    with system("test"):
        assert bytes(Event.objects.get().body) == body


# --- people


# --- free entry
