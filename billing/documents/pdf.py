"""PDF of an invoice or credit note; equal content gives equal bytes.

The first page has the lines grouped by category, tax, and how to pay; each line stands in the
annex.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import segno
from django.utils import translation
from django.utils.translation import gettext as _
from segno import helpers

from billing.documents import groups, wording
from billing.documents.content import DocumentContent, DocumentLine
from billing.documents.sources import document_content
from billing.models import Invoice, LineKind
from core import money, pdf
from core.territories import country_name, locale

TEMPLATE = Path(__file__).with_name("invoice.typ")
MAX_BARS = 6
# Where the city stands before the postcode.
CITY_FIRST = frozenset({"AU", "CA", "GB", "IE", "IN", "NZ", "SG", "US"})
# The code for transfers in banking apps holds names of at most so many characters.
LONGEST_PAYEE = 70


def invoice_pdf(invoice: Invoice) -> bytes:
    """The PDF of an invoice, rendered again.

    `billing.documents.archive.get_document` returns the stored one.
    """
    return render(document_content(invoice))


def render(content: DocumentContent) -> bytes:
    """The PDF of a document."""
    return pdf.pdf(TEMPLATE, _values(content))


def first_page(content: DocumentContent) -> bytes:
    """A PNG of the first page, for previews and tests."""
    return pdf.first_page(TEMPLATE, _values(content))


def _values(content: DocumentContent) -> dict[str, Any]:
    """What the template shows, in the customer's language."""
    with translation.override(content.language):
        return {
            "language": content.language,
            "words": _words(content),
            "title": content.title,
            "number": content.number,
            "issued_parts": [content.issued.year, content.issued.month, content.issued.day],
            "facts": _facts(content),
            "seller": _party(content.seller),
            "buyer": _party(content.buyer),
            "is_test": content.is_test,
            # What stays true: a document is not changed when it is paid.
            "amount": content.show(content.total_minor),
            "groups": _groups(content),
            "totals": _totals(content),
            "taxes": [_tax(content, group) for group in content.taxes],
            "own_tax": _own_tax(content),
            "total": content.show(content.total_minor),
            "prepaid": content.show(content.prepaid_minor) if content.prepaid_minor else "",
            "due": content.show(content.due_minor),
            "notes": [group["note"] for group in content.taxes if group["note"]],
            "payment": _payment(content),
            "bars": _bars(content),
        }


def _words(content: DocumentContent) -> dict[str, str]:
    """Labels of the template."""
    return {
        "billed_to": _("Billed to"),
        "amount": _("Amount credited") if content.credits else _("Total"),
        "test": _("Test document: nothing is owed"),
        "page": _("page %(page)s of %(pages)s"),
        "what": _("Description"),
        "quantity": _("Quantity"),
        "price": _("Unit price"),
        "net": _("Amount"),
        "subtotal": _("Subtotal"),
        "total": _("Total"),
        "prepaid": _("Paid from your balance"),
        "due": _("Payable"),
        "tax": _("Tax"),
        "rate": _("Rate"),
        "on": _("Net amount"),
        "payment": _payable(content),
        "transfer_code": _("Scan in your banking app"),
        "pay_code": _("Pay online"),
        "annex": _("Annex: all lines"),
        "exact": _("Amounts are exact here; their sum is rounded once."),
        "csv": _(
            "Every message behind these lines is listed, with its price and the reason for it, in "
            "the CSV of this invoice."
        ),
    }


def _payable(content: DocumentContent) -> str:
    """Heading of how to pay; empty where nothing was due."""
    if content.due is None:
        return ""
    return _("%(amount)s, payable by %(day)s") % {
        "amount": content.show(content.due_minor),
        "day": wording.day(content.due),
    }


def _facts(content: DocumentContent) -> list[dict[str, str]]:
    """Labelled facts beside the customer's address."""
    found = [
        (_("Month"), wording.month(content.month)),
        (_("Issued"), wording.day(content.issued)),
        (_("Due"), wording.day(content.due) if content.due else ""),
        (_("Corrects"), _corrected(content)),
        (_("Your reference"), content.buyer.get("reference", "")),
        (_("Purchase order"), content.buyer.get("order_number", "")),
        (_("Reason"), content.reason),
    ]
    return [{"name": name, "value": value} for name, value in found if value]


def _corrected(content: DocumentContent) -> str:
    if content.corrects is None:
        return ""
    number, day = content.corrects
    return _("%(number)s of %(day)s") % {"number": number, "day": wording.day(day)}


def _party(party: dict[str, Any]) -> dict[str, str]:
    names = ("name", "vat_id", "tax_number", "registration", "email", "phone", "contact_name")
    shown = {name: str(party.get(name) or "") for name in names}
    return shown | {
        "address": "\n".join(_address(party)),
        "country": country_name(party["country"]),
        "id_name": _("VAT id") if shown["vat_id"][:2].isalpha() else _("Tax id"),
    }


def _address(party: dict[str, Any]) -> list[str]:
    """Lines of the address without the country, as its post writes them."""
    postcode, city, region = (str(party.get(name) or "") for name in ("postcode", "city", "region"))
    if party["country"] in CITY_FIRST:
        last = " ".join(filter(None, [", ".join(filter(None, [city, region])), postcode]))
    else:
        last = " ".join(filter(None, [postcode, city]))
    street = [line.strip() for line in str(party.get("address") or "").splitlines()]
    return [line for line in [*street, last] if line]


