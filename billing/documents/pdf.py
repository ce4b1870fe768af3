"""A paper as PDF; the same paper gives the same bytes."""

from pathlib import Path
from typing import Any

from babel import Locale

from billing.documents.content import Paper
from billing.documents.sources import paper_of
from billing.models import Invoice, LineKind
from core import money, pdf

TEMPLATE = Path(__file__).with_name("invoice.typ")
MAX_BARS = 6


def invoice_pdf(invoice: Invoice) -> bytes:
    """The PDF of an invoice, made anew; `billing.documents.archive.document` keeps the one that was
    sent.
    """
    return render(paper_of(invoice))


def render(paper: Paper) -> bytes:
    """The PDF of a paper."""
    return pdf.pdf(TEMPLATE, _content(paper))


def first_page(paper: Paper) -> bytes:
    """A PNG of the first page, for eyes and tests."""
    return pdf.first_page(TEMPLATE, _content(paper))


def _content(paper: Paper) -> dict[str, Any]:
    return {
        "title": paper.title,
        "number": paper.number,
        "issued": f"{paper.issued:%-d %B %Y}",
        "issued_parts": [paper.issued.year, paper.issued.month, paper.issued.day],
        "due": f"{paper.due:%-d %B %Y}" if paper.due else "",
        "month": f"{paper.month:%B %Y}",
        "corrects": f"{paper.corrects[0]} of {paper.corrects[1]:%-d %B %Y}"
        if paper.corrects
        else "",
        "reason": paper.reason,
        "seller": _party(paper.seller),
        "buyer": _party(paper.buyer),
        "subtotal": paper.show(paper.subtotal_minor),
        "taxes": [_tax(paper, group) for group in paper.taxes],
        "notes": [group["note"] for group in paper.taxes if group["note"]],
        "total": paper.show(paper.total_minor),
        "lines": [
            {
                "description": line.description,
                "tier": line.tier_text,
                "quantity": f"{line.quantity:,}",
                "unit_price": money.show_micros(line.unit_price_micros, paper.currency),
                "amount": paper.show(line.amount_minor),
            }
            for line in paper.lines
        ],
        "bars": _bars(paper),
    }


def _party(party: dict[str, Any]) -> dict[str, str]:
    fields = ("name", "address", "country", "vat_id", "email", "reference", "iban")
    shown = {field: str(party.get(field, "")) for field in fields}
    shown["country"] = Locale("en").territories.get(shown["country"], shown["country"])
    return shown


def _tax(paper: Paper, group: dict[str, Any]) -> dict[str, str]:
    name = f"VAT {group['percent']} %" if group["category"] == "S" else "VAT 0 %"
    return {
        "name": name,
        "base": paper.show(group["base_minor"]),
        "tax": paper.show(group["tax_minor"]),
    }


def _bars(paper: Paper) -> list[dict[str, Any]]:
    """Cost by market, highest first, for the small chart of the month."""
    by_market: dict[str, int] = {}
    for line in paper.lines:
        if line.kind in (LineKind.MESSAGES, LineKind.LATE):
            by_market[line.market] = by_market.get(line.market, 0) + line.amount_minor
    top = sorted(by_market.items(), key=lambda item: (-item[1], item[0]))[:MAX_BARS]
    highest = max((amount for _, amount in top), default=0)
    return [
        {"market": market, "amount": paper.show(amount), "share": 100 * amount // highest}
        for market, amount in top
        if amount > 0
    ]
