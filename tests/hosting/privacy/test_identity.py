"""Erasure works by parsed identity within the business, and nothing brings a customer back."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from accounts.models import User
from core.tenancy import scope, system
from hosting.inbound import events
from hosting.models import (
    Contact,
    Event,
    IdempotentReply,
    Message,
    Number,
    ParkedStatus,
    WebhookCall,
)
from hosting.privacy import erasure
from tests.factories import make_business, make_messages, make_number
from tests.hosting.messages.test_endpoints import status
from tests.hosting.messages.test_incoming_endpoint import inbound, knock, webhook
from tests.tenant_rows import changed, rows_of

STEPS = orjson.loads((Path(__file__).parent / "data" / "gdpr_rebatched_retry.json").read_bytes())
PROTOCOL_WORDS = ("whatsapp_business_account", "messages", "statuses", "1", "id", "sent", "")


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business("M"))


@pytest.fixture
def stranger(db: None) -> Number:
    return make_number(make_business("V"))


def said(number: Number, wamid: str, sender: str, text: str = "hi") -> bytes:
    one = inbound(wamid, text, timezone.now()) | {"from": sender}
    body = orjson.loads(webhook(number, messages=[one]))
    value = body["entry"][0]["changes"][0]["value"]
    value["contacts"] = [{"profile": {"name": "Ann"}, "wa_id": sender}]
    return orjson.dumps(body)


def take(number: Number, body: bytes) -> None:
    assert knock(number, body) == 200
    events.apply_due()


def forget(number: Number, wa_id: str) -> None:
    with scope(number.business_id):
        erasure.request_erasure(contact=Contact.objects.get(wa_id=wa_id))
    assert erasure.erase_due() == 1


@pytest.mark.parametrize("word", [*PROTOCOL_WORDS, "phone_number_id", "wamid"])
def test_forgetting_a_word_of_the_protocol_touches_nothing_of_others(
    number: Number, stranger: Number, word: str
) -> None:
    """The attack: raw events of all tenants lost their bytes, parked statuses went."""
    operator = User.objects.create_superuser("ops@example.com")
    for one in (number, stranger):
        take(one, said(one, f"wamid.{one.pk}", "14155550100"))
        knock(one, webhook(one, statuses=[status("wamid.nobody", "failed", errors=[{"code": 1}])]))
        events.apply_due()
        with system("test"):
            IdempotentReply.objects.create(
                business=one.business, key=f"1-id-{one.pk}", fingerprint=b"x", body=b'{"id": "1"}'
            )
            LogEntry.objects.create(
                user=operator, content_type=ContentType.objects.get_for_model(Number),
                object_id=str(one.pk), object_repr=str(one), action_flag=CHANGE,
            )  # fmt: skip
    names = {"phone_number_id": stranger.phone_number_id, "wamid": f"wamid.{stranger.pk}"}
    wa_id = names.get(word, word)[:32]
    # A customer whose number the business chose, as a send to a user id lets it.
    make_messages(number.business, number, 1, to=wa_id)
    with system("test"):
        logged = list(LogEntry.objects.values_list("object_repr", flat=True))
        bodies = list(Event.objects.order_by("pk").values_list("pk", "body"))
    theirs, own = rows_of(stranger.business_id), rows_of(number.business_id)
    forget(number, wa_id)
    assert changed(theirs, rows_of(stranger.business_id)) == {}
    # Nor did it touch what M's own other customers left.
    left = rows_of(number.business_id)
    for table in ("hosting_event", "hosting_idempotentreply", "hosting_parkedstatus"):
        assert left[table] == own[table]
    with system("test"):
        assert list(LogEntry.objects.values_list("object_repr", flat=True)) == logged
        assert list(Event.objects.order_by("pk").values_list("pk", "body")) == bodies


def test_the_same_person_stays_with_the_other_business(number: Number, stranger: Number) -> None:
    for one in (number, stranger):
        take(one, said(one, f"wamid.{one.pk}", "14155550100"))
    before = rows_of(stranger.business_id)
    forget(number, "14155550100")
    assert changed(before, rows_of(stranger.business_id)) == {}
    with system("test"):
        assert [bool(bytes(one.body)) for one in Event.objects.order_by("pk")] == [False, True]


def test_of_a_body_about_several_only_the_forgotten_goes(number: Number, stranger: Number) -> None:
    """The platform's own address: one body about customers of two businesses."""
    one = orjson.loads(said(number, "wamid.a", "14155550100", "marzipan"))
    two = orjson.loads(said(number, "wamid.b", "14155550199", "nougat"))
    three = orjson.loads(said(stranger, "wamid.c", "14155550100", "almond"))
    with system("test"):
        body = orjson.dumps(one | {"entry": one["entry"] + two["entry"] + three["entry"]})
        events.store_event(body=body, account_id=None)
    events.apply_due()
    forget(number, "14155550100")
    with system("test"):
        left = bytes(Event.objects.get().body)
    assert b"marzipan" not in left
    assert b"nougat" in left
    assert b"almond" in left


