"""Usage: what a month has cost so far, by day, market and category, and where the business stands
on the tier ladder.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Business
from accounts.plans import changes
from billing import plan_fees
from core import money
from core.sql import select, statement
from hosting.models import Delivery


@dataclass(frozen=True, slots=True)
class DayUsage:
    """One day and category: messages and amount."""

    day: date
    category: str
    messages: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class RowUsage:
    """One market and category: messages and amount."""

    market: str
    category: str
    messages: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where one market and category stands: positions taken, this tier's price, and the next
    tier's, if there is one.
    """

    market: str
    category: str
    positions: int
    price_micros: int
    next_first: int | None
    next_price_micros: int | None

    @property
    def to_next(self) -> int | None:
        """How many more messages until the next tier's price."""
        return None if self.next_first is None else self.next_first - self.positions - 1

    @property
    def share(self) -> int:
        """How far along this tier, in percent; 100 on the last."""
        if self.next_first is None:
            return 100
        return min(100, 100 * self.positions // max(self.next_first - 1, 1))


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """A month of one business, money in micro-units."""

    month: date
    currency: str
    is_closed: bool
    messages: int
    amount_micros: int
    fee_micros: int
    estimate_micros: int
    waiting: int
    days: list[DayUsage]
    rows: list[RowUsage]
    ladders: list[Ladder]

    @property
    def total_micros(self) -> int:
        """Messages and hosting fee together."""
        return self.amount_micros + self.fee_micros

    def show(self, micros: int) -> str:
        """An amount in the business's currency, rounded to its minor unit."""
        return money.show_minor(money.to_minor(micros, self.currency), self.currency)


def usage_of(business: Business, month: date) -> MonthUsage:
    """What the month (its first day) has cost so far; five queries, inside the business's scope."""
    parameters: dict[str, Any] = {
        "business_id": business.pk,
        "month": month,
        "timezone": business.timezone,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("billing", "usage_days"), parameters)
        days = [DayUsage(*row) for row in cursor.fetchall()]
        cursor.execute(statement("billing", "usage_rows"), parameters)
        rows = [RowUsage(row[0], row[1], int(row[2]), int(row[3])) for row in cursor.fetchall()]
        cursor.execute(
            "SELECT state, starts_at, ends_at, currency FROM billing_period WHERE business_id = %(business_id)s AND month = %(month)s",
            parameters,
        )
        period = cursor.fetchone()
    amount = sum(row.amount_micros for row in rows)
    is_closed = bool(period) and period[0] == "closed"
    return MonthUsage(
        month=month,
        currency=period[3] if period else business.currency,
        is_closed=is_closed,
        messages=sum(row.messages for row in rows),
        amount_micros=amount,
        fee_micros=sum(plan_fees.fee_of(one) for one in changes.stretches(business, month)),
        estimate_micros=amount
        if is_closed or not period
        else _estimate(amount, period[1], period[2], business.now()),
        waiting=Delivery.objects.filter(business_id=business.pk, failed=False).count(),
        days=days,
        rows=rows,
        ladders=[Ladder(**row) for row in select("billing", "usage_ladders", parameters)],
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One category in a month and in the one before it, money in micro-units."""

    category: str
    messages: int
    amount_micros: int
    messages_before: int
    amount_before_micros: int

    @property
    def change(self) -> int | None:
        """How much more or less it cost, in whole percent; None where it had cost nothing."""
        if not self.amount_before_micros:
            return None
        return round(
            100 * (self.amount_micros - self.amount_before_micros) / self.amount_before_micros
        )


def compared(business: Business, found: MonthUsage, earlier: date | None) -> list[Compared]:
    """The month beside an earlier one by category, dearest first; empty without an earlier one. One
    query.
    """
    if earlier is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "usage_rows"), {"business_id": business.pk, "month": earlier}
        )
        before = [RowUsage(row[0], row[1], int(row[2]), int(row[3])) for row in cursor.fetchall()]
    categories = {row.category for row in (*found.rows, *before)}
    rows = [Compared(one, *_sums(found.rows, one), *_sums(before, one)) for one in categories]
    return sorted(
        rows, key=lambda row: (-row.amount_micros, -row.amount_before_micros, row.category)
    )


def _sums(rows: list[RowUsage], category: str) -> tuple[int, int]:
    mine = [row for row in rows if row.category == category]
    return sum(row.messages for row in mine), sum(row.amount_micros for row in mine)


def _estimate(amount: int, starts_at: datetime, ends_at: datetime, now: datetime) -> int:
    """The month's cost if it goes on as it went; the first day counts whole, so that one message is
    no forecast.
    """
    passed = max(min(now, ends_at) - starts_at, timedelta(days=1))
    return amount * int((ends_at - starts_at).total_seconds()) // int(passed.total_seconds())


def months_of(business: Business) -> list[date]:
    """Months that have usage or are open, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT month FROM billing_period WHERE business_id = %s ORDER BY month DESC",
            [business.pk],
        )
        return [row[0] for row in cursor.fetchall()]
