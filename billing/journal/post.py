"""Journal entries, written in the transaction of the event that they are about.

Each is posted on the day of its document, or on the day on which the money moved. Test invoices
are not posted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from billing.models import (
    AccountRole,
    CashReceipt,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    LineKind,
    Payment,
    PaymentMethod,
    Posting,
    Refund,
    Seller,
)
from core import widths

REVENUE = {
    LineKind.FEE: AccountRole.HOSTING,
    LineKind.MESSAGES: AccountRole.MESSAGES,
    LineKind.LATE: AccountRole.MESSAGES,
    LineKind.COMMITMENT: AccountRole.COMMITMENT,
    LineKind.DISCOUNT: AccountRole.DISCOUNTS,
}
MONEY = {PaymentMethod.BANK: AccountRole.BANK, PaymentMethod.STRIPE: AccountRole.CARD}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an entry: minor units, debit positive; the tax it belongs to, and a text."""

    role: AccountRole
    amount_minor: int
    text: str = ""
    tax_category: str = ""
    tax_percent: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What an entry is about: its business, currency, document, customer and reference."""

    business_id: int
    currency: str
    document: str = ""
    customer: str = ""
    reference: str = ""

    @classmethod
    def of(cls, paper: Invoice | CreditNote) -> "Source":
        """An invoice or a credit note as source."""
        return cls(
            paper.business_id,
            paper.currency,
            str(paper),
            paper.buyer.get("name", ""),
            paper.buyer.get("reference", ""),
        )


def invoice_issued(invoice: Invoice) -> None:
    """Receivable against revenue and tax; a test invoice is not posted."""
    if not invoice.is_test and invoice.issued_on is not None:
        _post(f"invoice:{invoice.pk}", invoice.issued_on, Source.of(invoice), _sides(invoice, 1))


def invoice_voided(invoice: Invoice, day: date) -> None:
    """The opposite of the invoice, on the day it is voided; nothing for a draft."""
    if not invoice.is_test and invoice.issued_on is not None:
        _recover(invoice, invoice.total_minor, f"void_recovery:{invoice.pk}", day)
        _post(f"void:{invoice.pk}", day, Source.of(invoice), _sides(invoice, -1))


def credit_note_issued(note: CreditNote) -> None:
    """Revenue and tax against receivable, and the rest against the customer's balance."""
    lines = note.lines.order_by("position")
    taxed = ((group["category"], group["percent"], group["tax_minor"]) for group in note.taxes)
    if note.invoice is not None and note.reduces_minor:
        event = f"credit_recovery:{note.pk}"
        _recover(note.invoice, note.reduces_minor, event, note.issued_on)
    sides = [
        *(_revenue(line, line.amount_minor) for line in lines),
        *(Side(AccountRole.TAX, tax, "Tax", *codes) for *codes, tax in taxed),
        Side(AccountRole.RECEIVABLE, -note.reduces_minor, note.reason),
        Side(AccountRole.BALANCE, -note.kept_minor, note.reason),
    ]
    _post(f"credit:{note.pk}", note.issued_on, Source.of(note), sides)


def receipt_recorded(receipt: CashReceipt) -> None:
    """Money against what is not allocated, on its value date; and the fee that was kept of it."""
    source = Source(
        receipt.business_id, receipt.currency, "", str(receipt.business), receipt.reference
    )
    account, text = MONEY[PaymentMethod(receipt.method)], str(receipt)
    sides = [
        Side(account, receipt.amount_minor, text),
        Side(AccountRole.UNALLOCATED, -receipt.amount_minor, text),
    ]
    _post(f"receipt:{receipt.pk}", receipt.value_date, source, sides)
    fees = [
        Side(AccountRole.FEES, receipt.fee_minor, text),
        Side(account, -receipt.fee_minor, text),
    ]
    _post(f"fee:{receipt.pk}", receipt.value_date, source, fees)


