"""Every field of a webhook is applied, shown and passed on; who signed it decides for whom."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.urls import reverse

from core.tenancy import scope, system
from hosting.cloudapi.webhooks import parse, sign
from hosting.inbound import events
from hosting.models import (
    ChatImport,
    Contact,
    Conversation,
    Delivery,
    HostedCount,
    Message,
    NetworkNotice,
    Number,
    Webhook,
    WebhookCall,
)
from hosting.privacy import bodies, erasure
from tests.factories import make_business, make_number
from tests.hosting.contacts.test_pages import reader
from tests.hosting.inbound.test_events import message, take
from tests.hosting.inbound.test_payloads import field_body
from tests.hosting.messages.test_endpoints import NOON, caller, count, post, status
from tests.hosting.messages.test_incoming_endpoint import knock, webhook

CASES = Path(__file__).parent / "data" / "reported"
FLO, SAM, GROUP = "447700900109", "447700900120", "Y2FwaV9ncm91cDox"
THEN = datetime.fromtimestamp(1796000000, UTC)


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON), digits="15550000000")


def case(number: Number, name: str, **changes: Any) -> None:
    raw = (CASES / f"{name}.json").read_bytes()
    body = raw.replace(b"<phone_number_id>", number.phone_number_id.encode())
    body = body.replace(b"<waba_id>", number.account.waba_id.encode())
    apply(number, body)


def apply(number: Number, body: bytes, signature: str | None = None) -> None:
    assert knock(number, body, signature) == 200
    events.apply_due()


def told(number: Number, field: str, **value: Any) -> bytes:
    about = {"display_phone_number": number.digits, "phone_number_id": number.phone_number_id}
    return field_body(number, field, {"messaging_product": "whatsapp", "metadata": about} | value)


def listen(number: Number, *fields: str) -> None:
    with system("test"):
        Webhook.objects.create(
            business=number.business,
            account=number.account,
            url="https://a.example/",
            is_active=True,
            **({"fields": list(fields)} if fields else {}),
        )


def calls() -> list[tuple[str, dict[str, Any]]]:
    with system("test"):
        return [
            (row.field, orjson.loads(bytes(row.body))["entry"][0]["changes"][0])
            for row in WebhookCall.objects.order_by("id")
        ]


def preference(value: str, at: int, wa_id: str = FLO) -> dict[str, Any]:
    return {
        "wa_id": wa_id,
        "category": "marketing_messages",
        "value": value,
        "timestamp": at,
    }


# --- opt-outs


def test_marketing_is_stopped_and_resumed_by_the_networks_button(number: Number) -> None:
    other = make_number(make_business("Other"))
    take(other, message("text", sender=FLO, text={"body": "hi"}))
    case(number, "user_preferences_stop")
    with system("test"):
        found = Contact.objects.get(business=number.business)
        assert (found.wa_id, found.opted_out_at) == (FLO, THEN)
        assert Contact.objects.get(business=other.business).opted_out_at is None
    assert count(Message) == 1  # the other's
    page = reader(number.business, "agent").get(f"/contacts/{found.pk}/").content.decode()
    assert "no marketing" in page.lower() or "unsubscribed" in page.lower()
    apply(
        number,
        told(number, "user_preferences", user_preferences=[preference("resume", 1796000060)]),
    )
    with system("test"):
        assert Contact.objects.get(business=number.business).opted_out_at is None


def test_of_several_words_the_latest_counts_and_others_are_none(number: Number) -> None:
    said = [preference("resume", 30), preference("stop", 20), preference("stop", 10, SAM)]
    said += [preference("maybe", 40), {"value": "stop"}, preference("stop", 50) | {"category": "x"}]
    apply(number, told(number, "user_preferences", user_preferences=said))
    with system("test"):
        assert dict(Contact.objects.values_list("wa_id", "opted_out_at")) == {
            FLO: None,
            SAM: datetime.fromtimestamp(10, UTC),
        }


# --- calls


def test_a_missed_call_is_an_entry_of_the_thread_and_opens_no_window(number: Number) -> None:
    listen(number, "messages", "calls")
    case(number, "call_missed")
    with system("test"):
        found = Message.objects.get()
        thread = Conversation.objects.get()
        assert (found.kind, found.direction, found.created_at) == ("call", "in", THEN)
        assert (found.contact.wa_id, thread.unread_count) == (SAM, 1)
        assert (thread.last_inbound_at, thread.last_message_text) == (None, "[call]")
    page = reader(number.business, "agent").get(f"/inbox/{thread.public_id}/")
    assert "Missed call" in page.content.decode()
    ((field, change),) = calls()
    assert (field, change["field"]) == ("calls", "calls")
    assert change["value"]["calls"][0]["id"] == "wacid.X"
    refused = post(caller(number), number, {"to": SAM, "text": {"body": "hi"}})
    assert orjson.loads(refused.content)["error"]["code"] in (100, 131047)


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ({"direction": "USER_INITIATED", "duration": 185}, "185 seconds"),
        ({"direction": "BUSINESS_INITIATED", "duration": 0}, "Call not answered"),
        ({"direction": "USER_INITIATED", "status": "COMPLETED"}, "Missed call"),
    ],
)
def test_calls_say_what_became_of_them(number: Number, call: dict[str, Any], shown: str) -> None:
    ends = {"to": number.digits, "from": SAM}
    if call["direction"] == "BUSINESS_INITIATED":
        ends = {"from": number.digits, "to": SAM}
    rings = {"id": "wacid.Y", "event": "connect", "timestamp": "1796000000"} | ends | call
    apply(number, told(number, "calls", calls=[rings]))
    assert count(Message) == 0
    apply(number, told(number, "calls", calls=[rings | {"event": "terminate"}]))
    with system("test"):
        thread = Conversation.objects.get()
        assert thread.contact.wa_id == SAM
    page = reader(number.business, "agent").get(f"/inbox/{thread.public_id}/")
    assert shown in page.content.decode()


# --- groups


@pytest.mark.parametrize("name", ["group_message", "webhook_group_message"])
def test_what_somebody_writes_to_a_group_is_in_a_thread_of_the_group(
    number: Number, name: str
) -> None:
    raw = (CASES / f"{name}.json").read_bytes()
    (found,) = parse(raw).messages
    assert found.wa_id in (GROUP, "G1")
    assert not found.opens_window
    listen(number)
    body = raw.replace(b"<phone_number_id>", number.phone_number_id.encode())
    body = body.replace(b'"NUMBER"', f'"{number.phone_number_id}"'.encode())
    apply(number, body)
    with system("test"):
        thread = Conversation.objects.get()
        assert (thread.contact.wa_id, thread.contact.name) == (found.wa_id, "")
        assert (thread.last_inbound_at, thread.referred_at) == (None, None)
        assert Message.objects.get().content["_author"]["wa_id"] == found.author
    ((field, change),) = calls()
    (passed,) = change["value"]["messages"]
    assert (field, passed["from"], passed["group_id"]) == ("messages", found.author, found.wa_id)
    assert "_author" not in passed[passed["type"]]
    page = reader(number.business, "agent").get(f"/inbox/{thread.public_id}/").content.decode()
    assert (found.author_name or found.author) in page
    assert "A group is read here" in page
    assert f"/inbox/{thread.public_id}/templates/" not in page


def test_a_group_message_leaves_the_senders_own_thread_alone(number: Number) -> None:
    take(number, message("text", sender="447700900101", text={"body": "private"}))
    with system("test"):
        before = Conversation.objects.get().last_inbound_at
    case(number, "group_message")
    with system("test"):
        own = Conversation.objects.get(contact__wa_id="447700900101")
        group = Conversation.objects.exclude(pk=own.pk).get()
        assert (own.last_inbound_at, own.messages.count()) == (before, 1)
        assert group.messages.count() == 1
        assert str(group.contact) == "Group bDox" or str(group.contact).startswith("Group ")
    stop = message("text", "wamid.s", sender="447700900101", text={"body": "STOP"})
    apply(number, webhook(number, messages=[stop | {"group_id": GROUP}]))
    with system("test"):
        assert not Contact.objects.exclude(opted_out_at=None).exists()


def test_a_group_is_named_by_its_events_and_not_written_to(number: Number) -> None:
    case(number, "group_message")
    event = {
        "group_id": GROUP,
        "type": "group_create",
        "subject": "Regulars",
        "timestamp": "1796000100",
    }
    apply(number, told(number, "group_lifecycle_update", groups=[event]))
    apply(number, told(number, "group_lifecycle_update", groups=[event], again=1))
    with system("test"):
        thread = Conversation.objects.get()
        assert (str(thread.contact), thread.messages.count()) == ("Regulars", 2)
        assert thread.messages.latest("id").text == "group create: Regulars"
    with scope(number.business_id):
        from hosting.errors import CloudApiError
        from hosting.messages.send import send_message

        with pytest.raises(CloudApiError, match="group"):
            send_message(
                business=number.business,
                number=number,
                to=GROUP,
                kind="text",
                content={"body": "hi"},
            )
    assert count(Message) == 2


# --- the phone's own app


def test_what_the_app_sends_is_shown_as_ours_and_never_billed(number: Number) -> None:
    listen(number, "smb_message_echoes")
    take(number, message("text", sender=FLO, text={"body": "hi"}))
    case(number, "smb_message_echoes")
    case(number, "smb_message_echoes")
    with system("test"):
        sent = Message.objects.get(direction="out")
        assert (sent.wamid, sent.text, sent.status) == (
            "wamid.E",
            "sent from the phone app",
            "sent",
        )
        assert (sent.created_at, sent.category) == (THEN, "service")
        assert sent.imported_from.source == "app"
        assert sent.pk > Message.objects.get(direction="in").pk
        thread = Conversation.objects.get()
        assert (thread.last_message_text, thread.unread_count) == ("sent from the phone app", 1)
        assert HostedCount.objects.get().messages == 1
    apply(number, webhook(number, statuses=[status("wamid.E", "delivered")]))
    with system("test"):
        assert Message.objects.get(wamid="wamid.E").status == "delivered"
        assert not Delivery.objects.exists()
    assert [field for field, _ in calls()] == ["smb_message_echoes"]


def test_a_number_that_moves_from_the_app_brings_its_past_along(number: Number) -> None:
    take(number, message("text", "wamid.now", sender=FLO, text={"body": "now"}))
    past: list[dict[str, Any]] = [
        {"from": FLO, "id": "wamid.p1", "timestamp": "1700000000", "type": "text",
         "text": {"body": "long ago"}, "history_context": {"status": "READ"}},
        {"from": number.digits, "to": FLO, "id": "wamid.p2", "timestamp": "1700000060",
         "type": "text", "text": {"body": "answered"}, "history_context": {"status": "READ"}},
        {"from": FLO, "id": "wamid.p3", "timestamp": "1700000120", "type": "image",
         "image": {"id": "1", "caption": "a photo"}},
        {"from": FLO, "id": "wamid.now", "timestamp": "1700000180", "type": "text",
         "text": {"body": "known already"}},
        {"from": FLO, "id": "wamid.p4", "timestamp": "never", "type": "text"},
    ]  # fmt: skip
    threads = [
        {"id": FLO, "messages": past},
        {"id": SAM, "messages": [past[0] | {"id": "wamid.q"}]},
    ]
    body = told(number, "history", history=[{"metadata": {"phase": 0}, "threads": threads}])
    apply(number, body)
    with system("test"):
        rows = Message.objects.filter(contact__wa_id=FLO).order_by("id")
        assert list(rows.values_list("wamid", "direction", "kind", "text", "status")) == [
            ("wamid.p1", "in", "text", "long ago", "received"),
            ("wamid.p2", "out", "text", "answered", "read"),
            ("wamid.p3", "in", "media_placeholder", "a photo", "received"),
            ("wamid.now", "in", "text", "now", "received"),
        ]
        thread = Conversation.objects.get(contact__wa_id=SAM)
        assert (thread.last_inbound_at, thread.is_resolved) == (None, True)
        job = ChatImport.objects.get()
        assert (job.source, job.state, job.added, job.processed) == ("app", "done", 4, 5)
        assert not job.can_be_undone
        assert HostedCount.objects.get().messages == 1
        assert not Delivery.objects.exists()
    assert "WhatsApp Business app" in (
        reader(number.business, "owner").get(reverse("imports")).content.decode()
    )


def test_the_apps_address_book_names_customers(number: Number) -> None:
    take(number, message("text", sender=FLO, text={"body": "hi"}))

    def entry(phone: str, name: str, action: str = "add") -> dict[str, Any]:
        return {
            "type": "contact",
            "contact": {"full_name": name, "phone_number": phone},
            "action": action,
        }

    book = [
        entry(f"+{FLO}", "Flo Baker"),
        entry("55 11 8765-0011", "Bia"),
        entry(SAM, "Sam", "remove"),
        entry("x", "?"),
    ]
    apply(number, told(number, "smb_app_state_sync", state_sync=book))
    apply(number, told(number, "smb_app_state_sync", state_sync=[entry(FLO, "Other")]))
    with system("test"):
        assert dict(Contact.objects.values_list("wa_id", "alias")) == {
            FLO: "Flo Baker",
            "5511987650011": "Bia",
        }
    assert count(Message) == 1


# --- other fields


@pytest.mark.parametrize(
    ("field", "known"),
    [
        ("business_capability_update", True), ("security", True), ("account_alerts", True),
        ("flows", True), ("payment_configuration_update", True), ("account_update", True),
        ("brand_new_field", False),
    ],
)  # fmt: skip
def test_other_fields_are_listed_with_their_body_and_passed_on(
    number: Number, field: str, known: bool
) -> None:
    listen(number)
    apply(number, field_body(number, field, {"event": "<b>SOMETHING</b>", "n": 7}))
    with system("test"):
        kept = NetworkNotice.objects.get()
        assert (kept.field, kept.is_known, kept.number) == (field, known, None)
    ((name, change),) = calls()
    assert (name, change) == (
        field,
        {"field": field, "value": {"event": "<b>SOMETHING</b>", "n": 7}},
    )
    client = reader(number.business, "owner")
    page = client.get(reverse("network_notices")).content.decode()
    assert field in page
    assert "&lt;b&gt;SOMETHING" in page
    assert ("unknown</span>" in page) is not known
    unknown = client.get(reverse("network_notices") + "?show=unknown").content.decode()
    assert (field in unknown) is not known
    stranger = reader(make_business("Other"), "owner").get(reverse("network_notices"))
    assert field not in stranger.content.decode()


def test_an_unknown_field_goes_to_webhooks_that_chose_other_fields(number: Number) -> None:
    listen(number, "messages", "security")
    apply(number, field_body(number, "brand_new_field", {"n": 1}))
    assert calls() == []
    apply(number, field_body(number, "security", {"event": "PIN_CHANGED"}))
    assert [field for field, _ in calls()] == ["security"]


def test_only_the_newest_notices_are_kept(number: Number, monkeypatch: pytest.MonkeyPatch) -> None:
    from hosting.inbound import network_notices

    monkeypatch.setattr(network_notices, "NEWEST", 2)
    for n in range(4):
        apply(number, field_body(number, "security", {"n": n}))
    with system("test"):
        kept = NetworkNotice.objects.order_by("id")
        assert [orjson.loads(bytes(row.body))["n"] for row in kept] == [2, 3]


def test_a_forgotten_customer_is_in_no_notice(number: Number) -> None:
    case(number, "user_preferences_stop")
    case(number, "call_missed")
    with system("test"):
        person = erasure._person(Contact.objects.get(wa_id=FLO))
        bodies.erase_bodies(person)
        assert [row.field for row in NetworkNotice.objects.all()] == ["calls"]


def test_a_change_counts_only_within_the_account_that_signed_it(number: Number) -> None:
    other = make_number(make_business("Other"), digits="15550000001")
    foreign = [
        told(other, "user_preferences", user_preferences=[preference("stop", 10)]),
        told(other, "smb_message_echoes", message_echoes=[{
            "to": FLO, "id": "wamid.x", "timestamp": "10", "type": "text", "text": {"body": "x"},
        }]),
        told(other, "calls", calls=[{
            "id": "wacid.z", "from": FLO, "event": "terminate", "timestamp": "10",
        }]),
        field_body(other, "security", {"event": "x"}),
    ]  # fmt: skip
    for body in foreign:
        assert knock(number, body, sign(body, number.account.app_secret)) == 200
    events.apply_due()
    for model in (Contact, Message, NetworkNotice, WebhookCall, ChatImport):
        assert count(model) == 0
