"""Document contents from database rows; call inside a scope that sees the lines."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Business
from billing import pay_links
from billing.documents.content import DocumentContent, DocumentLine
from billing.models import CreditNote, Invoice, InvoiceLine, PaymentMethod
from core import money


def document_content(source: Invoice | CreditNote) -> DocumentContent:
    """The content of an invoice or a credit note, texts in the customer's language."""
    with translation.override(source.buyer.get("language") or "en"):
        if isinstance(source, Invoice):
            return _of_invoice(source, source.lines.all())
        return _of_credit_note(source)


def _of_invoice(invoice: Invoice, lines: Iterable[InvoiceLine]) -> DocumentContent:
    return DocumentContent(
        number=str(invoice),
        issued=_day(invoice.issued_at, invoice.business),
        due=_day(invoice.due_at, invoice.business),
        month=invoice.period.month,
        currency=invoice.currency,
        seller=invoice.seller,
        buyer=invoice.buyer,
        lines=[
            _line(
                line,
                line.position,
                line.description,
                line.quantity,
                line.unit_price_micros,
                line.amount_micros,
                line.amount_minor,
            )
            for line in lines
        ],
        taxes=invoice.taxes,
        subtotal_minor=invoice.subtotal_minor,
        tax_minor=invoice.tax_minor,
        total_minor=invoice.total_minor,
        prepaid_minor=_prepaid(invoice),
        seller_tax=invoice.seller_tax,
        pay_url=pay_links.pay_url(invoice),
    )


def _prepaid(invoice: Invoice) -> int:
    """What the customer's balance paid of an invoice as it was issued, in minor units."""
    used = invoice.payments.succeeded().filter(method=PaymentMethod.BALANCE)
    return int(used.aggregate(n=Sum("amount_minor"))["n"] or 0)


def _of_credit_note(note: CreditNote) -> DocumentContent:
    micros = money.micros_a_minor(note.currency)
    invoice = note.invoice
    return DocumentContent(
        number=note.number,
        issued=_day(note.issued_at, note.business),
        due=None,
        month=invoice.period.month,
        currency=note.currency,
        seller=note.seller,
        buyer=note.buyer,
        lines=[
            _line(
                line.invoice_line,
                line.position,
                line.description,
                1,
                line.amount_minor * micros,
                line.amount_minor * micros,
                line.amount_minor,
            )
            for line in note.lines.select_related("invoice_line")
        ],
        taxes=note.taxes,
        subtotal_minor=note.subtotal_minor,
        tax_minor=note.tax_minor,
        total_minor=note.total_minor,
        corrects=(str(invoice), _day(invoice.issued_at, invoice.business)),
        is_credit=True,
        reason=note.reason,
        seller_tax=note.seller_tax,
        payment_terms=_("No payment is due: the amount is credited."),
    )


def _line(
    source: InvoiceLine,
    position: int,
    description: str,
    quantity: int,
    price_micros: int,
    amount_micros: int,
    amount_minor: int,
) -> DocumentLine:
    return DocumentLine(
        position=position,
        kind=source.kind,
        description=description,
        month=source.month,
        market=source.market,
        tier=(source.tier_first, source.tier_last),
        quantity=quantity,
        unit_price_micros=price_micros,
        amount_micros=amount_micros,
        amount_minor=amount_minor,
        tax_category=source.tax_category,
        tax_percent=source.tax_percent,
    )


def _day(moment: datetime, business: Business) -> date:
    return moment.astimezone(ZoneInfo(business.timezone)).date()
