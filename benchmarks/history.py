"""Reading a long history: list, thread and search of a business with 5 million messages.

`BENCH_MESSAGES` sets how many. Word frequencies are as in speech: some words are rare, some occur
in one season only, order numbers once; every kind is searched for.
"""

import http.client
import os
import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.http_load import granian
from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000000"))
CONVERSATIONS = 20_000
LONG_THREAD = 50  # one message in so many is of the first conversation
DAYS = 730
START = datetime(2024, 11, 1, tzinfo=UTC)
ROUNDS = 200
COLUMNS = (
    "business_id, conversation_id, number_id, contact_id, wamid, direction, kind, text, content,"
    " context_wamid, tracker,"
    " category, window_open, status, created_at"
)
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il")]


def words() -> list[str]:
    """20,000 pronounceable words, the same in each run."""
    rng = random.Random(5)
    found: set[str] = set()
    while len(found) < 20_000:
        found.add("".join(rng.choices(SYLLABLES, k=rng.choice((2, 2, 3, 4)))))
    # A set has another order in each process, but frequent words must be the same everywhere.
    return sorted(sorted(found), key=lambda word: rng.random())


VOCABULARY = words()
CHANCES = [1 / (n + 3) for n in range(len(VOCABULARY))]


def main() -> None:
    """Load, then measure each read many times, in the database and by HTTP."""
    with benchmark_servers() as servers:
        business_id = _load(servers)
        with granian(os.environ["PARLEY_VAR"], servers) as port:
            figures = [*_in_database(business_id), *_by_http(business_id, port)]
    show(
        f"History, {MESSAGES:,} messages of one business in {CONVERSATIONS:,} conversations",
        figures,
    )


def _load(servers: Any) -> int:
    import psycopg

    business_id, number_id, contacts, inbox = _people()
    began = time.monotonic()
    with psycopg.connect(
        servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True
    ) as database:
        # Filled as a restore does: rows first, then the index of words.
        definition = database.execute(
            "SELECT pg_get_indexdef('message_search'::regclass)"
        ).fetchone()
        database.execute("DROP INDEX message_search")
        with database.cursor().copy(f"COPY hosting_message ({COLUMNS}) FROM STDIN") as copy:
            for line in _lines(business_id, number_id, contacts, inbox):
                copy.write(line)
        print(f"  {MESSAGES:,} messages copied in {time.monotonic() - began:.0f} s", flush=True)
        database.execute("SET maintenance_work_mem = '1GB'")
        database.execute(definition[0])  # type: ignore[index]
        database.execute(
            """UPDATE hosting_conversation c SET last_message_at = m.at, last_inbound_at = m.at
                 FROM (SELECT conversation_id, max(created_at) AS at FROM hosting_message
                     GROUP BY 1) m
                WHERE m.conversation_id = c.id"""
        )
        database.execute("VACUUM ANALYZE hosting_message")
        database.execute("VACUUM ANALYZE hosting_conversation")
        database.execute("VACUUM ANALYZE hosting_contact")
        sizes = database.execute(
            "SELECT pg_relation_size('hosting_message') >> 20,"
            " pg_relation_size('message_search') >> 20"
        ).fetchone()
    print(
        f"  ready after {time.monotonic() - began:.0f} s; table {sizes[0]} MB, words {sizes[1]} MB",
        flush=True,
    )  # type: ignore[index]
    return business_id


def _people() -> tuple[int, int, list[int], list[int]]:
    from accounts.models import Business
    from core.tenancy import system
    from hosting.models import Account, Contact, Conversation, Number

    with system("benchmark"):
        business = Business.objects.create(name="Large", plan_id="business")
        account = Account.objects.create(business=business, name="a")
        number = Number.objects.create(
            business=business, account=account, digits="15550001111", verified_name="n"
        )
        contacts = Contact.objects.bulk_create(
            Contact(business=business, wa_id=f"49151{n:07}", name=f"Customer {n}")
            for n in range(CONVERSATIONS)
        )
        inbox = Conversation.objects.bulk_create(
            Conversation(business=business, number=number, contact=contact, is_resolved=n % 3 == 2)
            for n, contact in enumerate(contacts)
        )
        return (
            business.pk,
            number.pk,
            [contact.pk for contact in contacts],
            [thread.pk for thread in inbox],
        )


