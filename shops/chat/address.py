"""Addressing: where an order goes is asked for in the chat, read from the form that comes back, and asked again."""

from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from core.errors import BadInput, ParleyError
from hosting.cloudapi import addresses
from hosting.cloudapi.json import as_dict, as_text
from hosting.contacts.identity import country_of
from hosting.models import Message
from shops import texts
from shops.chat import send
from shops.models import Order, OrderState
from shops.orders.place import choose_delivery

# Our field -> the names that address messages and flows have for it; what stands in several is written in this order.
NAMES = {
    "name": ("name", "full_name"),
    "street": (
        "house_number", "unit_number", "floor_number", "tower_number", "building_name", "street", "street_address",
        "address", "landmark_area",
    ),
    "city": ("city", "town"),
    "postcode": ("in_pin_code", "sg_post_code", "postal_code", "postcode", "pin_code", "zip_code", "zip"),
    "region": ("state", "region"),
    "country": ("country",),
    "phone": ("phone_number", "phone"),
}  # fmt: skip


def heed(message: Message) -> None:
    """Fill the address of the order that waits for one from a form that was sent; what is wrong is asked again.

    A flow that holds no address is the business's own affair, and so is a form when no order waits.
    """
    given = read_address(message.content)
    order = _waiting(message) if given is not None else None
    if given is None or order is None:
        return
    with translation.override(order.catalog.language):
        _fill(order, message, given)


def read_address(content: dict[str, Any]) -> dict[str, str] | None:
    """The address in a form that was sent, in our fields; None for another form, empty where nothing can be read."""
    form, values = addresses.form_name(content), addresses.form_values(content)
    found = {
        field: ", ".join(filter(None, map(_clean, map(values.get, names))))
        for field, names in NAMES.items()
    }
    if form != "address_message" and not (form == "flow" and found["street"]):
        return None
    return {field: text for field, text in found.items() if text}


def _clean(value: Any) -> str:
    return " ".join(as_text(value).split())


def _waiting(message: Message) -> Order | None:
    """The buyer's open order that lacks an address, else the newest one: its address is corrected."""
    placed = Order.objects.filter(
        conversation=message.conversation, state=OrderState.PLACED
    ).exclude(delivery_name="")
    orders = list(placed.select_related("catalog").newest_first()[:10])
    lacking = (order for order in orders if not order.address.get("street"))
    return next(lacking, orders[0] if orders else None)


def _fill(order: Order, message: Message, given: dict[str, str]) -> None:
    method = order.catalog.delivery_methods.filter(
        name=order.delivery_name, needs_address=True
    ).first()
    if method is None:
        return
    given.setdefault("country", _country_asked(message))
    try:
        order = choose_delivery(order, method=method, address=given)
    except BadInput as wrong:
        # The network's form does not ask for the country: the order's page does.
        if wrong.field == "country" or not send.ask_address(
            order, message.conversation, given=given, wrong=wrong
        ):
            send.say(message.conversation, texts.text(wrong.message), order=order)
            send.ask_payment(order, message.conversation)
    except ParleyError as error:
        send.say(message.conversation, texts.text(error.message), order=order)
    else:
        words = _("Thank you. Your order %(order)s comes to:\n%(address)s")
        told = words % {"order": order, "address": texts.address_lines(order.address)}
        send.say(message.conversation, texts.text(told), order=order)


def _country_asked(message: Message) -> str:
    """The country of the form that was answered, else the one of the buyer's number; empty where none is known."""
    asked = Message.objects.filter(
        conversation=message.conversation, wamid=message.context_wamid or "-"
    ).first()
    parameters = as_dict(as_dict(asked.content.get("action")).get("parameters")) if asked else {}
    return as_text(parameters.get("country")) or country_of(
        message.conversation.contact.wa_id
    ).replace("ZZ", "")
