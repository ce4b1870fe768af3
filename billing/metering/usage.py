"""Usage of a month by day, market and category, and progress through the volume tiers."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Business
from accounts.plans import changes
from billing import commitments, plan_fees
from billing.models import Discount, Period
from core import money
from core.sql import select, statement
from hosting.models import Delivery, Number


@dataclass(frozen=True, slots=True)
class DayUsage:
    """Messages and amount of one day and category."""

    day: date
    category: str
    messages: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class MarketUsage:
    """Messages and amount of one market and category."""

    market: str
    category: str
    messages: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Progress of a market and category: positions taken, price of this tier, and of the next one,
    if any.
    """

    market: str
    category: str
    positions: int
    price_micros: int
    next_first: int | None
    next_price_micros: int | None

    @property
    def to_next(self) -> int | None:
        """Messages until the next tier's price; None on the last tier."""
        return None if self.next_first is None else self.next_first - self.positions - 1

    @property
    def share(self) -> int:
        """Progress within this tier in percent; 100 on the last."""
        if self.next_first is None:
            return 100
        return min(100, 100 * self.positions // max(self.next_first - 1, 1))


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """A month of one business; amounts in micro-units."""

    month: date
    currency: str
    is_closed: bool
    messages: int
    amount_micros: int
    fee_micros: int
    missing_micros: int
    discount_micros: int
    estimate_micros: int
    waiting: int
    days: list[DayUsage]
    rows: list[MarketUsage]
    ladders: list[Ladder]

    @property
    def total_micros(self) -> int:
        """Messages, hosting fee, and what is missing up to a minimum commitment, together."""
        return self.amount_micros + self.fee_micros + self.missing_micros

    @property
    def net_minor(self) -> int:
        """What the month's invoice says before tax, in minor units: the exact sum, rounded once."""
        return money.to_minor(self.total_micros - self.discount_micros, self.currency)

    @property
    def rounding_micros(self) -> int:
        """What that rounding adds, in micro-units."""
        exact = self.total_micros - self.discount_micros
        return self.net_minor * money.micros_a_minor(self.currency) - exact

    def show(self, micros: int) -> str:
        """An amount in the business's currency, rounded to its minor unit."""
        return money.show_minor(money.to_minor(micros, self.currency), self.currency)


def usage_of(business: Business, month: date, *, is_test: bool = False) -> MonthUsage:
    """Usage of a month (its first day) so far, of live or of test numbers; eight queries, inside
    the business's scope. Test traffic is priced for show: no fee and no discount comes to it.
    """
    parameters: dict[str, Any] = {
        "business_id": business.pk,
        "month": month,
        "timezone": business.timezone,
        "is_test": is_test,
    }
    days, rows = _days_and_rows(parameters)
    period = Period.objects.filter(business=business, month=month).first()
    is_closed = period is not None and period.state == Period.State.CLOSED
    amount = sum(row.amount_micros for row in rows)
    fee, missing, discount = (0, 0, 0) if is_test else _owed_besides(business, month, amount)
    return MonthUsage(
        month=month,
        currency=period.currency if period else business.currency,
        is_closed=is_closed,
        messages=sum(row.messages for row in rows),
        amount_micros=amount,
        fee_micros=fee,
        missing_micros=missing,
        discount_micros=discount,
        estimate_micros=amount
        if period is None or is_closed
        else _estimate(amount, period.starts_at, period.ends_at, business.now()),
        waiting=Delivery.objects.filter(business_id=business.pk, failed=False).count(),
        days=days,
        rows=rows,
        ladders=[Ladder(**row) for row in select("billing", "usage_ladders", parameters)],
    )


def _days_and_rows(parameters: dict[str, Any]) -> tuple[list[DayUsage], list[MarketUsage]]:
    with connection.cursor() as cursor:
        cursor.execute(statement("billing", "usage_days"), parameters)
        days = [DayUsage(*row) for row in cursor.fetchall()]
        cursor.execute(statement("billing", "usage_rows"), parameters)
        return days, [_market_usage(*row) for row in cursor.fetchall()]


def _owed_besides(business: Business, month: date, amount: int) -> tuple[int, int, int]:
    """Fee of the plans, what is missing to the minimum commitment, and what discounts take off
    (micro-units), in a month whose messages cost `amount`.
    """
    fee = sum(plan_fees.plan_fee(one) for one in changes.stretches(business, month))
    missing = commitments.missing(business, month)
    return fee, missing, _discounts(business, month, amount + fee + missing)


def has_only_test_numbers(business: Business) -> bool:
    """Whether all numbers of a business are test numbers: then its usage is of test traffic."""
    return set(Number.objects.filter(business=business).values_list("is_test", flat=True)) == {True}


def _discounts(business: Business, month: date, micros: int) -> int:
    """What the month's discounts take off, one after the other, as its invoice has them."""
    left = micros
    for discount in Discount.objects.of_month(business, month):
        left -= discount.taken_off(left)
    return micros - left


def _market_usage(market: str, category: str, messages: Any, amount_micros: Any) -> MarketUsage:
    # PostgreSQL's sums are numeric.
    return MarketUsage(market, category, int(messages), int(amount_micros))


@dataclass(frozen=True, slots=True)
class CategoryComparison:
    """One category in a month and in the month before; amounts in micro-units."""

    category: str
    messages: int
    amount_micros: int
    messages_before: int
    amount_before_micros: int

    @property
    def change(self) -> int | None:
        """Change of the cost in whole percent; None where it was 0 before."""
        if not self.amount_before_micros:
            return None
        return round(
            100 * (self.amount_micros - self.amount_before_micros) / self.amount_before_micros
        )


def compare_months(
    business: Business, found: MonthUsage, earlier: date | None
) -> list[CategoryComparison]:
    """The month compared with an earlier one by category, highest cost first.

    Empty without an earlier one; one query.
    """
    if earlier is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "usage_rows"),
            {"business_id": business.pk, "month": earlier, "is_test": False},
        )
        before = [_market_usage(*row) for row in cursor.fetchall()]
    categories = {row.category for row in (*found.rows, *before)}
    rows = [
        CategoryComparison(one, *_sums(found.rows, one), *_sums(before, one)) for one in categories
    ]
    return sorted(
        rows, key=lambda row: (-row.amount_micros, -row.amount_before_micros, row.category)
    )


def _sums(rows: list[MarketUsage], category: str) -> tuple[int, int]:
    mine = [row for row in rows if row.category == category]
    return sum(row.messages for row in mine), sum(row.amount_micros for row in mine)


def _estimate(amount: int, starts_at: datetime, ends_at: datetime, now: datetime) -> int:
    """The month's cost extrapolated to its end; the first day counts as a whole day."""
    passed = max(min(now, ends_at) - starts_at, timedelta(days=1))
    return amount * int((ends_at - starts_at).total_seconds()) // int(passed.total_seconds())


def months_of(business: Business) -> list[date]:
    """Months with a period, newest first."""
    periods = Period.objects.filter(business=business).order_by("-month")
    return list(periods.values_list("month", flat=True))
