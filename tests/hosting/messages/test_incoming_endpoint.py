"""The address for incoming webhooks, and statuses in any order."""

import gzip
import itertools
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from core.tenancy import system
from hosting.cloudapi.webhooks import sign
from hosting.inbound import events
from hosting.models import (
    Conversation,
    Delivery,
    Event,
    HostedCount,
    Message,
    Number,
    ParkedStatus,
)
from tests.factories import make_business, make_number
from tests.hosting.messages.test_endpoints import (
    NOON,
    TO,
    caller,
    count,
    number,
    post,
    status,
    write,
)

# Fixtures.
__all__ = ["number"]


def webhook(
    number: Number, *, statuses: list[Any] | None = None, messages: list[Any] | None = None
) -> bytes:
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.digits,
            "phone_number_id": number.phone_number_id,
        },
        "contacts": [{"profile": {"name": "Sheena"}, "wa_id": TO}],
    }
    value |= {name: held for name, held in (("statuses", statuses), ("messages", messages)) if held}
    entry = {"id": number.account.waba_id, "changes": [{"field": "messages", "value": value}]}
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def knock(number: Number, body: bytes, signature: str | None = None, **headers: str) -> int:
    """Post to the account's webhook address, signed with the platform's secret if by no other."""
    signed = sign(body, settings.APP_SECRET) if signature is None else signature
    given = {"X-Hub-Signature-256": signed} | headers
    response = Client().post(
        f"/webhooks/{number.account.waba_id}", body, content_type="application/json", headers=given
    )
    return response.status_code


def inbound(wamid: str, text: str = "hi", at: datetime = NOON) -> dict[str, Any]:
    return {
        "from": TO,
        "id": wamid,
        "timestamp": str(int(at.timestamp())),
        "type": "text",
        "text": {"body": text},
    }


def test_a_signed_body_is_stored_and_applied(number: Number) -> None:
    assert knock(number, webhook(number, messages=[inbound("wamid.1", "Grüße 😀")])) == 200
    assert events.apply_due() == 1
    with system("test"):
        assert Message.objects.get(wamid="wamid.1").text == "Grüße 😀"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: "",
        lambda s: s[:-1],
        lambda s: s[7:],
        lambda s: s.upper(),
        lambda s: "sha1=" + s[7:],
        lambda s: "sha256=",
        lambda s: "sha256=" + "0" * 64,
        lambda s: s + "," + s,
        lambda s: s + "0",
        lambda s: "ÿ" + s,
    ],
)
def test_a_wrong_signature_is_refused_before_anything_is_read(number: Number, spoil: Any) -> None:
    body = webhook(number, messages=[inbound("wamid.1")])
    assert knock(number, body, spoil(sign(body, number.account.app_secret))) == 403
    assert count(Event) == 0


def test_the_raw_bytes_are_what_is_signed(number: Number) -> None:
    body = webhook(number, messages=[inbound("wamid.1", "😀")])
    escaped = body.replace("😀".encode(), b"\\ud83d\\ude00")
    assert knock(number, escaped, sign(body, number.account.app_secret)) == 403
    assert knock(number, escaped) == 200
    packed = gzip.compress(body)
    assert (
        knock(number, packed, sign(body, number.account.app_secret), **{"Content-Encoding": "gzip"})
        == 403
    )
    assert count(Event) == 1
    events.apply_due()
    with system("test"):
        assert Message.objects.get(wamid="wamid.1").text == "😀"


def test_a_strangers_secret_opens_no_account_and_moves_no_message(number: Number) -> None:
    wamid = _sent(number)
    stranger = make_number(make_business("Stranger"))
    body = webhook(number, statuses=[status(wamid, "delivered")])
    assert knock(number, body, sign(body, stranger.account.app_secret)) == 403
    # At the stranger's own address, with the stranger's own secret, but about a number that is not
    # theirs.
    client = Client(headers={"X-Hub-Signature-256": sign(body, stranger.account.app_secret)})
    assert (
        client.post(
            f"/webhooks/{stranger.account.waba_id}", body, content_type="application/json"
        ).status_code
        == 200
    )
    forged = webhook(number, messages=[inbound("wamid.forged")])
    client = Client(headers={"X-Hub-Signature-256": sign(forged, stranger.account.app_secret)})
    client.post(f"/webhooks/{stranger.account.waba_id}", forged, content_type="application/json")
    assert events.apply_due() == 2
    with system("test"):
        assert Message.objects.get(wamid=wamid).status == "accepted"
        assert not Message.objects.filter(wamid="wamid.forged").exists()
        assert (Event.objects.count(), Delivery.objects.count()) == (3, 0)