def _lines(
    business_id: int, number_id: int, contacts: list[int], threads: list[int]
) -> Iterator[str]:
    rng = random.Random(7)
    step = timedelta(days=DAYS) / MESSAGES
    pool = rng.choices(VOCABULARY, CHANCES, k=1_000_000)
    for n in range(MESSAGES):
        at = START + step * n
        who = 0 if n % LONG_THREAD == 0 else rng.randrange(CONVERSATIONS)
        place = rng.randrange(len(pool) - 20)
        text = " ".join(pool[place : place + rng.randrange(3, 18)])
        if n % 10 == 0:
            text += f" order {n}"
        if at.month == 12 and n % 4 == 0:
            text += " mistletoe"
        out = n % 2
        yield (
            f"{business_id}\t{threads[who]}\t{number_id}\t{contacts[who]}\twamid.{n}\t"
            f"{'out' if out else 'in'}\t"
            f'{"image" if n % 50 == 7 else "text"}\t{text}\t{{"body": "{text}"}}\t\t\t'
            f"{'service' if out else ''}\tt\t"
            f"{'read' if out else 'received'}\t{at.isoformat()}\n"
        )


def _questions() -> dict[str, Callable[[random.Random], str]]:
    """Functions that return a search text, by kind of search."""
    common, middle, rare = VOCABULARY[:50], VOCABULARY[50:2000], VOCABULARY[2000:]
    return {
        "a common word": lambda rng: rng.choice(common),
        "a word of the middle": lambda rng: rng.choice(middle),
        "a rare word": lambda rng: rng.choice(rare),
        "two words": lambda rng: f"{rng.choice(common)} {rng.choice(middle)}",
        "a phrase": lambda rng: f'"{rng.choice(common)} {rng.choice(common)}"',
        "a beginning": lambda rng: rng.choice(middle)[:4],
        "an order number": lambda rng: str(rng.randrange(0, MESSAGES, 10)),
        "a word of one season": lambda rng: "mistletoe",
        "a word that nobody said": lambda rng: "xylophone",
    }


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return statistics.median(ordered) * 1000, ordered[
        min(int(len(ordered) * 0.99), len(ordered) - 1)
    ] * 1000


