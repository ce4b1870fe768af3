"""Content of an invoice or credit note, independent of the database; every document is made from
it.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from billing.documents import wording
from core import money
from core.territories import locale


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line: price and exact amount in micro-units, `amount_minor` its share of the document's
    rounded sum in minor units, `tier` its first and last position.
    """

    position: int
    kind: str
    description: str
    month: date
    market: str
    tier: tuple[int | None, int | None]
    quantity: int
    unit_price_micros: int
    amount_micros: int
    amount_minor: int
    tax_category: str
    tax_percent: Decimal
    category: str = ""

    @property
    def prices_differ(self) -> bool:
        """Whether what the line counts has more than one price: reported ones."""
        return self.quantity * self.unit_price_micros != self.amount_micros

    @property
    def tier_text(self) -> str:
        """The tier's range of messages in the active language; empty without a tier."""
        return wording.tier(*self.tier)


@dataclass(frozen=True, slots=True)
class DocumentContent:
    """An invoice or a credit note; amounts in minor units.

    `corrects` are number and day of the invoice that a credit note corrects, None where it is of a
    whole month. `prepaid_minor` was paid as the invoice was issued; the rest was due then.
    `seller_tax` is `Invoice.seller_tax`. Texts are in the customer's language.
    """

    number: str
    issued: date
    due: date | None
    month: date
    currency: str
    seller: dict[str, Any]
    buyer: dict[str, Any]
    lines: list[DocumentLine]
    taxes: list[dict[str, Any]]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    corrects: tuple[str, date] | None = None
    reason: str = ""
    is_credit: bool = False
    prepaid_minor: int = 0
    is_test: bool = False
    seller_tax: dict[str, Any] = field(default_factory=dict)
    payment_terms: str = "No payment is due: the amount is credited."
    pay_url: str = ""

    @property
    def due_minor(self) -> int:
        """What was due as it was issued: the total less what was prepaid."""
        return self.total_minor - self.prepaid_minor

    @property
    def credits(self) -> bool:
        """Whether it is a credit note."""
        return self.is_credit or self.corrects is not None

    @property
    def title(self) -> str:
        """Kind of document."""
        if self.is_test:
            return _("Test invoice, not owed")
        return _("Credit note") if self.credits else _("Invoice")

    @property
    def rounding_micros(self) -> int:
        """What rounding the lines' exact sum to minor units added, in micro-units."""
        exact = sum(line.amount_micros for line in self.lines)
        return self.subtotal_minor * money.micros_a_minor(self.currency) - exact

    def show(self, minor: int) -> str:
        """An amount for readers of the active language."""
        return money.show_minor(minor, self.currency, locale())

    @property
    def language(self) -> str:
        """The customer's language."""
        return str(self.buyer.get("language") or "en")
