"""Searching all messages of a business. The one place that reads messages across tenants by words.

Row-level security cannot use the index of words (its operator may leak, says PostgreSQL, so the policy must be asked
first, row by row). So the ids are found as `parley_system`, by statements that name the business twice: in lexemes
that no text can hold, and as a column. What is shown is then read by id in the reader's own scope, where row-level
security holds again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.utils import OperationalError

from accounts.models import Business
from core.errors import BadInput, ParleyError
from core.sql import statement
from core.tenancy import system
from hosting.models import Contact, Message, Number
from hosting.search import query as search_query

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
# How many of the newest messages are looked at before the index is asked; more where a word may be longer than typed,
# which the index answers slowly when it is frequent.
GLANCE, LONG_GLANCE = 1_000, 4_000
# Up to so many hits of a beginning, newer than those of the whole word, are read and sorted; else stretch by stretch.
FEW = 1_000
DAY = timedelta(days=1)
Y2K = datetime(2000, 1, 1, tzinfo=UTC)  # day 0 of `hosting_search_day`
LONGEST_MS = 4_000

Place = tuple[datetime, int]


class TooBroad(ParleyError):
    """So many messages match that finding the newest of them would take too long."""

    code = "search_too_broad"
    message = "Too many messages match. Add a word, a customer or a shorter time."


@dataclass(frozen=True, slots=True)
class Filters:
    """What the messages found must be; None and empty ask for nothing."""

    within: tuple[int, ...] = ()  # ids of numbers
    number: Number | None = None
    contact: Contact | None = None
    direction: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def lexemes(self) -> Iterator[str]:
        """Keys of the index that stand for them."""
        if self.within:
            yield "(" + " | ".join(f"'#n{one}'" for one in self.within) + ")"
        if self.number:
            yield f"'#n{self.number.pk}'"
        if self.contact:
            yield f"'#c{self.contact.pk}'"
        for sign, value in (("d", self.direction), ("k", self.kind)):
            if value:
                yield f"'#{sign}{value[:40].replace(chr(92), '').replace(chr(39), '')}'"


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that matches, and where in its text."""

    message: Message
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits, newest first; `next` is the place to go on below, None at the end."""

    hits: list[Hit]
    next: Place | None
    terms: list[search_query.Term] = field(default_factory=list)


def search(
    *,
    business: Business,
    words: str,
    filters: Filters | None = None,
    below: Place | None = None,
    limit: int = 25,
) -> Found:
    """The newest messages of a business that hold all `words` and pass the filters; call inside its scope.

    `limit` is 1 to 100. Raises BadInput for words without a letter or digit, TooBroad after four seconds.
    """
    filters = filters or Filters()
    terms = search_query.terms_of(words)
    if words.strip() and not any(not term.is_excluded for term in terms):
        raise BadInput("Write at least one word with letters or digits.", field="q")
    with (
        system("the index of words serves all businesses; each statement names this one"),
        _hurried(),
    ):
        query, whole = _tsqueries(terms, filters)
        places = _places(business, query, whole, filters, below, limit + 1)
    hits = _read(business, [place[1] for place in places[:limit]], terms)
    return Found(hits, places[limit - 1] if len(places) > limit else None, terms)


# Each statement has the one plan that it was written for; the planner's guesses about words are not asked. A word of
# many messages must fit into memory as single rows, not as pages to be read through again.
WALKING = {
    "enable_seqscan": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "work_mem": "32MB",
}


@contextmanager
def _hurried() -> Iterator[None]:
    """Let no statement of this transaction take longer than `LONGEST_MS`."""
    before = _set(WALKING | {"statement_timeout": str(LONGEST_MS)})
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014":
            raise TooBroad from None
        raise
    _set(before)


def _set(values: dict[str, str]) -> dict[str, str]:
    """Set these for the rest of the transaction; returns what stood there, and for the plain index scan too."""
    names = [*values, "enable_indexscan"]
    asked = ", ".join(
        ["current_setting(%s)"] * len(names) + ["set_config(%s, %s, true)"] * len(values)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {asked}", [*names, *(part for item in values.items() for part in item)]
        )
        row = cursor.fetchone()
    return dict(zip(names, row, strict=False))


def _tsqueries(terms: Sequence[search_query.Term], filters: Filters) -> tuple[str, str]:
    """What is looked for, and the same with whole words only; equal where no word may be a mere beginning."""
    cut: dict[int, list[tuple[int, str]]] = {}
    if terms:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT t.n, place, v.lexeme
                     FROM unnest(%s::text[]) WITH ORDINALITY AS t (words, n),
                          unnest(to_tsvector('simple', hosting_search_tokens(t.words))) v, unnest(v.positions) place
                    ORDER BY 1, 2""",
                [[term.words for term in terms]],
            )
            for n, place, lexeme in cursor.fetchall():
                cut.setdefault(n - 1, []).append((place, lexeme))
    found = []
    for whole in (False, True):
        wanted = [
            search_query.query_of(term, cut.get(n, []), whole=whole) for n, term in enumerate(terms)
        ]
        found.append(" & ".join([*filters.lexemes, *filter(None, wanted)]))
    return found[0], found[1]


def _places(
    business: Business, query: str, whole: str, filters: Filters, below: Place | None, n: int
) -> list[Place]:
    """The newest `n` places that match. Frequent words are met on the way back in time, all others are in the index."""
    at, message_id = below or (LATEST, 0)
    asked: dict[str, Any] = {
        "business_id": business.pk, "query": query, "n": n, "below_at": at, "below_id": message_id,
        "since": filters.since or EARLIEST, "until": filters.until or LATEST,
    }  # fmt: skip
    found = _run("search_walk", asked | {"look": GLANCE if query == whole else LONG_GLANCE})
    if len(found) == n:
        return found
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "search_span"), asked)
        first, last = cursor.fetchone()
    if first is None:
        return []
    _set({"enable_indexscan": "off"})
    asked |= {"first": first, "last": last}
    if query == whole:
        return _run("search_index", asked)
    return _begun(asked, whole) or _run("search_index", asked)


def _begun(asked: dict[str, Any], whole: str) -> list[Place]:
    """Hits of a word that may be longer; nothing where that takes a search stretch by stretch.

    All words with a beginning are read anew by each statement that asks for them. So those that hold the word itself,
    which are read by skipping, say first how far back to look, and one statement looks for the others.
    """
    exact = _run("search_index", asked | {"query": whole})
    if len(exact) < asked["n"]:
        return []
    at, message_id = exact[-1]
    first = max(asked["first"], (at - Y2K) // DAY)
    others = _run(
        "search_range",
        asked | {"first": first, "above_at": at, "above_id": message_id, "most": FEW + 1},
    )
    if len(others) > FEW:
        return []
    return sorted({*exact, *others}, reverse=True)[: asked["n"]]


def _run(verb: str, asked: dict[str, Any]) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", verb), asked)
        return [(row[1], row[0]) for row in cursor.fetchall()]


def _read(business: Business, ids: Sequence[int], terms: Sequence[search_query.Term]) -> list[Hit]:
    """The messages themselves, in the order of the ids, as the reader's own scope shows them."""
    if not ids:
        return []
    rows = (
        Message.objects.filter(business=business)
        .select_related("contact", "conversation", "number")
        .in_bulk(ids)
    )
    return [Hit(rows[one], search_query.spans(rows[one].text, terms)) for one in ids if one in rows]
