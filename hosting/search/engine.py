"""Full-text search over all messages of a business.

The only code that reads across tenants by words.

Row-level security cannot use the word index: PostgreSQL does not regard its operator as leakproof,
so the policy would be checked row by row first. Therefore ids are found by functions that run as
the owner of the tables (`sql/schema/search_functions.sql`) and name the business twice: in lexemes
that no text can contain, and as a column. They take it from the scope. The messages are then read
by id in that scope, where row-level security applies again.
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
from core.tenancy import scope
from hosting.models import Contact, Message, Number
from hosting.search import query as search_query

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
# The newest messages are scanned before the index is used; more for a prefix, which the index
# answers slowly when it is frequent.
RECENT_MESSAGES, RECENT_MESSAGES_PREFIX = 1_000, 4_000
# Up to this many prefix hits newer than the exact ones are sorted in memory; beyond, the index is
# read in stretches of time.
MAX_PREFIX_HITS = 1_000
DAY = timedelta(days=1)
Y2K = datetime(2000, 1, 1, tzinfo=UTC)  # day 0 of `hosting_search_day`
TIMEOUT_MS = 4_000

Position = tuple[datetime, int]
# A call of each function, with the values it takes.
FUNCTIONS = {
    "search_recent": """SELECT * FROM hosting_search_recent(
        %(since)s, %(until)s, %(below_at)s, %(below_id)s, %(look)s, %(query)s, %(n)s)""",
    "search_span": """SELECT * FROM hosting_search_span(
        %(since)s, %(until)s, %(below_at)s)""",
    "search_index": """SELECT * FROM hosting_search_index(
        %(first)s, %(last)s, %(query)s, %(since)s, %(until)s, %(below_at)s, %(below_id)s, %(n)s)""",
    "search_range": """SELECT * FROM hosting_search_range(
        %(query)s, %(last)s, %(first)s, %(since)s, %(until)s, %(below_at)s, %(below_id)s,
        %(above_at)s, %(above_id)s, %(most)s)""",
}


class TooBroad(ParleyError):
    """So many messages match that finding the newest would take too long."""

    code = "search_too_broad"
    message = "Too many messages match. Add a word, a customer or a shorter time."


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on the messages to find; empty values filter nothing."""

    within: tuple[int, ...] = ()  # ids of numbers
    number: Number | None = None
    contact: Contact | None = None
    direction: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def lexemes(self) -> Iterator[str]:
        """Yield the index keys that stand for the filters."""
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
    """A message that matches, with the (start, end) spans of the matches in its text."""

    message: Message
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of hits, newest first; `next` is the position to continue below, None at the end."""

    hits: list[Hit]
    next: Position | None
    terms: list[search_query.Term] = field(default_factory=list)


def search(
    *,
    business: Business,
    words: str,
    filters: Filters | None = None,
    below: Position | None = None,
    limit: int = 25,
) -> Found:
    """Return the newest messages of a business that contain all `words` and pass the filters.

    Call inside its scope. `limit` is 1 to 100. Raises BadInput for words without a letter or digit,
    TooBroad after four seconds.
    """
    filters = filters or Filters()
    terms = search_query.terms_of(words)
    if words.strip() and not any(not term.is_excluded for term in terms):
        raise BadInput("Write at least one word with letters or digits.", field="q")
    with scope(business.pk), _time_limit():
        query, whole = _tsqueries(terms, filters)
        places = _positions(query, whole, filters, below, limit + 1)
    hits = _hits(business, [place[1] for place in places[:limit]], terms)
    return Found(hits, places[limit - 1] if len(places) > limit else None, terms)


# Fixes the plan each statement was written for, as estimates for words are poor. A frequent word's
# rows must fit into memory singly, not as lossy pages.
PLANNER_SETTINGS = {
    "enable_seqscan": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "work_mem": "32MB",
}


@contextmanager
def _time_limit() -> Iterator[None]:
    """Limit each statement of this transaction to `TIMEOUT_MS`; raise TooBroad beyond it."""
    before = _set(PLANNER_SETTINGS | {"statement_timeout": str(TIMEOUT_MS)})
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014":
            raise TooBroad from None
        raise
    _set(before)


def _set(values: dict[str, str]) -> dict[str, str]:
    """Set these settings for the transaction; return the previous ones and `enable_indexscan`."""
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
    """Return the query text, and the same for whole words only; equal without prefixes."""
    cut: dict[int, list[tuple[int, str]]] = {}
    if terms:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT t.n, place, v.lexeme
                     FROM unnest(%s::text[]) WITH ORDINALITY AS t (words, n),
                          unnest(to_tsvector('simple', hosting_search_tokens(t.words))) v,
                          unnest(v.positions) place
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


def _positions(
    query: str, whole: str, filters: Filters, below: Position | None, n: int
) -> list[Position]:
    """Return the newest `n` matching positions.

    Frequent words are found by scanning back in time, all others through the index.
    """
    at, message_id = below or (LATEST, 0)
    asked: dict[str, Any] = {
        "query": query,
        "n": n,
        "below_at": at,
        "below_id": message_id,
        "since": filters.since or EARLIEST,
        "until": filters.until or LATEST,
    }
    found = _run(
        "search_recent",
        asked | {"look": RECENT_MESSAGES if query == whole else RECENT_MESSAGES_PREFIX},
    )
    if len(found) == n:
        return found
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS["search_span"], asked)
        first, last = cursor.fetchone()
    if first is None:
        return []
    _set({"enable_indexscan": "off"})
    asked |= {"first": first, "last": last}
    if query == whole:
        return _run("search_index", asked)
    return _prefix_positions(asked, whole) or _run("search_index", asked)


def _prefix_positions(asked: dict[str, Any], whole: str) -> list[Position]:
    """Return the newest positions for a prefix; empty when that needs the search in stretches.

    All words with a prefix are read again by each statement that asks for them. Exact hits, which
    are read by skipping, first tell how far back to look, then one statement reads the others.
    """
    exact = _run("search_index", asked | {"query": whole})
    if len(exact) < asked["n"]:
        return []
    at, message_id = exact[-1]
    first = max(asked["first"], (at - Y2K) // DAY)
    others = _run(
        "search_range",
        asked
        | {"first": first, "above_at": at, "above_id": message_id, "most": MAX_PREFIX_HITS + 1},
    )
    if len(others) > MAX_PREFIX_HITS:
        return []
    return sorted({*exact, *others}, reverse=True)[: asked["n"]]


def _run(verb: str, asked: dict[str, Any]) -> list[Position]:
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS[verb], asked)
        return [(row[1], row[0]) for row in cursor.fetchall()]


def _hits(business: Business, ids: Sequence[int], terms: Sequence[search_query.Term]) -> list[Hit]:
    """Read the messages in the order of their ids, in the reader's own scope."""
    if not ids:
        return []
    rows = (
        Message.objects.filter(business=business)
        .select_related("contact", "conversation", "number")
        .in_bulk(ids)
    )
    return [Hit(rows[one], search_query.spans(rows[one].text, terms)) for one in ids if one in rows]
