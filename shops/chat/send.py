"""Chatting: a shop writes to a buyer, and asks what an order still needs: the way of delivery, then the payment."""

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
from shops.orders.place import choose_delivery

log = structlog.get_logger(__name__)

# An approved template of this name, with two placeholders (order, what is new), is used once the window has closed.
TEMPLATE = "order_status_update"
WINDOW_CLOSED = 131047


def say(
    conversation: Conversation, what: tuple[str, dict[str, Any]], *, order: Order | None = None
) -> Message | None:
    """Send a message of the shop; None where sending is refused, which is then noted beside the order."""
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
            return _say_by_template(conversation, content, order, error)
        _note_refusal(conversation, order, error)
        return None
    public_id = str(conversation.public_id)
    transaction.on_commit(
        lambda: publish.announce(conversation.business_id, kind="message", conversation=public_id),
        robust=True,
    )
    return message


def _say_by_template(
    conversation: Conversation, content: dict[str, Any], order: Order, error: ParleyError
) -> Message | None:
    words = content.get("body", "")
    words = words.get("text", "") if isinstance(words, dict) else words
    found = Template.objects.filter(
        business_id=order.business_id, account_id=conversation.number.account_id, name=TEMPLATE,
        status=TemplateStatus.APPROVED,
    ).order_by("id").first()  # fmt: skip
    if found is None or not words:
        _note_refusal(conversation, order, error)
        return None
    # A template's parameter holds no line breaks.
    values = [{"type": "text", "text": one} for one in (str(order), " ".join(words.split()))]
    body = {"type": "body", "parameters": values}
    template = {"name": found.name, "language": {"code": found.language}, "components": [body]}
    return say(conversation, ("template", template), order=order)


def _note_refusal(conversation: Conversation, order: Order | None, error: ParleyError) -> None:
    log.warning(
        "shop_not_heard",
        conversation=conversation.pk,
        order=order and order.pk,
        error=error.message,
    )
    if order is not None:
        OrderNote.objects.create(
            business_id=order.business_id,
            order=order,
            text=f"Not told to the buyer: {error.message}"[:2000],
            created_at=order.business.now(),
        )


def ask_on(order: Order, conversation: Conversation) -> None:
    """Ask for what comes next: how to deliver where there is a choice, else the payment."""
    methods = (
        list(order.catalog.delivery_methods.filter(is_active=True))
        if not order.delivery_name
        else []
    )
    if len(methods) > 1:
        say(conversation, texts.delivery_question(order, methods), order=order)
        return
    if methods:
        order = choose_delivery(order, method=methods[0])
    ask_rest(order, conversation)


def ask_rest(order: Order, conversation: Conversation) -> None:
    """Ask where to, where the delivery needs it, and for the payment, whose page asks for what is not answered here."""
    if order.delivery_name and not order.address.get("street"):
        ask_address(order, conversation)
    ask_payment(order, conversation)


def ask_address(
    order: Order,
    conversation: Conversation,
    *,
    given: Mapping[str, str] | None = None,
    wrong: BadInput | None = None,
) -> bool:
    """Send the form for the address; again with what was `given` and is `wrong`. False where no form can be shown."""
    method = order.catalog.delivery_methods.filter(
        name=order.delivery_name, needs_address=True
    ).first()
    country = _form_country(method, conversation) if method else ""
    if not country:
        return False
    known = given or _last_address(conversation, country)
    say(conversation, texts.address_request(order, country, known, wrong), order=order)
    return True


def _form_country(method: DeliveryMethod, conversation: Conversation) -> str:
    """The country whose form is sent: of the buyer's number where goods go there, else the first; empty: no form."""
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
    say(
        conversation,
        texts.payment_request(order, lines, plain=speaks_plainly(conversation)),
        order=order,
    )


def speaks_plainly(conversation: Conversation) -> bool:
    """Whether the network would not show this buyer payment messages."""
    if conversation.number.transport == Transport.SANDBOX:
        return False
    return not conversation.contact.wa_id.startswith(texts.PAYMENT_COUNTRIES)