def test_an_unknown_account_is_404_and_a_large_body_413(number: Number) -> None:
    assert Client().post("/webhooks/1", b"{}", content_type="application/json").status_code == 404
    assert knock(number, b"x" * (3 * 1024 * 1024 + 1)) == 413
    assert count(Event) == 0


def test_the_challenge_is_answered_bare_to_the_right_token_only(number: Number) -> None:
    path = f"/webhooks/{number.account.waba_id}"
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": number.account.verify_token,
    }
    assert Client().get(path, asked).content == b"1158201444"
    for wrong in ({"hub.verify_token": "x"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": ""}):
        assert Client().get(path, asked | wrong).status_code == 403


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"1",
        b"[" * 200000,
        b'{"entry":1}',
        b'{"entry":[{"changes":[1,{"value":[]}]}]}',
    ],
)
def test_whatever_is_signed_is_kept_and_answered_200(number: Number, raw: bytes) -> None:
    assert knock(number, raw) == 200
    assert events.apply_due() == 1
    with system("test"):
        event = Event.objects.get()
        assert (bytes(event.body), event.applied_at is not None, event.dead_at) == (
            raw,
            True,
            None,
        )


def _sent(number: Number) -> str:
    """A message that was accepted and not handed over yet."""
    write(number)
    return str(orjson.loads(post(caller(number), number).content)["messages"][0]["id"])


def state(wamid: str) -> tuple[Any, ...]:
    with system("test"):
        m = Message.objects.get(wamid=wamid)
        return (
            m.status,
            m.sent_at,
            m.delivered_at,
            m.read_at,
            m.failed_at,
            Delivery.objects.filter(message_id=m.pk, failed=m.status == "failed").count(),
        )


ERROR = {"code": 131049, "title": "Held back", "error_data": {"details": "for health"}}


