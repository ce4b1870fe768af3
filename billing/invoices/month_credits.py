"""Credit notes instead of invoices: months in which reversals exceed what was used.

What the customer is owed stands in its balance until it is used or paid back.
"""

from django.db import connection

from accounts.models import Business
from accounts.plans import changes
from billing import emails, plan_fees
from billing.invoices import draft, tax
from billing.invoices.issue import complete_seller
from billing.invoices.numbering import next_number
from billing.invoices.tax import Treatment
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
from core.sql import statement

REASON = "Reversals exceed what the month costs"


def issue(*, business: Business, period: Period) -> CreditNote:
    """Issue the credit note of a locked, closed month; raises SellerIncomplete.

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
    lines = _Lines(note, draft.treatment_of(note))
    note.taxes = [tax.tax_group(lines.treated, lines.total_minor())]
    note.subtotal_minor, note.tax_minor = lines.total_minor(), note.taxes[0]["tax_minor"]
    note.total_minor = note.subtotal_minor + note.tax_minor
    note.number = next_number(seller.credit_prefix, day)
    note.save()
    lines.write()
    post.credit_note_issued(note)
    emails.credit_note_issued(note)
    return note


class _Lines:
    """The lines of a month's credit note: fees, usage, discounts, with the opposite sign."""

    def __init__(self, note: CreditNote, treated: Treatment) -> None:
        assert note.period is not None
        self.note, self.treated, self.month = note, treated, note.period.month
        self.business = note.business

    def total_minor(self) -> int:
        """Their exact sum, rounded once."""
        return money.to_minor(self._parts()[-1][2], self.note.currency)

    def write(self) -> None:
        """Store them; the sum of their minor units is `total_minor`."""
        position = 0
        for kind, text, reached, micros in self._parts():
            if kind == LineKind.MESSAGES:
                position += self._copy_usage(position, reached - micros)
            elif micros:
                position += 1
                self._line(kind, text, reached, micros, position)

    def _parts(self) -> list[tuple[LineKind, str, int, int]]:
        """Kind, text, exact sum reached, and exact amount of each part; usage is one of them."""
        parts: list[tuple[LineKind, str, int]] = [
            (LineKind.FEE, plan_fees.fee_description(one), -plan_fees.plan_fee(one))
            for one in changes.stretches(self.business, self.month)
        ]
        parts.append((LineKind.MESSAGES, "", -self._used()))
        found, reached = [], 0
        for kind, text, micros in parts:
            reached += micros
            found.append((kind, text, reached, micros))
        for discount in Discount.objects.of_month(self.business, self.month):
            off = discount.taken_off(-reached)
            reached += off
            text = f"{discount.description}, {discount.percent.normalize():f} %"
            found.append((LineKind.DISCOUNT, text, reached, off))
        return found

    def _used(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(amount_micros), 0)::bigint FROM billing_usage WHERE "
                "business_id = %s AND billed_month = %s",
                [self.business.pk, self.month],
            )
            return int(cursor.fetchone()[0])

    def _copy_usage(self, after: int, before: int) -> int:
        values = {
            "credit_note_id": self.note.pk,
            "business_id": self.business.pk,
            "month": self.month,
            "after": after,
            "before": before,
            "micros_a_minor": money.micros_a_minor(self.note.currency),
            "tax_category": self.treated.category,
            "tax_percent": self.treated.percent,
        }
        with connection.cursor() as cursor:
            cursor.execute(statement("billing", "copy_credit_lines"), values)
            return int(cursor.rowcount)

    def _line(self, kind: LineKind, text: str, reached: int, micros: int, position: int) -> None:
        rounded = [money.to_minor(one, self.note.currency) for one in (reached - micros, reached)]
        CreditNoteLine.objects.create(
            credit_note=self.note,
            business=self.business,
            position=position,
            kind=kind,
            description=text,
            month=self.month,
            amount_micros=micros,
            amount_minor=rounded[1] - rounded[0],
            tax_category=self.treated.category,
            tax_percent=self.treated.percent,
        )
