"""Reading the audit log of a business: newest first, in pages or as CSV, with filters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import orjson
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.audit import words
from accounts.models import AuditEntry, Business
from core.csv import csv_line

PAGE = 50
CHUNK = 1000
COLUMNS = ("id", "at", "who", "from", "action", "subject", "before", "after")


@dataclass(frozen=True)
class Filters:
    """Filters of the query string; values that cannot be parsed are ignored."""

    who: str = ""
    action: str = ""
    words: str = ""
    since: date | None = None
    until: date | None = None
    before: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """Parse the known parameters of a query string."""
        before = query.get("before", "")
        return cls(
            who=_text(query.get("who"), 254),
            action=_text(query.get("action"), 60),
            words=_text(query.get("q"), 100),
            since=_day(query.get("since")),
            until=_day(query.get("until")),
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0,
        )

    @property
    def any(self) -> bool:
        """Whether any filter is set."""
        return bool(self.who or self.action or self.words or self.since or self.until)


def _text(value: str | None, limit: int) -> str:
    return (value or "").replace("\x00", "").strip()[:limit]


def _day(value: str | None) -> date | None:
    try:
        found = date.fromisoformat(value or "")
    except ValueError:
        return None
    # Dates at the ends of the calendar have no neighbour to compute with.
    return found if 1900 < found.year < 9000 else None


def matching(business: Business, filters: Filters) -> QuerySet[AuditEntry]:
    """Entries that match the filters, newest first."""
    found = AuditEntry.objects.filter(business=business)
    if filters.who:
        found = found.filter(actor_name=filters.who)
    if filters.action:
        found = found.filter(action=filters.action)
    if filters.words:
        found = found.filter(
            Q(subject__icontains=filters.words) | Q(actor_name__icontains=filters.words)
        )
    if filters.since:
        found = found.filter(at__gte=_midnight(filters.since))
    if filters.until:
        found = found.filter(at__lt=_midnight(filters.until + timedelta(days=1)))
    return found.order_by("-id")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())


def page(found: QuerySet[AuditEntry], *, before: int) -> tuple[list[AuditEntry], int]:
    """One page of entries with ids below `before` (0: the newest), and the next page's `before`.

    The second value is 0 on the last page.
    """
    rows = list((found.filter(id__lt=before) if before else found)[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else 0


def changes(entry: AuditEntry, usual: str) -> list[tuple[str, object, object]]:
    """(name, before, after) of an entry in a reader's words, sorted by name; None where a side has
    no value. Amounts are in the currency that the entry names, else in the `usual` one.
    """
    names = sorted({*entry.before, *entry.after})
    currency = entry.after.get("currency") or entry.before.get("currency") or usual
    return [
        (
            words.column(name),
            words.value(name, entry.before.get(name), currency),
            words.value(name, entry.after.get(name), currency),
        )
        for name in names
    ]


def as_csv(found: QuerySet[AuditEntry], limit: int) -> Iterator[str]:
    """Lines of CSV with a header and at most `limit` entries; reads 1,000 rows at a time."""
    yield csv_line(COLUMNS)
    before, left = 0, limit
    while left > 0:
        rows = list((found.filter(id__lt=before) if before else found)[: min(CHUNK, left)])
        if not rows:
            return
        yield from (csv_line(_cells(row)) for row in rows)
        before, left = rows[-1].pk, left - len(rows)


def _cells(row: AuditEntry) -> tuple[object, ...]:
    sides = (
        orjson.dumps(side, option=orjson.OPT_SORT_KEYS).decode() for side in (row.before, row.after)
    )
    return (
        row.pk,
        row.at.isoformat(),
        row.actor_name,
        row.ip or "",
        row.action,
        row.subject,
        *sides,
    )
