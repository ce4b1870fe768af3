"""Writing credit notes: whole invoices or single lines, never more than is left of a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from billing import emails
from billing.errors import TooMuch, WrongStatus
from billing.invoices import close, tax, treatments
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
) -> CreditNote:
    """Write a credit note; `amounts` are net minor units by line position, None means all that is
    left.

    `use` defaults to reducing an unpaid invoice, and to balance for a paid one. Tax follows the
    lines, so that full credits add up to the invoice's tax. Raises WrongStatus or TooMuch.
    """
    with system("credit notes are numbered across businesses"):
        due = _lock(invoice)
        parts = _credited_lines(invoice, amounts)
        taxes = _taxes(invoice, parts)
        net, tax_minor = (
            sum(part.amount_minor for part in parts),
            sum(group["tax_minor"] for group in taxes),
        )
        chosen = use or (CreditUse.INVOICE if due else CreditUse.BALANCE)
        _check_use(chosen, net + tax_minor, due, invoice)
        note = _create_note(invoice, reason, chosen, taxes, net, tax_minor)
        CreditNoteLine.objects.bulk_create(
            CreditNoteLine(
                credit_note=note,
                business_id=note.business_id,
                invoice_line=part.line,
                position=position,
                description=part.line.description,
                amount_minor=part.amount_minor,
            )
            for position, part in enumerate(parts, 1)
        )
        if chosen == CreditUse.REFUND:
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
            base, taxed = _credited_before(invoice, group)
            after = tax.with_base(group, base + now)["tax_minor"]
            groups.append({**group, "base_minor": now, "tax_minor": after - taxed})
    return groups


def _credited_before(invoice: Invoice, group: dict[str, Any]) -> tuple[int, int]:
    earlier = [
        one
        for note in invoice.credit_notes.all()
        for one in note.taxes
        if (one["category"], one["percent"]) == (group["category"], group["percent"])
    ]
    return sum(one["base_minor"] for one in earlier), sum(one["tax_minor"] for one in earlier)


def _check_use(use: CreditUse, total: int, due: int, invoice: Invoice) -> None:
    if use == CreditUse.INVOICE and total > due:
        raise TooMuch(
            f"{due} minor units are due on {invoice}; {total} would be credited. Refund or keep "
            "them."
        )
    if use != CreditUse.INVOICE and due:
        raise WrongStatus(f"{invoice} is not paid; the credit reduces what is due.")
    if use == CreditUse.REFUND and total > _refundable(invoice):
        raise TooMuch(
            f"{_refundable(invoice)} minor units were paid on {invoice} and can go back, not "
            f"{total}."
        )


def _refundable(invoice: Invoice) -> int:
    return sum(left for _, left in _refundable_by_payment(invoice))


def _refundable_by_payment(invoice: Invoice) -> list[tuple[Payment, int]]:
    payments = invoice.payments.exclude(method="balance").filter(status=PaymentStatus.SUCCEEDED)
    return [(payment, payment.amount_minor - _refunded(payment)) for payment in payments]


def _refunded(payment: Payment) -> int:
    live = payment.refunds.exclude(status__in=[PaymentStatus.FAILED, PaymentStatus.CANCELLED])
    return int(live.aggregate(n=Sum("amount_minor"))["n"] or 0)


def _create_note(
    invoice: Invoice,
    reason: str,
    use: CreditUse,
    taxes: list[dict[str, Any]],
    net: int,
    tax_minor: int,
) -> CreditNote:
    now = invoice.business.now()
    return CreditNote.objects.create(
        business_id=invoice.business_id,
        invoice=invoice,
        number=close.next_number(Seller.objects.get(is_current=True).credit_prefix, now.year),
        use=use,
        reason=reason,
        currency=invoice.currency,
        seller=invoice.seller,
        buyer=invoice.buyer,
        issued_at=now,
        taxes=taxes,
        seller_tax=treatments.credited(invoice.seller_tax, invoice.currency, tax_minor),
        subtotal_minor=net,
        tax_minor=tax_minor,
        total_minor=net + tax_minor,
    )


def _create_refunds(note: CreditNote) -> None:
    """Create a refund for each payment that is refunded; those of cards are sent by the worker."""
    rest = note.total_minor
    for payment, left in _refundable_by_payment(note.invoice):
        amount = min(rest, left)
        if amount > 0:
            Refund.objects.create(
                business_id=note.business_id,
                payment=payment,
                credit_note=note,
                amount_minor=amount,
                key=f"cn-{note.pk}-payment-{payment.pk}",
            )
            rest -= amount
