"""Messages of a shop to a buyer, and the questions an order still needs: delivery, address,
payment.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction

from core.errors import BadInput, ParleyError
from hosting.contacts.identity import country_of
from hosting.live import publish
from hosting.messages.send import send_message
from hosting.models import Conversation, Message, Template, TemplateStatus, Transport
from shops import texts
from shops.models import DeliveryMethod, Order, OrderNote
from shops.orders.delivery import choose_delivery

log = structlog.get_logger(__name__)

# Outside the customer service window an approved template of this name is used; it has two
# placeholders: the order and the update.
UPDATE_TEMPLATE = "order_status_update"
WINDOW_CLOSED = 131047


def send_to_buyer(
    conversation: Conversation, what: tuple[str, dict[str, Any]], *, order: Order | None = None
) -> Message | None:
    """Send a message of the shop.

    Returns None where sending is refused; the refusal is then stored as a note of the order.
    """
    kind, content = what
    try:
        with transaction.atomic():
            message = send_message(
                business=conversation.business,
                number=conversation.number,
                to=conversation.contact.wa_id,
                kind=kind,
                content=content,
            )
    except ParleyError as error:
        if (
            getattr(error, "number", 0) == WINDOW_CLOSED
            and kind != "template"
            and order is not None
        ):
            return _send_template(conversation, content, order, error)
        _note_refusal(conversation, order, error)
        return None
    public_id = str(conversation.public_id)
    transaction.on_commit(
        lambda: publish.publish_event(
            conversation.business_id, kind="message", conversation=public_id
        ),
        robust=True,
    )
    return message


def _send_template(
    conversation: Conversation, content: dict[str, Any], order: Order, error: ParleyError
) -> Message | None:
    words = content.get("body", "")
    words = words.get("text", "") if isinstance(words, dict) else words
    found = (
        Template.objects.filter(
            business_id=order.business_id,
            account_id=conversation.number.account_id,
            name=UPDATE_TEMPLATE,
            status=TemplateStatus.APPROVED,
        )
        .order_by("id")
        .first()
    )
    if found is None or not words:
        _note_refusal(conversation, order, error)
        return None
    # A template's parameter holds no line breaks.
    values = [{"type": "text", "text": one} for one in (str(order), " ".join(words.split()))]
    body = {"type": "body", "parameters": values}
    template = {"name": found.name, "language": {"code": found.language}, "components": [body]}
    return send_to_buyer(conversation, ("template", template), order=order)


def _note_refusal(conversation: Conversation, order: Order | None, error: ParleyError) -> None:
    log.warning(
        "shop_message_refused",
        conversation=conversation.pk,
        order=order and order.pk,
        error=error.message,
    )
    if order is not None:
        OrderNote.objects.create(
            business_id=order.business_id,
            order=order,
            text=f"The buyer was not notified: {error.message}"[:2000],
            created_at=order.business.now(),
        )


def ask_next(order: Order, conversation: Conversation) -> None:
    """Ask for the delivery method where there is a choice, else for address and payment."""
    methods = (
        list(order.catalog.delivery_methods.filter(is_active=True))
        if not order.delivery_name
        else []
    )
    if len(methods) > 1:
        send_to_buyer(conversation, texts.delivery_question(order, methods), order=order)
        return
    if methods:
        order = choose_delivery(order, method=methods[0])
    ask_address_and_payment(order, conversation)


def ask_address_and_payment(order: Order, conversation: Conversation) -> None:
    """Ask for the address where delivery needs one, else for the payment, which follows an address.

    Where no form can be shown in the chat, the pay page asks for the address.
    """
    lacks_address = order.delivery_name and not order.address.get("street")
    if not (lacks_address and ask_address(order, conversation)):
        ask_payment(order, conversation)


def ask_address(
    order: Order,
    conversation: Conversation,
    *,
    given: Mapping[str, str] | None = None,
    wrong: BadInput | None = None,
) -> bool:
    """Send the address form, again with `given` values and what is `wrong` with them.

    Returns False where no form can be shown or sent.
    """
    method = order.catalog.delivery_methods.filter(
        name=order.delivery_name, needs_address=True
    ).first()
    country = _form_country(method, conversation) if method else ""
    if not country:
        return False
    known = given or _last_address(conversation, country)
    form = texts.address_request(order, country, known, wrong)
    return send_to_buyer(conversation, form, order=order) is not None


def _form_country(method: DeliveryMethod, conversation: Conversation) -> str:
    """Country of the address form: the buyer's own if it is served, else the first served.

    Empty where no form can be shown.
    """
    own = country_of(conversation.contact.wa_id).replace("ZZ", "")
    served = method.served or [own]
    country = own if own in served else served[0]
    # The network shows address messages in India only.
    shown = conversation.number.transport == Transport.SANDBOX or own == country == "IN"
    return country if shown else ""


def _last_address(conversation: Conversation, country: str) -> dict[str, str]:
    earlier = Order.objects.filter(
        conversation=conversation, address__country=country
    ).newest_first()
    return earlier.values_list("address", flat=True).first() or {}


def ask_payment(order: Order, conversation: Conversation) -> None:
    """Send the payment message of an order."""
    lines = list(order.lines.all())
    send_to_buyer(
        conversation,
        texts.payment_request(order, lines, plain=needs_plain_messages(conversation)),
        order=order,
    )


def needs_plain_messages(conversation: Conversation) -> bool:
    """Whether the network does not show payment messages to this buyer."""
    if conversation.number.transport == Transport.SANDBOX:
        return False
    return not conversation.contact.wa_id.startswith(texts.PAYMENT_COUNTRIES)
