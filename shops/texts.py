"""Contents of the shop's Cloud API messages about an order, in the active language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from core import links, money
from core.errors import BadInput
from core.territories import country_name, locale
from hosting.cloudapi.payments import FINAL
from shops.models import (
    Cart,
    DeliveryMethod,
    Order,
    OrderLine,
    OrderUpdate,
    OrderUpdateKind,
    PaymentWay,
)

# Prefixes of reply ids; the database queues replies with these ids for the shop.
CONTINUE_PREFIX, DELIVERY_PREFIX = "shop:go:", "shop:to:"
# The network shows payment messages in India, Brazil and Singapore only; elsewhere a link is sent.
PAYMENT_COUNTRIES = ("91", "55", "65")
AMOUNT_OFFSET = 100
MAX_BODY, MAX_NAME, MAX_TITLE, MAX_ROW = 1024, 60, 24, 72
STATUS = {
    OrderUpdateKind.SHIPPED: "shipped",
    OrderUpdateKind.DELIVERED: "completed",
    OrderUpdateKind.CANCELLED: "canceled",
    OrderUpdateKind.EXPIRED: "canceled",
}
# Updates after which an `order_status` of another state is refused.
ENDS = [kind for kind, status in STATUS.items() if status in FINAL]


def format_minor(minor: int, currency: str) -> str:
    """Minor units as an amount in the reader's locale."""
    return money.show_minor(minor, currency, locale())


def pay_url(order: Order) -> str:
    """Full URL of an order's pay page."""
    return links.absolute(reverse("shop_pay", args=[order.token]))


def changes_message(changes: Sequence[str], cart: Cart | None) -> tuple[str, dict[str, Any]]:
    """Kind and content of the message that lists what changed.

    It has a button to continue while something is left to order, that is, while `cart` is given.
    """
    listed = "\n".join(f"• {change}" for change in changes)
    if cart is None:
        return text_message(
            _("Nothing of this can be ordered now:\n%(changes)s") % {"changes": listed}
        )
    body = _("Something has changed:\n%(changes)s\nShall we go on with the rest?") % {
        "changes": listed
    }
    button = {
        "type": "reply",
        "reply": {"id": f"{CONTINUE_PREFIX}{cart.code}", "title": _("Go on")},
    }
    return "interactive", {
        "type": "button",
        "body": {"text": _truncate(body)},
        "action": {"buttons": [button]},
    }


def text_message(words: str) -> tuple[str, dict[str, Any]]:
    """Kind and content of a text message."""
    return "text", {"body": words[:4096]}


def delivery_question(
    order: Order, methods: Sequence[DeliveryMethod]
) -> tuple[str, dict[str, Any]]:
    """Kind and content of a list of up to ten delivery methods with their prices.

    The order's summary stands above it.
    """
    rows = [
        {
            "id": f"{DELIVERY_PREFIX}{order.pk}:{method.pk}",
            "title": method.name[:MAX_TITLE],
            "description": _price_or_free(method.price_minor, order.currency)[:MAX_ROW],
        }
        for method in methods[:10]
    ]
    body = _("Your order %(order)s\n%(lines)s\nHow shall we bring it to you?") % {
        "order": order,
        "lines": summary(order, list(order.lines.all())),
    }
    action = {"button": _("Choose delivery"), "sections": [{"title": _("Delivery"), "rows": rows}]}
    return "interactive", {"type": "list", "body": {"text": _truncate(body)}, "action": action}


def address_request(
    order: Order, country: str, known: Mapping[str, str], wrong: BadInput | None
) -> tuple[str, dict[str, Any]]:
    """Kind and content of an address message: the country's form with known values and errors."""
    body = _("Where shall we bring your order %(order)s?") % {"order": order}
    names = _form_field_names(country)
    parameters: dict[str, Any] = {"country": country}
    if values := {names[field]: text for field, text in known.items() if field in names and text}:
        parameters["values"] = values
    if wrong is not None:
        body = f"{wrong.message}\n{body}"
        if wrong.field in names:
            parameters["validation_errors"] = {names[wrong.field]: wrong.message}
    action = {"name": "address_message", "parameters": parameters}
    return "interactive", {
        "type": "address_message",
        "body": {"text": _truncate(body)},
        "action": action,
    }


def _form_field_names(country: str) -> dict[str, str]:
    """Our address fields and the names the country's form has for them."""
    postcode = "in_pin_code" if country == "IN" else "postal_code"
    return {
        "name": "name",
        "street": "address",
        "city": "city",
        "postcode": postcode,
        "region": "state",
        "phone": "phone_number",
    }


def address_lines(address: Mapping[str, str]) -> str:
    """An address in lines as on a dispatch label."""
    town = " ".join(filter(None, (address.get("postcode"), address.get("city"))))
    country = " ".join(
        filter(None, (address.get("region"), country_name(address.get("country", ""))))
    )
    return "\n".join(
        filter(
            None, (address.get("name"), address.get("street"), town, country, address.get("phone"))
        )
    )


def _price_or_free(minor: int, currency: str) -> str:
    return format_minor(minor, currency) if minor else _("free")


def summary(order: Order, lines: Sequence[OrderLine]) -> str:
    """The lines of an order as text, with delivery and total."""
    rows = [
        f"{line.quantity} × {line.title}  {format_minor(line.amount_minor, order.currency)}"
        for line in lines
    ]
    if order.delivery_name:
        rows.append(
            f"{order.delivery_name}  {_price_or_free(order.delivery_minor, order.currency)}"
        )
    if len(rows) > 12:
        rows[11:] = [_("and %(n)d more") % {"n": len(rows) - 11}]
    return "\n".join([*rows, total_text(order)])


