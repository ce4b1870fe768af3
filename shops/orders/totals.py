"""Totals of an order in minor units; tax is rounded half-up once per rate. No database access."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of an order; `total` includes the tax in either case."""

    subtotal: int
    delivery: int
    tax: int
    total: int


def sums_of(
    lines: Iterable[tuple[int, Decimal]],
    *,
    delivery: int = 0,
    delivery_tax: Decimal = Decimal(0),
    tax_included: bool,
) -> Sums:
    """Totals of (amount, tax percentage) lines and a delivery."""
    amounts: dict[Decimal, int] = defaultdict(int)
    subtotal = 0
    for amount, percent in lines:
        amounts[percent] += amount
        subtotal += amount
    amounts[delivery_tax] += delivery
    tax = sum(
        tax_of(amount, percent, tax_included=tax_included) for percent, amount in amounts.items()
    )
    total = subtotal + delivery + (0 if tax_included else tax)
    return Sums(subtotal, delivery, tax, total)


def tax_of(amount: int, percent: Decimal, *, tax_included: bool) -> int:
    """Tax in (or on top of) an amount, in minor units; half a unit is rounded up."""
    base = 100 + percent if tax_included else Decimal(100)
    return int((amount * percent / base).quantize(Decimal(1), ROUND_HALF_UP))
