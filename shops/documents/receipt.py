"""Receipt of an order as PDF: goods, tax by rate, and payment."""

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
from shops.texts import format_minor

TEMPLATE = Path(__file__).with_name("receipt.typ")


def receipt_pdf(order: Order) -> bytes:
    """The PDF in the active language; rendered from the order, which does not change once paid."""
    return pdf.pdf(TEMPLATE, receipt_content(order))


def receipt_filename(order: Order) -> str:
    """File name with shop and order number."""
    return f"{order.catalog.slug}-{order.number}.pdf"


def receipt_content(order: Order) -> dict[str, Any]:
    """Values for the template, as text."""
    paid = order.paid_at or order.placed_at
    day = paid.astimezone(ZoneInfo(order.business.timezone)).date()
    return {
        "title": _("Receipt") if order.is_paid else _("Order"),
        "number": str(order),
        "day": formats.date_format(day, "DATE_FORMAT"),
        "day_parts": [day.year, day.month, day.day],
        "shop": order.catalog.name,
        "buyer": _address_lines(order.address),
        "lines": [
            [
                line.title,
                str(line.quantity),
                format_minor(line.unit_minor, order.currency),
                _amount(order, line.amount_minor),
            ]
            for line in order.lines.all()
        ],
        "sums": _sums(order),
        "total": _amount(order, order.total_minor),
        "paid": _paid(order),
        "words": {
            "product": _("Product"),
            "quantity": _("Quantity"),
            "price": _("Price"),
            "amount": _("Amount"),
            "total": _("Total"),
            "for": _("For"),
        },
    }


def _amount(order: Order, minor: int) -> str:
    return format_minor(minor, order.currency)


def _address_lines(address: dict[str, str]) -> list[str]:
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
        back = _("%(amount)s refunded") % {"amount": _amount(order, order.refunded_minor)}
        return _("Paid: %(how)s") % {"how": how} + f" · {back}"
    return _("Paid: %(how)s") % {"how": how}