def _groups(content: DocumentContent) -> list[dict[str, Any]]:
    """Groups of lines with their sums."""
    return [
        {
            "title": group.title,
            "detail": group.lines[0].description if len(group.lines) == 1 else _detail(group.lines),
            "quantity": "" if group.quantity is None else wording.number(group.quantity),
            "amount": content.show(sum(line.amount_minor for line in group.lines)),
            "lines": [_line(content, line) for line in group.lines],
        }
        for group in groups.grouped(content.lines)
    ]


def _detail(lines: Sequence[DocumentLine]) -> str:
    """The markets of a group, the first few by name; else the lines' descriptions."""
    markets = list(dict.fromkeys(wording.market_name(line.market) for line in lines if line.market))
    if not markets:
        return ", ".join(line.description for line in lines[:3])
    shown = ", ".join(markets[:3])
    more = len(markets) - 3
    return (
        shown
        if more < 1
        else _("%(markets)s and %(more)s more")
        % {
            "markets": shown,
            "more": more,
        }
    )


def _line(content: DocumentContent, line: DocumentLine) -> dict[str, str]:
    return {
        "description": line.description,
        "tier": line.tier_text,
        "quantity": wording.number(line.quantity),
        "unit_price": _("differs")
        if line.prices_differ
        else _exact(content, line.unit_price_micros),
        "amount": _exact(content, line.amount_micros),
    }


def _exact(content: DocumentContent, micros: int) -> str:
    return money.show_micros(micros, content.currency, locale())


def _totals(content: DocumentContent) -> dict[str, str]:
    """Sum of the exact amounts, what rounding adds to it (empty where nothing), and the result."""
    exact = sum(line.amount_micros for line in content.lines)
    return {
        "exact": _exact(content, exact),
        "rounding": _exact(content, content.rounding_micros) if content.rounding_micros else "",
        "rounding_name": _("Rounding"),
        "sum_name": _("Sum"),
        "subtotal": content.show(content.subtotal_minor),
    }


def _tax(content: DocumentContent, group: dict[str, Any]) -> dict[str, Any]:
    """One rate group; the taxes of which it consists are rows of their own."""
    parts = group.get("parts") or [group]
    return {
        "rows": [
            {
                "name": part.get("name") or _("VAT"),
                "rate": wording.percent(part["percent"]),
                "base": content.show(group["base_minor"]),
                "tax": content.show(part["tax_minor"]),
            }
            for part in parts
        ],
        "seller_id": group.get("seller_id", ""),
    }


def _own_tax(content: DocumentContent) -> str:
    """The tax in the seller's currency with the rate of the day; empty where it is the same."""
    own = content.seller_tax
    if not own:
        return ""
    return _("Tax in %(currency)s: %(tax)s (1 %(given)s = %(rate)s %(currency)s)") % {
        "currency": own["currency"],
        "tax": money.show_minor(own["tax_minor"], own["currency"], locale()),
        "given": content.currency,
        "rate": own["rate"].rstrip("0").rstrip("."),
    }


def _payment(content: DocumentContent) -> dict[str, Any] | None:
    """How to pay; None where nothing is due."""
    seller = content.seller
    if content.credits or content.is_test or content.due_minor <= 0:
        return None
    if not (seller.get("iban") or content.pay_url):
        return None
    bank = [
        (_("Account holder"), seller["name"]),
        ("IBAN", seller.get("iban", "")),
        ("BIC", seller.get("bic", "")),
        (_("Bank"), seller.get("bank", "")),
        (_("Reference"), content.number),
    ]
    has_account = bool(seller.get("iban"))
    return {
        "bank": [{"name": name, "value": value} for name, value in bank if value and has_account],
        "transfer_code": _transfer_code(content),
        "url": content.pay_url,
        "pay_code": _svg(segno.make(content.pay_url, error="m")) if content.pay_url else "",
    }


def _transfer_code(content: DocumentContent) -> str:
    """The code of the European Payments Council for a transfer in euros; empty without one."""
    seller = content.seller
    if content.currency != "EUR" or not seller.get("iban"):
        return ""
    try:
        code = helpers.make_epc_qr(
            name=seller["name"][:LONGEST_PAYEE],
            iban=seller["iban"].replace(" ", ""),
            amount=money.minor_amount(content.due_minor, "EUR"),
            text=content.number,
            bic=seller.get("bic") or None,
            encoding="utf-8",
        )
    except ValueError:
        # More than the code can hold, such as a billion euros.
        return ""
    return _svg(code)


def _svg(code: segno.QRCode) -> str:
    out = BytesIO()
    code.save(out, kind="svg", border=0, scale=4, dark="#17211d", light=None)
    return out.getvalue().decode()


def _bars(content: DocumentContent) -> list[dict[str, Any]]:
    """Cost by market, highest first, for the chart of the month."""
    by_market: dict[str, int] = {}
    for line in content.lines:
        if line.kind in (LineKind.MESSAGES, LineKind.LATE):
            by_market[line.market] = by_market.get(line.market, 0) + line.amount_minor
    return list(_top(content, by_market))


def _top(content: DocumentContent, by_market: dict[str, int]) -> Iterator[dict[str, Any]]:
    top = sorted(by_market.items(), key=lambda item: (-item[1], item[0]))[:MAX_BARS]
    highest = max((amount for _market, amount in top), default=0)
    for market, amount in top:
        if amount > 0:
            share = 100 * amount // highest
            name = wording.market_name(market)
            yield {"market": name, "amount": content.show(amount), "share": share}
