"""PDF of an invoice or credit note; equal content gives equal bytes."""

from pathlib import Path
from typing import Any

from babel import Locale

from billing.documents.content import DocumentContent
from billing.documents.sources import document_content
from billing.models import Invoice, LineKind
from core import money, pdf

TEMPLATE = Path(__file__).with_name("invoice.typ")
MAX_BARS = 6


def invoice_pdf(invoice: Invoice) -> bytes:
    """The PDF of an invoice, rendered again.

    `billing.documents.archive.get_document` returns the stored one.
    """
    return render(document_content(invoice))


def render(content: DocumentContent) -> bytes:
    """The PDF of a document."""
    return pdf.pdf(TEMPLATE, _template_values(content))


def first_page(content: DocumentContent) -> bytes:
    """A PNG of the first page, for previews and tests."""
    return pdf.first_page(TEMPLATE, _template_values(content))


def _template_values(content: DocumentContent) -> dict[str, Any]:
    return {
        "title": content.title,
        "number": content.number,
        "issued": f"{content.issued:%-d %B %Y}",
        "issued_parts": [content.issued.year, content.issued.month, content.issued.day],
        "due": f"{content.due:%-d %B %Y}" if content.due else "",
        "month": f"{content.month:%B %Y}",
        "corrects": f"{content.corrects[0]} of {content.corrects[1]:%-d %B %Y}"
        if content.corrects
        else "",
        "reason": content.reason,
        "seller": _party(content.seller),
        "buyer": _party(content.buyer),
        "rounding": _rounding(content),
        "subtotal": content.show(content.subtotal_minor),
        "taxes": [_tax(content, group) for group in content.taxes],
        "notes": [group["note"] for group in content.taxes if group["note"]],
        "total": content.show(content.total_minor),
        "lines": [
            {
                "description": line.description,
                "tier": line.tier_text,
                "quantity": f"{line.quantity:,}",
                "unit_price": money.show_micros(line.unit_price_micros, content.currency),
                "amount": money.show_micros(line.amount_micros, content.currency),
            }
            for line in content.lines
        ],
        "bars": _bars(content),
    }


def _party(party: dict[str, Any]) -> dict[str, str]:
    fields = ("name", "address", "country", "vat_id", "email", "reference", "iban")
    shown = {field: str(party.get(field, "")) for field in fields}
    shown["country"] = Locale("en").territories.get(shown["country"], shown["country"])
    return shown


def _rounding(content: DocumentContent) -> str:
    """What rounding the sum of the lines adds; empty where they add up to whole minor units."""
    micros = content.rounding_micros
    return money.show_micros(micros, content.currency) if micros else ""


def _tax(content: DocumentContent, group: dict[str, Any]) -> dict[str, str]:
    name = f"VAT {group['percent']} %" if group["category"] == "S" else "VAT 0 %"
    return {
        "name": name,
        "base": content.show(group["base_minor"]),
        "tax": content.show(group["tax_minor"]),
    }


def _bars(content: DocumentContent) -> list[dict[str, Any]]:
    """Cost by market, highest first, for the chart of the month."""
    by_market: dict[str, int] = {}
    for line in content.lines:
        if line.kind in (LineKind.MESSAGES, LineKind.LATE):
            by_market[line.market] = by_market.get(line.market, 0) + line.amount_minor
    top = sorted(by_market.items(), key=lambda item: (-item[1], item[0]))[:MAX_BARS]
    highest = max((amount for _, amount in top), default=0)
    return [
        {"market": market, "amount": content.show(amount), "share": 100 * amount // highest}
        for market, amount in top
        if amount > 0
    ]