class Stopwatch:
    """Measures the seconds of each database statement."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        """Execute a statement and measure it (a wrapper for `execute_wrapper`)."""
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began


def _timed(
    ask: Callable[[random.Random], object], business_id: int, rounds: int = ROUNDS
) -> tuple[float, float]:
    from django.db import connection

    from core.tenancy import scope
    from hosting.search.engine import TooBroad

    rng, taken, refused = random.Random(11), [], 0
    for n in range(rounds + 5):
        watch = Stopwatch()
        with scope(business_id), connection.execute_wrapper(watch):
            try:
                ask(rng)
            except TooBroad:
                # A search that hits its time limit counts with that time.
                refused += n >= 5
        if n >= 5:
            taken.append(watch.seconds)
    if refused:
        print(f"  {refused} of {rounds} questions were refused after four seconds", flush=True)
    return _percentiles(taken)


def _in_database(business_id: int) -> list[Figure]:
    from core.tenancy import scope
    from hosting.models import Message

    with scope(business_id):
        ids = list(Message.objects.values_list("id", flat=True).order_by("id")[:40])
    limit = _timed(lambda _: list(Message.objects.filter(pk__in=ids)), business_id)
    figures = []
    for name, ask in _asked_in_database(business_id).items():
        found = _pair(f"database, {name}", _timed(ask, business_id), limit)
        # Printed at once, since loading took long and a later step may fail.
        print(f"  {name}: p50 {found[0].ours:.1f} ms, p99 {found[1].ours:.1f} ms", flush=True)
        figures += found
    return figures


def _asked_in_database(business_id: int) -> dict[str, Callable[[random.Random], object]]:
    """What pages read, by name."""
    from accounts.models import Business, User
    from core.tenancy import scope
    from hosting.conversations import inbox, thread
    from hosting.models import Conversation, Message
    from hosting.search.engine import search

    with scope(business_id):
        business = Business.objects.select_related("plan").get()
        talks = list(Conversation.objects.values_list("id", flat=True).order_by("id"))
    long = Message.objects.filter(business=business, conversation=talks[0])
    with scope(business_id):
        middle = list(long.values_list("id", flat=True)[:100_000:1000])
    listed = inbox.matching(business, view="open", filters=inbox.ConversationFilters(), user=User())
    asked: dict[str, Callable[[random.Random], object]] = {
        "conversation list": lambda _: inbox.list_page(listed),
        "thread, newest page": lambda rng: thread.latest_page(
            Message.objects.filter(conversation=rng.choice(talks)), own="out"
        ),
        "thread of 100,000, deep page": lambda rng: thread.latest_page(
            long, own="out", before=rng.choice(middle)
        ),
        "thread of 100,000, jump to a hit": lambda rng: thread.page_around(
            long, own="out", at=rng.choice(middle)
        ),
    }
    for name, question in _questions().items():
        asked[f"search: {name}"] = lambda rng, question=question: search(
            business=business, words=question(rng)
        )
    return asked


def _pair(name: str, ours: tuple[float, float], limit: tuple[float, float]) -> list[Figure]:
    return [
        Figure("history", f"{name}, {p}", mine, bare, "ms")
        for p, mine, bare in zip(("p50", "p99"), ours, limit, strict=True)
    ]


def _by_http(business_id: int, port: int) -> list[Figure]:
    from urllib.parse import quote

    from core.tenancy import scope
    from hosting.models import Conversation

    with scope(business_id):
        talks = list(Conversation.objects.values_list("public_id", flat=True).order_by("id"))
    # Partial pages, as an open page requests them.
    cookie = {"Cookie": f"sessionid={_login(business_id)}", "HX-Request": "true"}
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    questions = list(_questions().values())
    asked: dict[str, Callable[[random.Random], str]] = {
        "conversation list": lambda _: "/inbox/rows/",
        "thread, newest page": lambda rng: f"/inbox/{_any(rng, talks)}/",
        "search, every kind": lambda rng: f"/search/?q={quote(rng.choice(questions)(rng))}",
    }
    limit = _request(client, lambda _: "/bench/empty", {})
    return [
        figure
        for name, path in asked.items()
        for figure in _pair(f"by HTTP, {name}", _request(client, path, cookie), limit)
    ]


def _any(rng: random.Random, talks: list[uuid.UUID]) -> uuid.UUID:
    return rng.choice(talks[1:])


def _request(
    client: http.client.HTTPConnection,
    path: Callable[[random.Random], str],
    headers: dict[str, str],
) -> tuple[float, float]:
    rng, taken = random.Random(13), []
    for n in range(ROUNDS + 10):
        wanted = path(rng)
        began = time.perf_counter()
        client.request("GET", wanted, None, headers)
        response = client.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"{wanted} answered {response.status}")
        if n >= 10:
            taken.append(time.perf_counter() - began)
    return _percentiles(taken)


def _login(business_id: int) -> str:
    from django.test import Client as Browser

    from accounts.models import Membership, User
    from core.tenancy import logins, system

    with system("benchmark"):
        user = User.objects.create(email="owner@example.com")
        Membership.objects.create(business_id=business_id, user=user, role="owner")
    browser = Browser()
    with logins("benchmark"):
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser.cookies["sessionid"].value
