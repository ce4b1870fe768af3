"""General journal as CSV for accounting software: balanced entries of invoices, credit notes and
payments.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from billing.models import (
    CreditNote,
    CreditUse,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Payment,
    PaymentMethod,
)
from core import money
from core.csv import csv_rows

COLUMNS = (
    "date",
    "document",
    "account",
    "account_name",
    "debit",
    "credit",
    "currency",
    "tax_code",
    "tax_percent",
    "customer",
    "text",
    "reference",
)

RECEIVABLE, BANK, CARD = (
    ("1400", "Trade receivables"),
    ("1800", "Bank"),
    ("1810", "Card payments in transit"),
)
BALANCE, TAX = ("1700", "Customer credit balances"), ("3800", "Output VAT")
HOSTING, MESSAGES = ("4400", "Revenue: hosting"), ("4410", "Revenue: messages")
_OF_METHOD = {PaymentMethod.BANK: BANK, PaymentMethod.STRIPE: CARD, PaymentMethod.BALANCE: BALANCE}

Entry = tuple[Any, ...]


def write(file: IO[bytes], invoices: Iterable[Invoice]) -> None:
    """Write the journal of these invoices, with their credit notes and payments, as CSV."""
    for text in csv_rows(COLUMNS, entries(invoices)):
        file.write(text.encode())


def entries(invoices: Iterable[Invoice]) -> Iterator[Entry]:
    """Journal entries; a void invoice is booked and reversed, so that its number is accounted
    for.
    """
    for invoice in invoices:
        yield from _invoice(invoice, sign=1)
        if invoice.status == InvoiceStatus.VOID:
            yield from _invoice(invoice, sign=-1)
        for note in invoice.credit_notes.order_by("id"):
            yield from _credit_note(note)
        for payment in invoice.payments.succeeded().order_by("attempt"):
            yield from _payment(payment, invoice)


def _invoice(invoice: Invoice, *, sign: int) -> Iterator[Entry]:
    text = "Invoice" if sign > 0 else "Voided"
    yield _entry(invoice, invoice.issued_at, RECEIVABLE, sign * invoice.total_minor, text)
    for line in invoice.lines.all():
        if line.amount_minor:
            yield _revenue(
                invoice, invoice.issued_at, line, -sign * line.amount_minor, line.description
            )
    for group in invoice.taxes:
        if group["tax_minor"]:
            yield _tax(invoice, invoice.issued_at, group, -sign * group["tax_minor"])


def _credit_note(note: CreditNote) -> Iterator[Entry]:
    account = RECEIVABLE if note.use == CreditUse.INVOICE else BALANCE
    for line in note.lines.select_related("invoice_line"):
        yield _revenue(
            note,
            note.issued_at,
            line.invoice_line,
            line.amount_minor,
            f"Credit: {line.description}",
        )
    for group in note.taxes:
        if group["tax_minor"]:
            yield _tax(note, note.issued_at, group, group["tax_minor"])
    yield _entry(note, note.issued_at, account, -note.total_minor, note.reason)


def _payment(payment: Payment, invoice: Invoice) -> Iterator[Entry]:
    at = payment.settled_at or payment.created_at
    account = _OF_METHOD[PaymentMethod(payment.method)]
    text = f"Payment {payment.reference}".strip()
    yield _entry(invoice, at, account, payment.amount_minor, text)
    yield _entry(invoice, at, RECEIVABLE, -payment.amount_minor, text)
    for refund in payment.refunds.filter(status="succeeded").order_by("id"):
        back = refund.settled_at or refund.created_at
        yield _entry(refund.credit_note, back, BALANCE, refund.amount_minor, "Refund")
        yield _entry(refund.credit_note, back, account, -refund.amount_minor, "Refund")


def _revenue(
    source: Invoice | CreditNote, at: datetime, line: InvoiceLine, minor: int, text: str
) -> Entry:
    account = MESSAGES if line.kind in ("messages", "late") else HOSTING
    return _entry(source, at, account, minor, text, line.tax_category, line.tax_percent)


def _tax(source: Invoice | CreditNote, at: datetime, group: dict[str, Any], minor: int) -> Entry:
    return _entry(source, at, TAX, minor, "VAT", group["category"], group["percent"])


def _entry(
    source: Invoice | CreditNote,
    at: datetime,
    account: tuple[str, str],
    minor: int,
    text: str,
    tax_code: str = "",
    percent: Any = "",
) -> Entry:
    """One row; positive minor units are debit, negative ones credit."""
    amount = money.minor_amount(abs(minor), source.currency)
    debit, credit = (amount, "") if minor >= 0 else ("", amount)
    return (
        f"{at:%Y-%m-%d}",
        str(source),
        *account,
        debit,
        credit,
        source.currency,
        tax_code,
        percent,
        source.buyer["name"],
        text,
        source.buyer.get("reference", ""),
    )
