"""One Idempotency-Key, one message; and no number sends faster than it may."""

import threading
import uuid
from typing import Any

import orjson
import pytest
from django.db import connections
from django.test import Client

from core import rate_limit
from core.tenancy import system
from hosting.messages import rate_limits
from hosting.models import IdempotentReply, Message, Number
from tests.factories import make_business, make_key, make_number
from tests.hosting.messages.test_endpoints import NOON, TEXT, caller, code_of, post, write

PAIRS = 1000


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(clock_at=NOON))


def sent() -> int:
    with system("test"):
        return Message.objects.filter(direction="out").count()


def test_a_repeated_request_gets_the_same_bytes_and_sends_once(number: Number) -> None:
    write(number)
    client = caller(number)
    replies = [post(client, number, **{"Idempotency-Key": "order-7"}) for _ in range(3)]
    assert len({reply.content for reply in replies}) == 1
    assert [reply.headers.get("Idempotent-Replayed") for reply in replies] == [None, "true", "true"]
    assert sent() == 1
    assert code_of(
        post(client, number, TEXT | {"text": {"body": "other"}}, **{"Idempotency-Key": "order-7"})
    ) == (
        400,
        100,
    )
    assert code_of(post(client, number, **{"Idempotency-Key": "x" * 256})) == (400, 100)
    assert sent() == 1


def test_a_refused_request_leaves_its_key_free_and_keys_are_a_businesss_own(number: Number) -> None:
    client = caller(number)
    assert code_of(post(client, number, **{"Idempotency-Key": "k"})) == (400, 131047)
    with system("test"):
        assert not IdempotentReply.objects.exists()
    write(number)
    assert post(client, number, **{"Idempotency-Key": "k"}).status_code == 200
    other = make_number(make_business("Other", clock_at=NOON))
    write(other)
    assert "Idempotent-Replayed" not in post(caller(other), other, **{"Idempotency-Key": "k"})
    assert sent() == 2


@pytest.mark.parametrize("pairs", [60, pytest.param(PAIRS, marks=pytest.mark.long)])
def test_pairs_with_one_key_at_once_send_one_message_each(committed_db: None, pairs: int) -> None:
    number = make_number(make_business(clock_at=NOON))
    write(number)
    key = make_key(number.business)
    work = [uuid.uuid4().hex for _ in range(pairs)]
    replies: dict[str, list[bytes]] = {one: [] for one in work}

    def ask() -> None:
        client = Client(headers={"Authorization": f"Bearer {key}"})
        for one in work:
            # Both threads of a pair set off together.
            gate.wait()
            response = post(client, number, **{"Idempotency-Key": one})
            assert response.status_code == 200
            replies[one].append(response.content)
        connections.close_all()

    gate = threading.Barrier(2, timeout=60)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(found) == 2 and found[0] == found[1] for found in replies.values())
    assert (
        len({orjson.loads(found[0])["messages"][0]["id"] for found in replies.values()})
        == sent()
        == pairs
    )


# --- pace


@pytest.mark.parametrize("present", [True, False])
def test_a_number_sends_no_faster_than_it_may(
    db: None, redis: Any, monkeypatch: Any, present: bool
) -> None:
    monkeypatch.setattr(rate_limit, "_local", rate_limit.LocalBuckets())
    monkeypatch.setattr(rate_limit, "_absent_until", 0.0 if present else float("inf"))
    number = make_number(make_business(), messages_per_second=3)
    write(number)
    client = caller(number)
    codes = [post(client, number).status_code for _ in range(12)]
    assert codes[:3] == [200] * 3
    assert 429 in codes
    assert sent() == codes.count(200)
    refused = next(r for r in (post(client, number) for _ in range(50)) if r.status_code == 429)
    assert code_of(refused) == (429, 130429)


@pytest.mark.parametrize("present", [True, False])
def test_one_customer_is_not_flooded(db: None, redis: Any, monkeypatch: Any, present: bool) -> None:
    monkeypatch.setattr(rate_limit, "_local", rate_limit.LocalBuckets())
    monkeypatch.setattr(rate_limit, "_absent_until", 0.0 if present else float("inf"))
    monkeypatch.setattr(rate_limits, "PAIR_BURST", 2.0)
    number = make_number(make_business())
    write(number)
    client = caller(number)
    assert [post(client, number).status_code for _ in range(2)] == [200, 200]
    refused = post(client, number)
    assert (*code_of(refused), refused["Retry-After"]) == (429, 131056, "6")
    assert sent() == 2


def test_a_test_clock_is_not_paced(number: Number) -> None:
    number.messages_per_second = 1
    for _ in range(5):
        rate_limits.check_message_rate(number=number, to="1")
