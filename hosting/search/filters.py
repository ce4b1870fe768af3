"""Query-parameter filters, with errors that name the field."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from accounts.models import Business
from core.errors import BadInput
from hosting.cloudapi.number_forms import named_person
from hosting.models import Contact, Direction, Number
from hosting.search.engine import Filters

Row = TypeVar("Row", bound=Model)


def search_filters(
    business: Business, asked: Mapping[str, str], *, within: frozenset[int] | None = None
) -> Filters:
    """Build filters from `number`, `contact`, `direction`, `kind`, `since` and `until`.

    `within` are the ids of the numbers that the caller is limited to, None for all. Raises BadInput
    naming the field.
    """
    numbers = Number.objects.filter(business=business)
    return Filters(
        within=tuple(sorted(within or ())),
        number=one_of(
            numbers if within is None else numbers.filter(pk__in=within),
            "phone_number_id",
            asked.get("number"),
            "number",
        ),
        contact=one_of(
            Contact.objects.filter(business=business),
            "wa_id",
            named_person(asked.get("contact")),
            "contact",
        ),
        direction=choice(asked.get("direction"), Direction.values, "direction"),
        kind=word(asked.get("kind"), "kind"),
        since=moment(asked.get("since"), "since"),
        until=moment(asked.get("until"), "until", end=True),
    )


def one_of(rows: QuerySet[Row], column: str, value: str | None, field: str) -> Row | None:
    """Return the row with that value, None without a value; raise BadInput if there is none."""
    if not value:
        return None
    found = rows.filter(**{column: value}).first()
    if found is None:
        raise BadInput(f"{field} names none of yours.", field=field)
    return found


def choice(value: str | None, known: list[str], field: str) -> str:
    """Return one of the known words, or ""; raise BadInput for another."""
    if value and value not in known:
        raise BadInput(f"{field} is one of: {', '.join(known)}.", field=field)
    return value or ""


def word(value: str | None, field: str) -> str:
    """Return a short lower-case word, or ""; raise BadInput for anything else."""
    if value and not (value.replace("_", "").isalnum() and value.isascii() and len(value) <= 20):
        raise BadInput(f"{field} is a word of at most 20 letters.", field=field)
    return value or ""


def boolean(value: str | None, field: str) -> bool | None:
    """Return the value of `true` or `false`, or None without one; raise BadInput for another."""
    return {"true": True, "false": False, "": None}[choice(value, ["true", "false"], field)]


def local_moment(value: str | None, field: str) -> datetime | None:
    """Parse a time; without a zone it is in the current time zone. None without a value."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value.replace(" ", "+"))
        return at if at.tzinfo else at.replace(tzinfo=timezone.get_current_timezone())
    except ValueError:
        raise BadInput(f"{field} is a moment: 2026-05-31T12:00.", field=field) from None


def moment(value: str | None, field: str, *, end: bool = False) -> datetime | None:
    """Parse a day or a time with zone; raise BadInput for anything else.

    A day means its beginning in the current time zone, or its end with `end`.
    """
    if not value:
        return None
    try:
        if len(value) == 10:
            day = date.fromisoformat(value) + timedelta(days=end)
            return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())
        at = datetime.fromisoformat(value.replace(" ", "+"))
        if at.tzinfo is None or not 1970 <= at.year < 9998:
            raise ValueError(value)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{field} is a day (2026-05-31) or a moment with zone (2026-05-31T12:00:00Z).",
            field=field,
        ) from None
    return at
