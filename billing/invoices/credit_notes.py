"""Writing credit notes: whole invoices or single lines, never more than is left of a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db.models import Sum

from billing import emails
from billing.errors import TooMuch, WrongStatus
from billing.invoices import tax, treatments
from billing.invoices.numbering import next_number
from billing.journal import post
from billing.models import (
    CreditNote,
    CreditNoteLine,
    CreditUse,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    Seller,
)
from billing.payments import settlement
from core import money
from core.tenancy import system

CREDITABLE = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)


@dataclass(frozen=True, slots=True)
class _CreditedLine:
    line: InvoiceLine
    amount_minor: int


def credit(
    *,
    invoice: Invoice,
    reason: str,
    amounts: Mapping[int, int] | None = None,
    use: CreditUse | None = None,
    key: str = "",
) -> CreditNote:
    """Write a credit note; `amounts` are net minor units by line position, None means all that is
    left.

    What is due is reduced first. The rest, of a part that was paid, is kept as balance, or with
    `use` REFUND paid back; with `use` INVOICE there must be no rest. Tax follows the lines, so that
    full credits add up to the invoice's tax. `key` names the deed: asked twice, it makes one note.
    Raises WrongStatus or TooMuch.
    """
    key = key or str(uuid4())
    with system("credit notes are numbered across businesses"):
        due = _lock(invoice)
        if before := CreditNote.objects.filter(business=invoice.business, key=key).first():
            return before
        parts = _credited_lines(invoice, amounts)
        note = _create_note(invoice, reason, key, _taxes(invoice, parts), parts)
        note.reduces_minor = min(due, note.total_minor)
        note.use = _use_of(note, use, due)
        _save(note, parts)
        if note.use == CreditUse.REFUND:
            _create_refunds(note)
        settlement.settle(invoice)
        emails.credit_note_issued(note)
    return note


def _lock(invoice: Invoice) -> int:
    Invoice.objects.select_for_update().get(pk=invoice.pk)
    invoice.refresh_from_db()
    if invoice.status not in CREDITABLE:
        raise WrongStatus(
            f"{invoice} is {invoice.get_status_display().lower()}: there is nothing to credit."
        )
    return invoice.due_now()


def _credited_lines(invoice: Invoice, amounts: Mapping[int, int] | None) -> list[_CreditedLine]:
    """Lines with their credited amounts; raises TooMuch naming a line that has less left."""
    lines = {
        line.position: line
        for line in invoice.lines.annotate(credited=Sum("credits__amount_minor"))
    }
    left = {position: line.amount_minor - (line.credited or 0) for position, line in lines.items()}
    wanted = left if amounts is None else amounts
    for position, amount in wanted.items():
        rest = left.get(position, 0)
        if abs(amount) > abs(rest) or amount * rest < 0:
            raise TooMuch(
                f"Line {position} of {invoice} has {rest} minor units left, not {amount}."
            )
    parts = [
        _CreditedLine(lines[position], amount)
        for position, amount in sorted(wanted.items())
        if amount
    ]
    if sum(part.amount_minor for part in parts) <= 0:
        raise TooMuch(f"Nothing is left to credit on {invoice}.")
    return parts


def _taxes(invoice: Invoice, parts: list[_CreditedLine]) -> list[dict[str, Any]]:
    """Tax per rate group: the tax after this note less what was credited before, so that no cent is
    lost.
    """
    groups = []
    for group in invoice.taxes:
        percent = Decimal(group["percent"])
        now = sum(
            part.amount_minor
            for part in parts
            if (part.line.tax_category, part.line.tax_percent) == (group["category"], percent)
        )
        if now:
            groups.append(tax.credited_group(group, now, _credited_before(invoice, group)))
    return groups


def _credited_before(invoice: Invoice, group: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of this rate of the invoice's earlier credit notes."""
    return [
        one
        for note in invoice.credit_notes.all()
        for one in note.taxes
        if (one["category"], one["percent"]) == (group["category"], group["percent"])
    ]


def _use_of(note: CreditNote, wanted: CreditUse | None, due: int) -> CreditUse:
    """What becomes of the rest; raises TooMuch or WrongStatus where the wanted use does not fit."""
    invoice, rest = note.invoice, note.kept_minor
    assert invoice is not None
    if wanted == CreditUse.INVOICE and rest:
        raise TooMuch(
            f"{due} minor units are due on {invoice}; {note.total_minor} would be credited. Refund "
            "or keep the rest."
        )
    if not rest:
        if wanted not in (None, CreditUse.INVOICE):
            raise WrongStatus(f"{invoice} is not paid; the credit reduces what is due.")
        return CreditUse.INVOICE
    if wanted == CreditUse.REFUND and rest > _refundable(invoice):
        raise TooMuch(
            f"{_refundable(invoice)} minor units were paid on {invoice} and can go back, not "
            f"{rest}."
        )
    return wanted or CreditUse.BALANCE


def _refundable(invoice: Invoice) -> int:
    return sum(left for _, left in _refundable_by_payment(invoice))


def _refundable_by_payment(invoice: Invoice) -> list[tuple[Payment, int]]:
    payments = invoice.payments.exclude(method="balance").filter(status=PaymentStatus.SUCCEEDED)
    return [(payment, settlement.refundable_of(payment)) for payment in payments]


def _create_note(
    invoice: Invoice,
    reason: str,
    key: str,
    taxes: list[dict[str, Any]],
    parts: list[_CreditedLine],
) -> CreditNote:
    """The note, not saved and without a number."""
    net = sum(part.amount_minor for part in parts)
    tax_minor = sum(group["tax_minor"] for group in taxes)
    return CreditNote(
        business_id=invoice.business_id,
        invoice=invoice,
        key=key,
        reason=reason,
        currency=invoice.currency,
        seller=invoice.seller,
        buyer=invoice.buyer,
        taxes=taxes,
        seller_tax=treatments.credited(invoice, tax_minor),
        subtotal_minor=net,
        tax_minor=tax_minor,
        total_minor=net + tax_minor,
    )


def _save(note: CreditNote, parts: list[_CreditedLine]) -> None:
    """Date, number, store and post the note with its lines."""
    seller, now = Seller.objects.get(is_current=True), note.business.now()
    note.issued_at, note.issued_on = now, seller.day_of(now)
    note.number = next_number(seller.credit_prefix, note.issued_on)
    note.save()
    micros = money.micros_a_minor(note.currency)
    CreditNoteLine.objects.bulk_create(
        CreditNoteLine(
            credit_note=note,
            business_id=note.business_id,
            invoice_line=part.line,
            position=position,
            kind=part.line.kind,
            description=part.line.description,
            month=part.line.month,
            market=part.line.market,
            category=part.line.category,
            amount_micros=part.amount_minor * micros,
            amount_minor=part.amount_minor,
            tax_category=part.line.tax_category,
            tax_percent=part.line.tax_percent,
        )
        for position, part in enumerate(parts, 1)
    )
    post.credit_note_issued(note)


def _create_refunds(note: CreditNote) -> None:
    """Create a refund for each payment that is refunded; those of cards are sent by the worker."""
    assert note.invoice is not None
    rest = note.kept_minor
    for payment, left in _refundable_by_payment(note.invoice):
        amount = min(rest, left)
        if amount > 0:
            Refund.objects.create(
                business_id=note.business_id,
                payment=payment,
                credit_note=note,
                method=payment.method,
                currency=note.currency,
                amount_minor=amount,
                key=f"cn-{note.pk}-payment-{payment.pk}",
            )
            rest -= amount
