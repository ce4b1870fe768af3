"""The receipt of an order as PDF: what was bought, its tax by rate, and how it was paid."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _

from core import pdf
from shops.models import Order, PaymentWay
from shops.orders.totals import tax_of
from shops.texts import shown

TEMPLATE = Path(__file__).with_name("receipt.typ")


def receipt_pdf(order: Order) -> bytes:
    """The PDF in the language that is active; made anew from the order, which no longer changes once it is paid."""
    return pdf.pdf(TEMPLATE, content_of(order))


def filename_of(order: Order) -> str:
    """A file name that says shop and number."""
    return f"{order.catalog.slug}-{order.number}.pdf"


def content_of(order: Order) -> dict[str, Any]:
    """What the template shows, as text."""
    paid = order.paid_at or order.placed_at
    day = paid.astimezone(ZoneInfo(order.business.timezone)).date()
    return {
        "title": _("Receipt") if order.is_paid else _("Order"),
        "number": str(order),
        "day": formats.date_format(day, "DATE_FORMAT"),
        "day_parts": [day.year, day.month, day.day],
        "shop": order.catalog.name,
        "buyer": _lines_of(order.address),
        "lines": [
            [line.title, str(line.quantity), shown(line.unit_minor, order.currency), _amount(order, line.amount_minor)]
            for line in order.lines.all()
        ],
        "sums": _sums(order),
        "total": _amount(order, order.total_minor),
        "paid": _paid(order),
        "words": {
            "product": _("Product"), "quantity": _("Quantity"), "price": _("Price"), "amount": _("Amount"),
            "total": _("Total"), "for": _("For"),
        },
    }  # fmt: skip


def _amount(order: Order, minor: int) -> str:
    return shown(minor, order.currency)


def _lines_of(address: dict[str, str]) -> list[str]:
    town = f"{address.get('postcode', '')} {address.get('city', '')}".strip()
    rows = [address.get("name", ""), address.get("street", ""), town, address.get("region", "")]
    return [row for row in [*rows, address.get("country", "")] if row]


def _sums(order: Order) -> list[list[str]]:
    rows = [[_("Subtotal"), _amount(order, order.subtotal_minor)]]
    if order.delivery_name:
        rows.append([order.delivery_name, _amount(order, order.delivery_minor)])
    by_rate: dict[Decimal, int] = defaultdict(int)
    for amount, percent in order.lines.values_list("amount_minor", "tax_percent"):
        by_rate[percent] += amount
    by_rate[order.delivery_tax_percent] += order.delivery_minor
    for percent, amount in sorted(by_rate.items()):
        if tax := tax_of(amount, percent, tax_included=order.tax_included):
            words = _("Tax %(rate)s %% included") if order.tax_included else _("Tax %(rate)s %%")
            rows.append([words % {"rate": f"{percent.normalize():f}"}, _amount(order, tax)])
    return rows


def _paid(order: Order) -> str:
    if not order.is_paid:
        return ""
    how = PaymentWay(order.way).label if order.way and order.total_minor else _("nothing to pay")
    if order.refunded_minor:
        back = _("%(amount)s paid back") % {"amount": _amount(order, order.refunded_minor)}
        return _("Paid: %(how)s") % {"how": how} + f" · {back}"
    return _("Paid: %(how)s") % {"how": how}
