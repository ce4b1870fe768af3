"""Document contents from database rows; call inside a scope that sees the lines."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Business
from billing import pay_links
from billing.documents import wording
from billing.documents.content import DocumentContent, DocumentLine
from billing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, LineKind
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
        issued=invoice.issued_on or _day(invoice.issued_at, invoice.business),
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
        prepaid_minor=invoice.prepaid_minor,
        is_test=invoice.is_test,
        seller_tax=invoice.seller_tax,
        pay_url="" if invoice.is_test else pay_links.pay_url(invoice),
    )


def _of_credit_note(note: CreditNote) -> DocumentContent:
    micros = money.micros_a_minor(note.currency)
    return DocumentContent(
        number=note.number,
        issued=note.issued_on,
        due=None,
        month=note.month,
        currency=note.currency,
        seller=note.seller,
        buyer=note.buyer,
        lines=[
            _line(
                line,
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
        corrects=_corrected(note),
        is_credit=True,
        reason=note.reason,
        seller_tax=note.seller_tax,
        payment_terms=_("No payment is due: the amount is credited."),
    )


def _corrected(note: CreditNote) -> tuple[str, date] | None:
    """Number and day of the invoice that a note corrects; None for one of a whole month."""
    invoice = note.invoice
    if invoice is None:
        return None
    return str(invoice), invoice.issued_on or _day(invoice.issued_at, invoice.business)


def _line(
    source: InvoiceLine | CreditNoteLine,
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
        description=_described(source, description),
        month=source.month,
        market=source.market,
        category=source.category,
        tier=_tier(source.invoice_line if isinstance(source, CreditNoteLine) else source),
        quantity=quantity,
        unit_price_micros=price_micros,
        amount_micros=amount_micros,
        amount_minor=amount_minor,
        tax_category=source.tax_category,
        tax_percent=source.tax_percent,
    )


def in_words(lines: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """The lines with their descriptions in the active language; they must not be saved."""
    found = list(lines)
    for line in found:
        line.description = _described(line, line.description)
    return found


def _described(source: InvoiceLine | CreditNoteLine, text: str) -> str:
    billed = source.invoice_line if isinstance(source, CreditNoteLine) else source
    return wording.description(
        text,
        kind=source.kind,
        category=source.category,
        market=source.market,
        rule=billed.rule if billed else "",
        of=source.month,
        is_late=source.kind == LineKind.LATE,
    )


def _tier(line: InvoiceLine | None) -> tuple[int | None, int | None]:
    return (line.tier_first, line.tier_last) if line else (None, None)


def _day(moment: datetime, business: Business) -> date:
    return moment.astimezone(ZoneInfo(business.timezone)).date()
