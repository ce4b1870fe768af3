"""Four workers, and 500 changes of who is who: no message is lost or left without its thread."""

import contextlib
import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from core.tenancy import scope, system
from hosting.contacts import number_changes
from hosting.errors import CloudApiError
from hosting.inbound import events
from hosting.messages.send import send_message
from hosting.models import Contact, Conversation, Event, FormerNumber, Message, Number
from tests.factories import make_business, make_number
from tests.hosting.inbound.test_events import message
from tests.hosting.inbound.test_payloads import from_people
from tests.hosting.messages.test_endpoints import NOON, caller

WORKERS = 4


@pytest.fixture
def numbers(committed_db: None) -> list[Number]:
    return [make_number(make_business(clock_at=NOON)) for _ in range(2)]


def digits(person: int, turn: int) -> str:
    return f"4915{turn:03}{person:05}"


def bodies(number: Number, people: int, rounds: int) -> list[bytes]:
    """Each customer is met by user id, then by number, then changes it, round after round."""
    found = []
    for person in range(people):
        user_id = f"DE.{person:05}"
        said = [message("text", f"wamid.u.{number.pk}.{person}", sender="", from_user_id=user_id)]
        for turn in range(rounds):
            who, key = digits(person, turn), f"{number.pk}.{person}.{turn}"
            changed = {"wa_id": digits(person, turn + 1), "type": "user_changed_number"}
            said += [
                message("text", f"wamid.n.{key}", sender=who, from_user_id=user_id),
                message("system", f"wamid.c.{key}", sender=who, system=changed),
            ]
        for one in said:
            text = {"body": "said " + one["id"].split(".", 2)[2]}
            found.append(from_people(number, [{"text": text} | one]))
    return found


def work(jobs: list[Callable[[], Any]]) -> list[str]:
    """Do the jobs in four threads, each with a connection of its own; returns what was raised."""

    def one(part: list[Callable[[], Any]]) -> list[str]:
        faults = []
        for job in part:
            try:
                job()
            except Exception as error:
                faults.append(repr(error))
        connections.close_all()
        return faults

    with ThreadPoolExecutor(WORKERS) as pool:
        raised = pool.map(one, (jobs[n::WORKERS] for n in range(WORKERS)))
        return list(itertools.chain.from_iterable(raised))


def answer(number: Number, person: int, turn: int) -> Callable[[], None]:
    def job() -> None:
        with scope(number.business_id):
            sent = Number.objects.select_related("business__plan", "account").get(pk=number.pk)
            # Refused where the customer has not written yet: no window is open.
            with contextlib.suppress(CloudApiError):
                send_message(
                    business=sent.business,
                    number=sent,
                    to=digits(person, turn),
                    kind="text",
                    content={"body": f"answer {person} {turn}"},
                )

    return job


def merge(number: Number, draw: random.Random) -> Callable[[], None]:
    def job() -> None:
        with scope(number.business_id):
            pair = list(Contact.objects.filter(business=number.business).order_by("?")[:2])
            if len(pair) == 2 and draw.random() < 0.2:
                number_changes.merge_contacts(pair[0], into=pair[1])

    return job


@pytest.mark.parametrize(
    ("people", "rounds"),
    [(5, 5), pytest.param(25, 10, marks=(pytest.mark.long, pytest.mark.timeout(300)))],
)
def test_changes_by_four_workers_lose_no_message_and_leave_no_orphan(
    numbers: list[Number], people: int, rounds: int
) -> None:
    draw = random.Random(7)
    stored = [(number, body) for number in numbers for body in bodies(number, people, rounds)]
    draw.shuffle(stored)
    with system("test"):
        for number, body in stored:
            events.store_event(body=body, account_id=number.account_id)
    changes = len(numbers) * people * rounds
    jobs: list[Callable[[], Any]] = [lambda: events.apply_due(20)] * (changes // 4)
    jobs += [
        answer(draw.choice(numbers), draw.randrange(people), draw.randrange(rounds))
        for _ in range(changes // 5)
    ]
    jobs += [merge(draw.choice(numbers), draw) for _ in range(changes // 10)]
    draw.shuffle(jobs)
    faults = work(jobs)
    events.apply_due()
    assert not [fault for fault in faults if "NotYours" not in fault]
    with system("test"):
        assert not Event.objects.filter(applied_at=None).exists()
        assert not Event.objects.exclude(dead_at=None).exists()
        assert FormerNumber.objects.count() >= changes
        assert Message.objects.filter(direction="in").count() == len(stored)
        assert len(stored) == changes * 2 + len(numbers) * people
    for number in numbers:
        _every_message_is_found(number)


def _every_message_is_found(number: Number) -> None:
    """By the database's own joins, and as the API and the search answer."""
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM hosting_message m
                 LEFT JOIN hosting_conversation v ON v.id = m.conversation_id
                 LEFT JOIN hosting_contact c ON c.id = m.contact_id
                WHERE v.id IS NULL OR c.id IS NULL OR v.contact_id <> m.contact_id"""
        )
        assert cursor.fetchone() == (0,)
        own = set(Message.objects.filter(number=number).values_list("wamid", flat=True))
        threads = Conversation.objects.filter(number=number)
        assert sum(thread.messages.count() for thread in threads) == len(own)
    client, seen, after = caller(number), set(), "start"
    while after:
        asked = {"limit": "100"} | ({} if after == "start" else {"after": after})
        page = client.get("/api/v1/messages/", asked).json()
        seen |= {row["wamid"] for row in page["data"]}
        after = page["next"]
    assert seen == own
    found = client.get("/api/v1/search/", {"q": f'"said {number.pk}.3.4"'}).json()["data"]
    assert [row["message"]["text"] for row in found] == [f"said {number.pk}.3.4"]