def payment_allocated(payment: Payment, day: date) -> None:
    """What a payment pays of its invoice: from unallocated money, or from the credit balance."""
    invoice = payment.invoice
    _recover(invoice, payment.allocated_minor, f"recovery:{payment.pk}", day)
    is_credit = payment.method == PaymentMethod.BALANCE
    source = AccountRole.BALANCE if is_credit else AccountRole.UNALLOCATED
    text = f"Payment {payment.reference}".strip()
    sides = [
        Side(source, payment.allocated_minor, text),
        Side(AccountRole.RECEIVABLE, -payment.allocated_minor, text),
    ]
    _post(f"payment:{payment.pk}", day, Source.of(invoice), sides)


def refund_sent(refund: Refund, day: date) -> None:
    """Money that went back, against the balance or the unallocated money that it was."""
    source = (
        Source.of(refund.credit_note)
        if refund.credit_note
        else Source(refund.business_id, refund.currency, "", str(refund.business), refund.reference)
    )
    held = AccountRole.UNALLOCATED if refund.receipt_id else AccountRole.BALANCE
    account = MONEY[PaymentMethod(refund.method)]
    sides = [
        Side(held, refund.amount_minor, "Refund"),
        Side(account, -refund.amount_minor, "Refund"),
    ]
    _post(f"refund:{refund.pk}", day, source, sides)


def invoice_written_off(invoice: Invoice, due_minor: int, day: date) -> None:
    """What is due on an uncollectible invoice becomes a bad debt."""
    sides = [
        Side(AccountRole.BAD_DEBT, due_minor, "Written off"),
        Side(AccountRole.RECEIVABLE, -due_minor, "Written off"),
    ]
    _post(f"write_off:{invoice.pk}", day, Source.of(invoice), sides)


def day_of(invoice: Invoice | CreditNote | CashReceipt | Refund) -> date:
    """Today by the business's clock, as the seller counts days."""
    return Seller.objects.get(is_current=True).day_of(invoice.business.now())


def _recover(invoice: Invoice, minor: int, event: str, day: date) -> None:
    """Take so much of a written-off invoice's bad debt back before it is settled otherwise."""
    if invoice.status != InvoiceStatus.UNCOLLECTIBLE:
        return
    sides = [
        Side(AccountRole.RECEIVABLE, minor, "Recovered"),
        Side(AccountRole.BAD_DEBT, -minor, "Recovered"),
    ]
    _post(event, day, Source.of(invoice), sides)


def _sides(invoice: Invoice, sign: int) -> list[Side]:
    text = "Invoice" if sign > 0 else "Voided"
    return [
        Side(AccountRole.RECEIVABLE, sign * invoice.total_minor, text),
        *(_revenue(line, -sign * line.amount_minor) for line in invoice.lines.order_by("position")),
        *(
            Side(
                AccountRole.TAX,
                -sign * group["tax_minor"],
                "Tax",
                group["category"],
                group["percent"],
            )
            for group in invoice.taxes
        ),
    ]


def _revenue(line: InvoiceLine | CreditNoteLine, minor: int) -> Side:
    percent = f"{line.tax_percent.normalize():f}"
    role = REVENUE[LineKind(line.kind)]
    return Side(role, minor, line.description, line.tax_category, percent)


def _post(event: str, day: date, source: Source, sides: Iterable[Side]) -> None:
    """Write an entry; sides of nothing are left out. Raises ValueError where it does not balance
    and IntegrityError where the event is posted already.
    """
    written = [side for side in sides if side.amount_minor]
    if sum(side.amount_minor for side in written):
        raise ValueError(f"the entry {event} does not balance: {written}")
    Posting.objects.bulk_create(
        Posting(
            business_id=source.business_id,
            event=event,
            position=position,
            posted_on=day,
            role=side.role,
            amount_minor=side.amount_minor,
            currency=source.currency,
            document=source.document,
            customer=source.customer[: widths.BUSINESS_NAME],
            tax_category=side.tax_category,
            tax_percent=side.tax_percent,
            text=side.text[: widths.LINE_DESCRIPTION],
            reference=source.reference[: widths.PAYMENT_ID],
        )
        for position, side in enumerate(written, 1)
    )
