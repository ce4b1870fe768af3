"""Delivery addresses from forms sent in the chat."""

from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from core.errors import BadInput, ParleyError
from hosting.cloudapi import addresses
from hosting.cloudapi.json import action_parameters, as_text
from hosting.contacts.identity import country_of
from hosting.models import Message
from shops import texts
from shops.chat import send
from shops.models import Order, OrderState
from shops.orders.delivery import choose_delivery

# Our field -> its names in address messages and flows; several values are joined in this order.
FIELD_NAMES = {
    "name": ("name", "full_name"),
    "street": (
        "house_number",
        "unit_number",
        "floor_number",
        "tower_number",
        "building_name",
        "street",
        "street_address",
        "address",
        "landmark_area",
    ),
    "city": ("city", "town"),
    "postcode": (
        "in_pin_code",
        "sg_post_code",
        "postal_code",
        "postcode",
        "pin_code",
        "zip_code",
        "zip",
    ),
    "region": ("state", "region"),
    "country": ("country",),
    "phone": ("phone_number", "phone"),
}


def apply_address_form(message: Message) -> None:
    """Set the address of the order that waits for one from a form that was sent.

    Invalid fields are asked for again. A flow without an address, or a form while no order waits,
    is ignored: it is the business's own.
    """
    given = read_address(message.content)
    order = _order_for_address(message) if given is not None else None
    if given is None or order is None:
        return
    with translation.override(order.catalog.language):
        _set_address(order, message, given)


def read_address(content: dict[str, Any]) -> dict[str, str] | None:
    """The address in a form, in our fields.

    None for another kind of form, empty where nothing can be read.
    """
    form, values = addresses.form_name(content), addresses.form_values(content)
    found = {
        field: ", ".join(filter(None, map(_clean, map(values.get, names))))
        for field, names in FIELD_NAMES.items()
    }
    if form != "address_message" and not (form == "flow" and found["street"]):
        return None
    return {field: text for field, text in found.items() if text}


def _clean(value: Any) -> str:
    return " ".join(as_text(value).split())


def _order_for_address(message: Message) -> Order | None:
    """The buyer's open order without an address, else the newest one, whose address is
    corrected.
    """
    placed = Order.objects.filter(
        conversation=message.conversation, state=OrderState.PLACED
    ).exclude(delivery_name="")
    orders = list(placed.select_related("catalog").newest_first()[:10])
    lacking = (order for order in orders if not order.address.get("street"))
    return next(lacking, orders[0] if orders else None)


def _set_address(order: Order, message: Message, given: dict[str, str]) -> None:
    method = order.catalog.delivery_methods.filter(
        name=order.delivery_name, needs_address=True
    ).first()
    if method is None:
        return
    given.setdefault("country", _requested_country(message))
    is_first = not order.address.get("street")
    try:
        order = choose_delivery(order, method=method, address=given)
    except BadInput as wrong:
        # The network's form has no country field; the pay page asks for it.
        if wrong.field == "country" or not send.ask_address(
            order, message.conversation, given=given, wrong=wrong
        ):
            send.send_to_buyer(message.conversation, texts.text_message(wrong.message), order=order)
            send.ask_payment(order, message.conversation)
    except ParleyError as error:
        send.send_to_buyer(message.conversation, texts.text_message(error.message), order=order)
    else:
        words = _("Thank you. Your order %(order)s comes to:\n%(address)s")
        confirmation = words % {"order": order, "address": texts.address_lines(order.address)}
        send.send_to_buyer(message.conversation, texts.text_message(confirmation), order=order)
        if is_first:
            send.ask_payment(order, message.conversation)


def _requested_country(message: Message) -> str:
    """Country of the form that was answered, else of the buyer's number; empty where unknown."""
    asked = Message.objects.filter(
        conversation=message.conversation, wamid=message.context_wamid or "-"
    ).first()
    parameters = action_parameters(asked.content) if asked else {}
    return as_text(parameters.get("country")) or country_of(
        message.conversation.contact.wa_id
    ).replace("ZZ", "")