def total_text(order: Order) -> str:
    """The total with the tax in it, as text."""
    words = {
        "total": format_minor(order.total_minor, order.currency),
        "tax": format_minor(order.tax_minor, order.currency),
    }
    return (
        _("Total %(total)s, with %(tax)s of tax") % words
        if order.tax_minor
        else _("Total %(total)s") % words
    )


def payment_request(
    order: Order, lines: Sequence[OrderLine], *, plain: bool
) -> tuple[str, dict[str, Any]]:
    """Kind and content of a payment message.

    With `plain` it is a link with a summary instead, for networks that do not show payment
    messages.
    """
    if plain or money.exponent(order.currency) > 2:
        body = _("Your order %(order)s\n%(lines)s") % {
            "order": order,
            "lines": summary(order, lines),
        }
        parameters = {"display_text": _("Review and pay"), "url": pay_url(order)}
        action = {"name": "cta_url", "parameters": parameters}
        return "interactive", {
            "type": "cta_url",
            "body": {"text": _truncate(body)},
            "action": action,
        }
    body = _("Your order %(order)s is ready to be paid.") % {"order": order}
    action = {"name": "review_and_pay", "parameters": _payment_parameters(order, lines)}
    return "interactive", {"type": "order_details", "body": {"text": body}, "action": action}


def _payment_parameters(order: Order, lines: Sequence[OrderLine]) -> dict[str, Any]:
    def amount(minor: int) -> dict[str, int]:
        return {
            "value": minor * 10 ** (2 - money.exponent(order.currency)),
            "offset": AMOUNT_OFFSET,
        }

    items = [
        {
            "retailer_id": line.retailer_id,
            "name": line.title[:MAX_NAME],
            "amount": amount(line.unit_minor),
            "quantity": line.quantity,
        }
        for line in lines
    ]
    sums: dict[str, Any] = {
        "status": "pending",
        "items": items,
        "subtotal": amount(order.subtotal_minor),
    }
    sums["tax"] = amount(0 if order.tax_included else order.tax_minor)
    if order.tax_included:
        sums["tax"]["description"] = _("%(tax)s included") % {
            "tax": format_minor(order.tax_minor, order.currency)
        }
    if order.delivery_name:
        sums["shipping"] = amount(order.delivery_minor) | {
            "description": order.delivery_name[:MAX_NAME]
        }
    return {
        "reference_id": str(order.number),
        "type": "physical-goods",
        "currency": order.currency,
        "total_amount": amount(order.total_minor),
        "payment_settings": [{"type": "payment_link", "payment_link": {"uri": pay_url(order)}}],
        "order": sums,
    }


def update_text(update: OrderUpdate) -> str:
    """Text for the buyer about an update of the order; empty where the buyer gets none."""
    order = update.order
    words = {
        "order": order,
        "shop": order.catalog.name,
        "amount": format_minor(update.amount_minor or 0, order.currency),
        "total": format_minor(order.total_minor, order.currency),
    }
    if update.kind == OrderUpdateKind.CONFIRMED:
        return _confirmed(order) % words
    said = _TEXTS.get(OrderUpdateKind(update.kind))
    return said(order) % words if said else ""


def _confirmed(order: Order) -> str:
    if order.way == PaymentWay.CASH:
        return _("%(shop)s has your order %(order)s. Please pay %(total)s when it arrives.")
    if order.way == PaymentWay.TRANSFER:
        how = _(
            "%(shop)s has your order %(order)s. "
            "Please transfer %(total)s and name the order as reference."
        )
        return f"{how}\n{order.catalog.bank_details.replace('%', '%%')}".strip()
    return (
        ""
        if order.total_minor
        else _("%(shop)s has your order %(order)s. There is nothing to pay.")
    )


def _shipped(order: Order) -> str:
    tracking = order.tracking.replace("%", "%%")
    return _("Your order %(order)s is on its way.") + (f"\n{tracking}" if tracking else "")


def _cancelled(order: Order) -> str:
    reason = order.reason.replace("%", "%%")
    return _("Your order %(order)s was cancelled.") + (f"\n{reason}" if reason else "")


_TEXTS: dict[OrderUpdateKind, Callable[[Order], str]] = {
    OrderUpdateKind.PAID: lambda order: _(
        "Thank you! %(amount)s for your order %(order)s has arrived."
    ),
    OrderUpdateKind.PACKED: lambda order: _("Your order %(order)s is packed."),
    OrderUpdateKind.SHIPPED: _shipped,
    OrderUpdateKind.DELIVERED: lambda order: _("Your order %(order)s has arrived. Enjoy it!"),
    OrderUpdateKind.CANCELLED: _cancelled,
    OrderUpdateKind.EXPIRED: lambda order: _(
        "Your order %(order)s was not paid in time, so its goods are free for others again."
    ),
    OrderUpdateKind.REFUNDED: lambda order: _("Refund issued: %(amount)s of your order %(order)s."),
}


def status_update(update: OrderUpdate, words: str, *, plain: bool) -> tuple[str, dict[str, Any]]:
    """Kind and content of a status message about an order; a text with `plain`."""
    if plain:
        return text_message(words)
    order = {
        "status": STATUS.get(OrderUpdateKind(update.kind), "processing"),
        "description": words[:120],
    }
    parameters = {"reference_id": str(update.order.number), "order": order}
    action = {"name": "review_order", "parameters": parameters}
    return "interactive", {
        "type": "order_status",
        "body": {"text": _truncate(words)},
        "action": action,
    }


def _truncate(words: str) -> str:
    return words if len(words) <= MAX_BODY else f"{words[: MAX_BODY - 1]}…"
