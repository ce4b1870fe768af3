"""The two endpoints: who may come in, what is refused without a trace, and what arrives doubled,
shuffled, early or late.
"""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import connections
from django.test import Client

from accounts.models import ApiKey, KeyScope
from core.tenancy import system
from hosting.inbound import events
from hosting.models import (
    Conversation,
    Delivery,
    HostedCount,
    Message,
    Number,
    Outgoing,
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


# --- statuses


def status(wamid: str, kind: str, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {
        "id": wamid,
        "status": kind,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": TO,
    } | more
