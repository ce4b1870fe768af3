"""The message log: filters, pages newest first, and CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Business
from core.csv import csv_line
from hosting.cloudapi.number_forms import one_form
from hosting.extensions import MessageNote, notes_for
from hosting.models import Category, Direction, Message, Status

PAGE = 50
CHUNK = 1000
COLUMNS = (
    "id", "wamid", "direction", "kind", "number", "contact", "status", "category", "template",
    "created_at", "sent_at", "delivered_at", "read_at", "failed_at", "error", "price", "market",
)  # fmt: skip
KINDS = [
    "text", "template", "image", "video", "audio", "document", "sticker", "location", "contacts",
    "interactive", "button", "order", "reaction",
]  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """Filters from a query string; unknown values are ignored."""

    direction: str = ""
    status: str = ""
    category: str = ""
    words: str = ""
    since: date | None = None
    until: date | None = None
    number: str = ""
    kind: str = ""
    before: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """Build filters from the known parameters of a query string."""
        before = query.get("before", "")
        return cls(
            direction=_one_of(query.get("direction"), Direction.values),
            status=_one_of(query.get("status"), Status.values),
            category=_one_of(query.get("category"), Category.values),
            number=_digits(query.get("number")),
            kind=_one_of(query.get("kind"), KINDS),
            words=(query.get("q") or "").strip()[:100],
            since=_day(query.get("since")),
            until=_day(query.get("until")),
            before=int(before) if before.isdecimal() and len(before) < 19 else 0,
        )

    @property
    def any(self) -> bool:
        """Whether anything is filtered."""
        return bool(
            self.number
            or self.kind
            or self.direction
            or self.status
            or self.category
            or self.words
            or self.since
            or self.until
        )


def _one_of(value: str | None, known: list[str]) -> str:
    return value if value in known else ""


def _digits(value: str | None) -> str:
    return value if value and value.isdecimal() and len(value) <= 32 else ""


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value or "")
    except ValueError:
        return None


def matching(business: Business, filters: Filters) -> QuerySet[Message]:
    """Return the messages that match the filters, newest first.

    `filters.words` is the start of a phone number, a whole wamid, or part of a name.
    """
    found = Message.objects.filter(business=business).select_related(
        "contact", "number", "template", "conversation"
    )
    if filters.number:
        found = found.filter(number__phone_number_id=filters.number)
    for name in ("direction", "status", "category", "kind"):
        if value := getattr(filters, name):
            found = found.filter(**{name: value})
    if filters.since:
        found = found.filter(created_at__gte=_midnight(filters.since))
    if filters.until:
        found = found.filter(created_at__lt=_midnight(filters.until + timedelta(days=1)))
    if filters.words.startswith("wamid."):
        found = found.filter(wamid=filters.words)
    elif (digits := filters.words.lstrip("+").replace(" ", "")).isdigit():
        found = found.filter(
            Q(contact__wa_id__startswith=digits) | Q(contact__wa_id=one_form(digits))
        )
    elif filters.words:
        found = found.filter(contact__name__icontains=filters.words)
    return found.order_by("-id")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())


def page(found: QuerySet[Message], *, before: int) -> tuple[list[Message], int]:
    """Return one page of messages below id `before` (0: the newest), and the id for the next page.

    The second value is 0 on the last page.
    """
    if before:
        found = found.filter(id__lt=before)
    rows = list(found[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else 0


def as_csv(found: QuerySet[Message], limit: int) -> Iterator[str]:
    """Yield the log as CSV text, at most `limit` messages, read in chunks."""
    yield csv_line(COLUMNS)
    before, left = 0, limit
    while left > 0:
        part = found.filter(id__lt=before) if before else found
        rows = list(part[: min(CHUNK, left)])
        if not rows:
            return
        prices = notes_for(rows[0].business_id, [row.pk for row in rows])
        for row in rows:
            yield csv_line(_cells(row, prices.get(row.pk, [])))
        before, left = rows[-1].pk, left - len(rows)


def _cells(row: Message, notes: list[MessageNote]) -> tuple[object, ...]:
    times = (row.created_at, row.sent_at, row.delivered_at, row.read_at, row.failed_at)
    return (
        row.pk,
        row.wamid,
        row.direction,
        row.kind,
        row.number.digits,
        row.contact.wa_id,
        row.status,
        row.category,
        row.template.name if row.template else "",
        *(at.isoformat() if at else "" for at in times),
        row.error_reason,
        " ".join(note.text for note in notes),
        " ".join(note.place for note in notes),
    )