def test_a_number_in_a_text_is_no_identity(number: Number) -> None:
    take(number, said(number, "wamid.a", "14155550100"))
    take(number, said(number, "wamid.b", "14155550199", "call 14155550100"))
    forget(number, "14155550100")
    with system("test"):
        assert [bool(bytes(one.body)) for one in Event.objects.order_by("pk")] == [False, True]


def test_a_parked_status_and_a_repeated_reply_go_by_whom_they_name(number: Number) -> None:
    take(number, said(number, "wamid.a", "14155550100"))
    for to in ("14155550100", "14155550199"):
        told = status(f"wamid.{to}", "sent") | {"recipient_id": to}
        take(number, webhook(number, statuses=[told]))
        reply = {"contacts": [{"input": f"+{to}", "wa_id": to}]}
        with system("test"):
            IdempotentReply.objects.create(
                business=number.business, key=to, fingerprint=b"x", body=orjson.dumps(reply)
            )
            WebhookCall.objects.filter(business=number.business).delete()
    forget(number, "14155550100")
    with system("test"):
        assert list(ParkedStatus.objects.values_list("recipient", flat=True)) == ["14155550199"]
        assert list(IdempotentReply.objects.values_list("key", flat=True)) == ["14155550199"]


# --- nothing brings them back


def bodies_again(number: Number, wamid: str, sender: str) -> list[bytes]:
    """The same message as a network may send it again: in other company, spacing, shape."""
    once = orjson.loads(said(number, wamid, sender))
    entry = once["entry"][0]
    another = orjson.loads(said(number, "wamid.other", "14155550199"))["entry"][0]
    value = entry["changes"][0]["value"]
    doubled = {"field": "messages", "value": value | {"messages": value["messages"] * 2}}
    return [
        orjson.dumps(once | {"entry": [entry, {"id": "x", "changes": []}]}),
        orjson.dumps(once, option=orjson.OPT_INDENT_2),
        orjson.dumps(once | {"entry": [another, entry]}),
        orjson.dumps(once | {"entry": [entry | {"changes": [doubled]}]}),
    ]


def test_a_rebatched_retry_brings_nothing_back(number: Number) -> None:
    assert STEPS["3"].startswith("POST the same message again inside a body with one more")
    sender, wamid = STEPS["1"].split()[-1], "wamid.X"
    take(number, said(number, wamid, sender, "a secret"))
    forget(number, sender)
    for body in bodies_again(number, wamid, sender):
        take(number, body)
    with system("test"):
        assert not Contact.objects.filter(wa_id=sender).exists()
        assert list(Message.objects.values_list("wamid", flat=True)) == ["wamid.other"]
        assert Event.objects.filter(applied_at=None).count() == 0


def test_statuses_of_forgotten_messages_are_not_parked(number: Number) -> None:
    (key,) = make_messages(number.business, number, 1, to="14155550100")
    with system("test"):
        Message.objects.filter(pk=key).update(wamid="wamid.out", upstream_wamid="wamid.there")
    forget(number, "14155550100")
    for wamid in ("wamid.out", "wamid.there"):
        take(number, webhook(number, statuses=[status(wamid, "read")]))
    with system("test"):
        assert ParkedStatus.objects.count() == 0


def test_a_new_message_is_a_new_customer_and_another_business_is_not_concerned(
    number: Number, stranger: Number
) -> None:
    take(number, said(number, "wamid.X", "14155550100"))
    forget(number, "14155550100")
    take(number, said(number, "wamid.Y", "14155550100"))
    take(stranger, said(stranger, "wamid.X", "14155550100"))
    with system("test"):
        found: Any = Message.objects.order_by("id").values_list("number_id", "wamid")
        assert list(found) == [(number.pk, "wamid.Y"), (stranger.pk, "wamid.X")]
