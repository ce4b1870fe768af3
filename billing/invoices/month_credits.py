"""Credit notes instead of invoices: months in which reversals exceed what was used.

What the customer is owed stands in its balance until it is used or paid back.
"""

from collections.abc import Iterator

from accounts.models import Business
from accounts.plans import changes
from billing import commitments, emails, plan_fees
from billing.invoices import draft
from billing.invoices.issue import complete_seller
from billing.invoices.numbering import next_number
from billing.invoices.treatments import Treatments
from billing.journal import post
from billing.models import (
    BillingDetails,
    CreditNote,
    CreditNoteLine,
    CreditUse,
    Discount,
    LineKind,
    Period,
)
from core import money
from core.sql import select

REASON = "Reversals exceed what the month costs"


def issue(*, business: Business, period: Period) -> CreditNote:
    """Issue the credit note of a locked, closed month; raises SellerIncomplete and NoTaxRule.

    Call across businesses, in the transaction that closes the month.
    """
    seller, now = complete_seller(), business.now()
    day = seller.day_of(now)
    note = CreditNote(
        business=business,
        period=period,
        key=f"month-{period.month}",
        use=CreditUse.BALANCE,
        reason=REASON,
        currency=period.currency,
        seller=seller.as_copy(),
        buyer=BillingDetails.of(business).as_copy(),
        issued_at=now,
        issued_on=day,
    )
    lines = list(_lines(note, period))
    _set_totals(note, lines, draft.treatment_of(note))
    note.number = next_number(seller.credit_prefix, day)
    note.save()
    for line in lines:
        line.credit_note = note
    CreditNoteLine.objects.bulk_create(lines)
    post.credit_note_issued(note)
    emails.credit_note_issued(note)
    return note


def _set_totals(note: CreditNote, lines: list[CreditNoteLine], treated: Treatments) -> None:
    """Put the tax of its month on each line, and the sums on the note."""
    for line in lines:
        one = treated.of(line.month)
        line.tax_category, line.tax_percent = one.category, one.percent
    note.taxes = treated.groups_of(lines)
    note.subtotal_minor = sum(line.amount_minor for line in lines)
    note.tax_minor = sum(group["tax_minor"] for group in note.taxes)
    note.total_minor = note.subtotal_minor + note.tax_minor
    note.seller_tax = treated.in_sellers_currency(note, note.taxes)


def _lines(note: CreditNote, period: Period) -> Iterator[CreditNoteLine]:
    """Its lines, with the opposite sign of an invoice's: fees, usage, minimum, discounts. Each has
    its share of the exact sum, which is rounded half-even once.
    """
    reached = 0
    for position, line in enumerate(_exact_lines(note, period), 1):
        before, reached = reached, reached + line.amount_micros
        rounded = [money.to_minor(one, note.currency) for one in (before, reached)]
        line.position, line.amount_minor = position, rounded[1] - rounded[0]
        yield line


def _exact_lines(note: CreditNote, period: Period) -> Iterator[CreditNoteLine]:
    owed = 0
    for line in (*_fees(note, period), *_usage(note, period), *_commitment(note, period)):
        owed += line.amount_micros
        yield line
    for discount in Discount.objects.of_month(note.business, period.month):
        off = discount.taken_off(-owed)
        owed += off
        if off:
            text = f"{discount.description}, {discount.percent.normalize():f} %"
            yield _line(note, period, LineKind.DISCOUNT, text, off)


def _fees(note: CreditNote, period: Period) -> Iterator[CreditNoteLine]:
    for one in changes.stretches(note.business, period.month):
        if one.fee_micros:
            text = plan_fees.fee_description(one)
            yield _line(note, period, LineKind.FEE, text, -plan_fees.plan_fee(one))


def _commitment(note: CreditNote, period: Period) -> Iterator[CreditNoteLine]:
    missing = commitments.missing(note.business, period.month)
    if missing:
        text = commitments.description(note.business, period.month)
        yield _line(note, period, LineKind.COMMITMENT, text, -missing)


def _usage(note: CreditNote, period: Period) -> Iterator[CreditNoteLine]:
    parameters = {"business_id": note.business_id, "month": period.month}
    for row in select("billing", "usage_to_credit", parameters):
        yield CreditNoteLine(business_id=note.business_id, **row)


def _line(
    note: CreditNote, period: Period, kind: LineKind, text: str, micros: int
) -> CreditNoteLine:
    return CreditNoteLine(
        business_id=note.business_id,
        kind=kind,
        description=text,
        month=period.month,
        amount_micros=micros,
    )
