"""Explanation of one message's price: ledger row, tier, card version, rule, month and invoice
line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from billing.models import Rule
from billing.models.ledger import TEST_RULES
from core import money
from core.errors import NotYours
from core.sql import statement
from hosting.extensions import MessageNote

# The rules under which a message has the price of its position; the others make it free.
PRICED_RULES = frozenset({Rule.TIER, Rule.FAILED, Rule.REPORTED, Rule.TEST})


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of a charge; amounts in micro-units, `tier_last` None for an unbounded tier."""

    charge_id: int
    month: date
    billed_month: date
    market: str
    category: str
    rule: str
    position: int
    price_micros: int
    delivered_at: datetime
    charged_at: datetime
    tier_first: int | None
    tier_last: int | None
    card: str
    currency: str
    version_from: date
    version_id: int
    invoice_number: str | None
    invoice_line: int | None
    wamid: str | None
    to: str | None
    service_free_in_window: bool
    utility_free_in_window: bool
    tier_price_micros: int | None
    reversed_at: datetime | None
    reversal_reason: str | None

    @property
    def price(self) -> str:
        """The price with every significant decimal: `$0.0091`."""
        return money.show_micros(self.price_micros, self.currency)

    @property
    def rule_label(self) -> str:
        """Label of the rule."""
        return str(Rule(self.rule).label)

    @property
    def reason(self) -> str:
        """One sentence on why the message costs this."""
        if self.rule not in PRICED_RULES:
            return f"{self.rule_label}: this message costs nothing."
        upper = f"to {self.tier_last:,}" if self.tier_last else "on"
        listed = money.show_micros(self.tier_price_micros or 0, self.currency)
        return (
            f"Number {self.position:,} of {self.month:%B %Y} in {self.category} to {self.market}: "
            f"tier from {self.tier_first:,} {upper} costs "
            f"{listed}{self._difference}.{self._failure}{self._reversal}"
        )

    @property
    def _difference(self) -> str:
        if self.rule == Rule.REPORTED:
            return f" at most, {self.price} as the network reported"
        if self.tier_price_micros == self.price_micros:
            return ""
        return f", {self.price} with your discount"

    @property
    def _failure(self) -> str:
        return (
            " It failed, and your rate card charges failed messages."
            if self.rule == Rule.FAILED
            else ""
        )

    @property
    def _reversal(self) -> str:
        return (
            f" Taken back on {self.reversed_at:%d %B %Y}: {self.reversal_reason}"
            if self.reversed_at
            else ""
        )


def explain(business_id: int, message_id: int) -> Explanation:
    """Explanation of the price of one of the business's messages; raises NotYours without a
    charge.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "explain_charge"),
            {"business_id": business_id, "message_id": message_id},
        )
        row = cursor.fetchone()
    if row is None:
        raise NotYours(
            "This message has no charge: it is inbound, not delivered, or not metered yet."
        )
    return Explanation(*row)


class _ChargeRow(NamedTuple):
    message_id: int
    price_micros: int
    market: str
    category: str
    position: int
    rule: str
    currency: str


def notes(business_id: int, message_ids: Iterable[int]) -> dict[int, MessageNote]:
    """The price of each charged message, as a note in the thread; one query."""
    return {row.message_id: _note(row) for row in _charges(business_id, list(message_ids))}


def _note(row: _ChargeRow) -> MessageNote:
    failed = ", failed" if row.rule == Rule.FAILED else ""
    counted = f"{row.category} to {row.market}, number {row.position:,} of the month{failed}"
    price = money.show_micros(row.price_micros, row.currency) if row.price_micros else _("free")
    return MessageNote(
        text=_("Test %(price)s") % {"price": price} if row.rule in TEST_RULES else price,
        title=counted if row.rule in PRICED_RULES else str(Rule(row.rule).label),
        url=_url(row.message_id),
        place=row.market,
    )


def _charges(business_id: int, message_ids: list[int]) -> list[_ChargeRow]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.message_id, c.price_micros, c.market, c.category, c.position, c.rule,
                   k.currency
              FROM billing_charge c
              JOIN billing_cardversion v ON v.id = c.version_id
              JOIN billing_ratecard k ON k.id = v.card_id
             WHERE c.business_id = %s AND c.message_id = ANY (%s) AND c.reverses_id IS NULL
            """,
            [business_id, message_ids],
        )
        return [_ChargeRow(*row) for row in cursor.fetchall()]


def _url(message_id: int) -> str:
    try:
        return reverse("charge", args=[message_id])
    except NoReverseMatch:
        return ""
