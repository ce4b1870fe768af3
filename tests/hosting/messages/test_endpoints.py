"""The two endpoints: who may come in, what is refused without a trace, and what arrives doubled,
shuffled, early or late.
"""

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

from accounts.models import ApiKey, KeyScope
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
    Outgoing,
    ParkedStatus,
    SimulatedPhone,
)
from hosting.transports import sandbox
from tests.factories import make_business, make_key, make_number, make_template

TO = "16505551234"
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
TEXT = {"messaging_product": "whatsapp", "to": TO, "text": {"body": "hi"}}


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON))


def caller(number: Number, **fields: Any) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_key(number.business, **fields)}"})


def post(client: Client, number: Number, body: Any = TEXT, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return client.post(
        f"/v23.0/{number.phone_number_id}/messages",
        raw,
        content_type="application/json",
        headers=headers,
    )


def write(number: Number, text: str = "hello", at: datetime | None = None) -> str:
    """The customer writes; the message is applied."""
    with system("test"):
        phone, _ = SimulatedPhone.objects.get_or_create(
            business=number.business, wa_id=TO, name="Sheena"
        )
        wamid = sandbox.write(simulated_phone=phone, number=number, text=text, at=at)
    events.apply_due()
    return wamid


def code_of(response: Any) -> tuple[int, int]:
    return response.status_code, orjson.loads(response.content)["error"]["code"]


def count(model: Any, **which: Any) -> int:
    with system("test"):
        return int(model.objects.filter(**which).count())


def nothing_sent() -> bool:
    return not any(count(model) for model in (Outgoing, Delivery)) and not count(
        Message, direction="out"
    )


# --- keys


def test_a_text_within_the_window_is_accepted_with_its_wamid(number: Number) -> None:
    write(number)
    response = post(caller(number), number)
    body = orjson.loads(response.content)
    assert (response.status_code, body["contacts"]) == (200, [{"input": TO, "wa_id": TO}])
    with system("test"):
        message = Message.objects.get(wamid=body["messages"][0]["id"])
        assert (message.status, message.category, message.window_open) == (
            "accepted",
            "service",
            True,
        )
        assert Outgoing.objects.get().message_id == message.pk


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic eDp4", "Bearer parley_00000000_" + "A" * 43]
)
def test_a_bad_key_is_190(number: Number, header: str) -> None:
    write(number)
    response = post(Client(), number, Authorization=header)
    assert code_of(response) == (401, 190)
    assert nothing_sent()


def test_revoked_and_expired_keys_are_190_and_scopes_hold(number: Number) -> None:
    write(number)
    key = make_key(number.business)
    for change in ({"revoked_at": NOON}, {"expires_at": NOON}):
        with system("test"):
            ApiKey.objects.update(revoked_at=None, expires_at=None)
            ApiKey.objects.update(**change)
        assert code_of(post(Client(), number, Authorization=f"Bearer {key}")) == (401, 190)
    with system("test"):
        _, reader = ApiKey.issue(number.business, name="r", scopes=[KeyScope.READ])
    assert code_of(post(Client(), number, Authorization=f"Bearer {reader}")) == (403, 200)
    assert nothing_sent()


def test_all_three_ways_to_carry_a_key_and_every_version(number: Number) -> None:
    write(number)
    key = make_key(number.business)
    for version in ("", "/v13.0", "/v23.0", "/v26.0"):
        path = f"{version}/{number.phone_number_id}"
        assert Client().get(f"{path}?access_token={key}").status_code == 200
        # Only where stock clients put it: URLs stay in logs.
        refused = Client().post(
            f"{path}/messages?access_token={key}", TEXT, content_type="application/json"
        )
        assert code_of(refused) == (401, 190)
    assert post(Client(), number, **{"D360-API-KEY": key}).status_code == 200
    assert code_of(caller(number).get(f"/v23.0/{number.phone_number_id}/messages")) == (400, 100)


# --- strangers


def test_a_strangers_number_is_not_there(number: Number) -> None:
    write(number)
    stranger = make_number(make_business("Stranger"))
    client = caller(stranger)
    foreign, missing = post(client, number), post(client, Number(phone_number_id="999999999999999"))
    assert code_of(foreign) == code_of(missing) == (404, 803)
    for path in (
        f"/v23.0/{number.phone_number_id}",
        f"/v23.0/{number.account.waba_id}/phone_numbers",
        f"/v23.0/{number.account.waba_id}/message_templates",
    ):
        assert code_of(client.get(path)) == (404, 803)
    assert nothing_sent()


