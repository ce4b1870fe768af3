"""The invoice as PDF (PDF/A-3b), typeset by typst; the same invoice gives the same bytes."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import typst

from billing import money
from billing.models import Invoice, InvoiceLine, LineKind

TEMPLATE = Path(__file__).with_name("invoice.typ")
MAX_BARS = 8


def invoice_pdf(invoice: Invoice) -> bytes:
    """The PDF of an issued invoice; call inside a scope that sees its lines."""
    return _compile(json.dumps(_content(invoice, list(invoice.lines.all())), sort_keys=True, ensure_ascii=False))


@cache
def _template() -> str:
    return str(TEMPLATE)


def _compile(content: str) -> bytes:
    made = typst.compile(_template(), sys_inputs={"content": content}, pdf_standards=["a-3b"])
    assert isinstance(made, bytes)
    return made


def _content(invoice: Invoice, lines: list[InvoiceLine]) -> dict[str, Any]:
    currency = invoice.currency
    return {
        "number": invoice.number,
        "issued": f"{invoice.issued_at:%-d %B %Y}",
        "issued_parts": [invoice.issued_at.year, invoice.issued_at.month, invoice.issued_at.day],
        "due": f"{invoice.due_at:%-d %B %Y}",
        "month": f"{invoice.period.month:%B %Y}",
        "seller": invoice.seller,
        "buyer": invoice.buyer,
        "subtotal": money.show_minor(invoice.subtotal_minor, currency),
        "tax": money.show_minor(invoice.tax_minor, currency),
        "has_tax": bool(invoice.tax_minor),
        "total": money.show_minor(invoice.total_minor, currency),
        "lines": [_line(line, currency) for line in lines],
        "bars": _bars(lines, currency),
    }


def _line(line: InvoiceLine, currency: str) -> dict[str, str]:
    return {
        "description": line.description,
        "tier": _tier(line),
        "quantity": f"{line.quantity:,}",
        "unit_price": money.show_micros(line.unit_price_micros, currency),
        "amount": money.show_minor(line.amount_minor, currency),
    }


def _tier(line: InvoiceLine) -> str:
    if line.tier_first is None:
        return ""
    if line.tier_last is None:
        return f"from message {line.tier_first:,}"
    return f"messages {line.tier_first:,} to {line.tier_last:,}"


def _bars(lines: list[InvoiceLine], currency: str) -> list[dict[str, Any]]:
    """Cost by market, highest first, for the small chart."""
    by_market: dict[str, int] = {}
    for line in lines:
        if line.kind != LineKind.FEE:
            by_market[line.market] = by_market.get(line.market, 0) + line.amount_minor
    top = sorted(by_market.items(), key=lambda item: (-item[1], item[0]))[:MAX_BARS]
    highest = max((amount for _, amount in top), default=0)
    return [
        {"market": market, "amount": money.show_minor(amount, currency), "share": 100 * amount // highest}
        for market, amount in top
        if amount > 0
    ]