STEPS = [
    ("sent", NOON),
    ("delivered", NOON + timedelta(seconds=2)),
    ("read", NOON + timedelta(seconds=9)),
    ("failed", NOON + timedelta(seconds=1)),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_statuses_in_any_order_and_three_times_end_alike(
    number: Number, order: tuple[int, ...]
) -> None:
    wamid = _sent(number)
    for n, step in enumerate([*order, *order, *order]):
        kind, at = STEPS[step]
        more = {"errors": [ERROR]} if kind == "failed" else {}
        # Another body each time, so that storing it once does not hide the doubling.
        assert (
            knock(number, webhook(number, statuses=[status(wamid, kind, at, n=n, **more)])) == 200
        )
        events.apply_due()
    times = dict(STEPS)
    assert state(wamid) == (
        "read",
        times["sent"],
        times["delivered"],
        times["read"],
        times["failed"],
        1,
    )
    assert count(ParkedStatus) == 0


def test_statuses_in_one_batch_end_as_one_by_one(number: Number) -> None:
    wamid = _sent(number)
    every = [status(wamid, kind, at) for kind, at in STEPS] * 3
    random.Random(7).shuffle(every)
    for part in (every[:5], every[5:]):
        knock(number, webhook(number, statuses=part))
    assert events.apply_due() == 2
    at = dict(STEPS)
    assert state(wamid) == ("read", at["sent"], at["delivered"], at["read"], at["failed"], 1)


@pytest.mark.parametrize(
    ("kinds", "ends", "deliveries"),
    [
        (["read"], "read", 1),
        (["failed", "sent"], "failed", 1),
        (["sent", "failed"], "failed", 1),
        (["sent"], "sent", 0),
        (["failed", "delivered"], "delivered", 1),
        (["delivered", "sent", "failed"], "delivered", 1),
        (["played"], "read", 1),
    ],
)
def test_the_rank_only_rises(number: Number, kinds: list[str], ends: str, deliveries: int) -> None:
    wamid = _sent(number)
    for kind in kinds:
        knock(number, webhook(number, statuses=[status(wamid, kind)]))
        events.apply_due()
    assert (state(wamid)[0], state(wamid)[-1]) == (ends, deliveries)


def test_a_status_before_its_message_is_parked_and_comes_back(number: Number) -> None:
    for kind in ("delivered", "sent", "delivered"):
        knock(number, webhook(number, statuses=[status("wamid.early", kind)]))
        events.apply_due()
    assert (count(ParkedStatus), count(Event)) == (2, 2)
    wamid = _sent(number)
    with system("test"):
        Message.objects.filter(wamid=wamid).update(wamid="wamid.early")
    assert events.unpark() == 2
    assert (state("wamid.early")[0], state("wamid.early")[-1], count(ParkedStatus)) == (
        "delivered",
        1,
        0,
    )
    assert events.unpark() == 0


def test_a_status_of_another_number_never_touches_a_message(number: Number) -> None:
    wamid = _sent(number)
    other = make_number(make_business("Other"))
    knock(other, webhook(other, statuses=[status(wamid, "delivered")]))
    events.apply_due()
    assert (state(wamid)[0], count(Delivery), count(ParkedStatus)) == ("accepted", 0, 1)


@pytest.mark.parametrize(
    "stamp", ["0", "-1", "", "x", None, 253402300800, "1e309", "99999999999999999999", [], {}, True]
)
def test_impossible_times_are_taken_in_and_bill_within_reason(number: Number, stamp: Any) -> None:
    wamid = _sent(number)
    assert (
        knock(number, webhook(number, statuses=[status(wamid, "delivered") | {"timestamp": stamp}]))
        == 200
    )
    events.apply_due()
    with system("test"):
        delivery, message = Delivery.objects.get(), Message.objects.get(wamid=wamid)
        assert message.status == "delivered"
        assert delivery.delivered_at == NOON


@pytest.mark.parametrize(
    ("at", "billed"),
    [
        (NOON - timedelta(days=40), NOON),
        (NOON + timedelta(days=40), NOON),
        (datetime(2026, 6, 1, tzinfo=UTC), NOON),
    ],
)
def test_a_wrong_clock_moves_no_delivery_into_another_month(
    number: Number, at: datetime, billed: datetime
) -> None:
    wamid = _sent(number)
    knock(number, webhook(number, statuses=[status(wamid, "delivered", at)]))
    events.apply_due()
    with system("test"):
        assert Delivery.objects.get().delivered_at == billed
        assert Message.objects.get(wamid=wamid).delivered_at == at


def test_milliseconds_are_noticed(number: Number) -> None:
    wamid = _sent(number)
    stamp = str(int((NOON - timedelta(seconds=5)).timestamp() * 1000))
    knock(number, webhook(number, statuses=[status(wamid, "sent") | {"timestamp": stamp}]))
    events.apply_due()
    assert state(wamid)[1] == NOON - timedelta(seconds=5)


def test_the_same_webhook_fifty_times_in_parallel_is_one_event_and_one_message(
    committed_db: None,
) -> None:
    number = make_number(make_business())
    body = webhook(number, messages=[inbound("wamid.1")])
    codes: list[int] = []

    def ring() -> None:
        codes.extend(knock(number, body) for _ in range(5))
        connections.close_all()

    threads = [threading.Thread(target=ring) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events.apply_due()
    assert codes == [200] * 50
    assert (count(Event), count(Message)) == (1, 1)
    with system("test"):
        assert Conversation.objects.get().unread_count == 1
        assert HostedCount.objects.get().messages == 1


def test_a_hundred_thousand_entries_are_answered(number: Number) -> None:
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [{}] * 100_000})
    assert knock(number, body) == 200
    assert events.apply_due() == 1
    assert count(Message) == 0