def test_a_strangers_message_can_be_neither_read_nor_reacted_to(number: Number) -> None:
    wamid = write(number)
    stranger = make_number(make_business("Stranger", clock_at=NOON))
    write(stranger)
    client = caller(stranger)
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    assert code_of(post(client, stranger, read)) == (400, 131009)
    react = {"messaging_product": "whatsapp", "to": TO, "type": "reaction"}
    assert code_of(
        post(client, stranger, react | {"reaction": {"message_id": wamid, "emoji": "x"}})
    ) == (400, 131009)
    with system("test"):
        assert Conversation.objects.get(number=number).unread_count == 1
    assert nothing_sent()


# --- what is not a request


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"to=1&text=2",
        b"[" * 20000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"a\\u0000b"}}',
        b'{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"a\\ud800b"}}',
        b'{"messaging_product":"whatsapp","to":"16505551234","text":{"body":1e999}}',
        b'{"messaging_product":"whatsapp","to":16505551234.5,"text":{"body":"x"}}',
        b'{"messaging_product":"whatsapp","to":["16505551234"],"text":{"body":"x"}}',
        b'{"messaging_product":"telegram","to":"16505551234","text":{"body":"x"}}',
    ],
)
def test_what_is_no_send_body_is_refused_without_a_trace(number: Number, raw: bytes) -> None:
    write(number)
    status, code = code_of(post(caller(number), number, raw))
    assert (status, code) in {(400, 100), (400, 131008), (400, 131009)}
    assert nothing_sent()


def test_a_body_of_three_megabytes_is_too_large(number: Number) -> None:
    write(number)
    body = TEXT | {"padding": "x" * (3 * 1024 * 1024)}
    assert code_of(post(caller(number), number, body)) == (400, 100)
    assert nothing_sent()


def test_members_that_would_set_our_own_columns_are_ignored(number: Number) -> None:
    write(number)
    forged = TEXT | {
        "status_rank": 4,
        "business_id": 1,
        "price": 0,
        "category": "utility",
        "window_open": True,
    }
    wamid = orjson.loads(post(caller(number), number, forged).content)["messages"][0]["id"]
    with system("test"):
        message = Message.objects.get(wamid=wamid)
        assert (message.business_id, message.category, message.status) == (
            number.business_id,
            "service",
            "accepted",
        )


# --- the window, the template, the plan, suspension


def test_free_form_needs_the_window_and_a_template_does_not(number: Number) -> None:
    client = caller(number)
    assert code_of(post(client, number)) == (400, 131047)
    write(number, at=NOON - timedelta(hours=24))
    assert code_of(post(client, number)) == (400, 131047)
    assert nothing_sent()
    make_template(number, "hello", components=[{"type": "BODY", "text": "Hello"}])
    hello = {"type": "template", "template": {"name": "hello", "language": {"code": "en_US"}}}
    assert (
        post(client, number, {"messaging_product": "whatsapp", "to": TO} | hello).status_code == 200
    )
    write(number, at=NOON - timedelta(hours=24) + timedelta(seconds=1))
    assert post(client, number).status_code == 200
    with system("test"):
        found = (
            Message.objects.filter(direction="out")
            .order_by("id")
            .values_list("category", "window_open")
        )
        assert list(found) == [("utility", False), ("service", True)]


def test_a_number_does_not_write_to_itself_nor_while_suspended(number: Number) -> None:
    write(number)
    assert code_of(post(caller(number), number, TEXT | {"to": number.digits})) == (400, 131021)
    with system("test"):
        number.business.suspend("invoice overdue")
    status, reply = (
        (response := post(caller(number), number)).status_code,
        orjson.loads(response.content),
    )
    assert (status, reply["error"]["code"]) == (403, 131031)
    assert "invoice overdue" in reply["error"]["error_data"]["details"]
    assert nothing_sent()


def test_exactly_the_plans_messages_are_accepted_of_200_in_parallel(committed_db: None) -> None:
    business = make_business("Small", plan_id="free", clock_at=NOON)
    number = make_number(business)
    with system("test"):
        business.plan.hosted_messages = 50
        business.plan.save()
    write(number)
    # The customer's message counts too: 49 are left.
    key = make_key(business)
    waiting, codes = iter(range(200)), []
    lock = threading.Lock()

    def ask() -> None:
        client = Client(headers={"Authorization": f"Bearer {key}"})
        while True:
            with lock:
                if next(waiting, None) is None:
                    break
            response = post(client, number)
            codes.append(response.status_code)
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (codes.count(200), codes.count(402)) == (49, 151)
    with system("test"):
        assert HostedCount.objects.get(business=business).messages == 50
        assert Message.objects.filter(business=business, direction="out").count() == 49
        assert Outgoing.objects.filter(business=business).count() == 49


# --- the webhook address


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


# --- statuses


def status(wamid: str, kind: str, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {
        "id": wamid,
        "status": kind,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": TO,
    } | more


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
