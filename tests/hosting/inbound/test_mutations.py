"""Webhook bodies bent out of shape: always 200, the raw bytes always kept, never a crash of what
applies them.
"""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.tenancy import system
from hosting.inbound import events
from hosting.models import Event, Number
from tests.factories import make_business, make_number
from tests.hosting.messages.test_incoming_endpoint import knock

SAMPLES = [
    orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "data/payloads").glob("*.json"))
]
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "\x00",
            "\ud800",
            "x" * 5000,
            "wamid.x",
            "text",
            "contacts",
            "system",
            "edit",
            "revoke",
            "reaction",
            "0",
            "1e400",
            "user_changed_number",
            "16505551234",
            [],
            {},
            [[]],
            [None],
            {"id": {}},
            {"": ""},
        ]
    ),
)


def bent(value: Any, dice: random.Random, strange: Any, rate: float) -> Any:
    """The JSON with some of its parts replaced, dropped or doubled."""
    if dice.random() < rate:
        return strange
    if isinstance(value, dict):
        kept = {
            key: bent(item, dice, strange, rate)
            for key, item in value.items()
            if dice.random() > rate / 2
        }
        return kept | (
            {dice.choice(["type", "id", "from", "timestamp", "x"]): strange}
            if dice.random() < rate
            else {}
        )
    if isinstance(value, list):
        held = [bent(item, dice, strange, rate) for item in value]
        return held * dice.choice([1, 1, 1, 2])
    return value


def encoded(value: Any) -> bytes:
    import json

    return json.dumps(value, ensure_ascii=True).encode()


def check(number: Number, sample: Any, seed: int, strange: Any, rate: float) -> None:
    raw = encoded(bent(sample, random.Random(seed), strange, rate))
    raw = raw.replace(b"1122334455667", number.phone_number_id.encode())
    with system("test"):
        Event.objects.all().delete()
    assert knock(number, raw) == 200
    assert events.apply_due() == 1
    with system("test"):
        event = Event.objects.get()
        assert (bytes(event.body), event.applied_at is not None) == (raw, True), event.last_error


def hunt(number: Number, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        st.sampled_from(SAMPLES), st.integers(0, 10**9), STRANGE, st.sampled_from([0.02, 0.1, 0.3])
    )
    def run(sample: Any, seed: int, strange: Any, rate: float) -> None:
        check(number, sample, seed, strange, rate)

    run()


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business())


def test_100_bent_bodies_are_kept_and_applied(number: Number) -> None:
    hunt(number, 100)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_5000_bent_bodies_are_kept_and_applied(number: Number) -> None:
    hunt(number, 5000)
