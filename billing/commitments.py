"""Minimum commitments: what is missing up to one at a month's end."""

from datetime import date

from django.db.models import Sum

from accounts.models import Business
from billing.models import MinimumCommitment, Usage
from billing.models.ledger import TEST_RULES
from core import money

# Stored in English; `billing.documents.wording` has it in the customer's language.
DESCRIPTION = "Up to the agreed minimum of {amount} {currency} a month"


def agreed(business: Business, month: date) -> MinimumCommitment | None:
    """The minimum commitment of a business in a month (its first day)."""
    return MinimumCommitment.objects.of_month(business, month).first()


def description(business: Business, month: date) -> str:
    """Text of the line that fills a month up to its minimum commitment."""
    commitment = agreed(business, month)
    assert commitment is not None
    amount = money.minor_amount(
        money.to_minor(commitment.amount_micros, commitment.currency), commitment.currency
    )
    return DESCRIPTION.format(amount=f"{amount:f}", currency=commitment.currency)


def missing(business: Business, month: date, *, is_test: bool = False) -> int:
    """What the month's own messages lack up to its minimum commitment, in micro-units; 0 without
    one. Late messages and reversals of other months neither fill nor drain it.
    """
    commitment = agreed(business, month)
    if commitment is None:
        return 0
    own = Usage.objects.filter(business_id=business.pk, billed_month=month, month=month)
    counted = own.filter(rule__in=TEST_RULES) if is_test else own.exclude(rule__in=TEST_RULES)
    used = counted.aggregate(n=Sum("amount_micros"))["n"] or 0
    return max(0, commitment.amount_micros - used)
