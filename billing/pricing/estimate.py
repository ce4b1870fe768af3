"""Estimates of the cost of messages before sending, by market and tier, and their relation to the
spend cap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import Business
from core import money
from core.sql import select
from core.territories import locale
from hosting.models import Category


@dataclass(frozen=True, slots=True)
class Step:
    """Messages to one market at one tier's price in micro-units; the price is None where the card
    has no rate.
    """

    market: str
    category: str
    positions: int
    tier_first: int | None
    tier_last: int | None
    price_micros: int | None
    messages: int

    @property
    def amount_micros(self) -> int:
        """Cost of the messages; 0 without a price."""
        return self.messages * (self.price_micros or 0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Maximum cost of messages now, and what the spend cap leaves; amounts in micro-units."""

    currency: str
    category: str
    steps: list[Step]
    limit_micros: int | None
    is_hard: bool
    spent_micros: int
    committed_micros: int

    @property
    def messages(self) -> int:
        """Number of messages."""
        return sum(step.messages for step in self.steps)

    @property
    def total_micros(self) -> int:
        """Total cost."""
        return sum(step.amount_micros for step in self.steps)

    @property
    def unpriced(self) -> int:
        """Messages to markets for which the card has no rate."""
        return sum(step.messages for step in self.steps if step.price_micros is None)

    @property
    def left_micros(self) -> int | None:
        """What the cap leaves this month; None without a cap."""
        if self.limit_micros is None:
            return None
        return max(0, self.limit_micros - self.spent_micros - self.committed_micros)

    @property
    def exceeds_cap(self) -> bool:
        """Whether the total exceeds what the cap leaves."""
        return self.left_micros is not None and self.total_micros > self.left_micros

    @property
    def category_label(self) -> str:
        """Label of the category."""
        return str(dict(Category.choices).get(self.category, self.category))


def estimate(business: Business, *, category: str, counts: Mapping[str, int]) -> Estimate:
    """Estimate for messages of a category; `counts` maps prefixes (7 digits at least) to numbers of
    messages.

    Call inside the business's scope.
    """
    parameters: dict[str, Any] = {
        "business_id": business.pk,
        "at": business.now(),
        "category": category,
        "prefixes": list(counts),
        "counts": list(counts.values()),
    }
    steps = [Step(**row) for row in select("billing", "estimate", parameters)]
    (cap,) = select("billing", "cap_left", parameters)
    return Estimate(category=category, steps=steps, **cap)


def forecast(
    business: Business, category: str, counts: Mapping[str, int]
) -> tuple[str, dict[str, Any]]:
    """An estimate as a template and its variables, for pages of hosting; `total` is its sum in
    words, which is what the lines of the page add up to.
    """
    found = estimate(business, category=category, counts=counts)
    total = money.show_micros(found.total_micros, found.currency, locale())
    return "billing/pricing/_estimate.html", {"estimate": found, "total": total}
