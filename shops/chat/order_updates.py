"""Notification of buyer and business about order updates, once and in order."""

from typing import Any

import structlog
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from core.queue import Claimed, OneByOne, Queue
from core.queue.work import work
from hosting.errors import CloudApiError
from hosting.media.store import store_media
from hosting.webhooks import outbox
from shops import texts
from shops.chat import send
from shops.documents.receipt import receipt_filename, receipt_pdf
from shops.models import Order, OrderLine, OrderUpdate, OrderUpdateKind

log = structlog.get_logger(__name__)
WEBHOOK_FIELD = "orders"


def notify_due() -> int:
    """Send order updates that are due, each in its own transaction; returns how many were
    claimed.
    """
    return work(QUEUE)


def _notify(row: Claimed) -> None:
    found = OrderUpdate.objects.select_related(
        "business__plan",
        "order__catalog__number__account",
        "order__conversation__contact",
        "order__conversation__number__account",
    )
    update = found.get(pk=row.key)
    update.order.business = update.order.catalog.business = update.business
    account = update.order.catalog.number.account
    outbox.write_field_calls(
        account=account,
        field=WEBHOOK_FIELD,
        value={"event": f"order.{update.kind}"} | order_facts(update.order),
    )
    with translation.override(update.order.catalog.language):
        _notify_buyer(update)


# What happened to one order is sent in its order: the next waits for the one before.
QUEUE = Queue(
    name="order_updates",
    about="What happened to orders, for buyers and the webhooks of shops.",
    model=OrderUpdate,
    work=OneByOne(_notify),
    is_open=Q(notified_at=None),
    order_by=("order_id",),
    done={"notified_at": "statement_timestamp()"},
    dead_title=_lazy("Order updates not sent"),
)


def _notify_buyer(update: OrderUpdate) -> None:
    conversation = update.order.conversation
    if conversation is None or update.kind == OrderUpdateKind.PLACED:
        return
    conversation.business = update.business
    if words := texts.update_text(update):
        plain = send.needs_plain_messages(conversation) or _was_ended(update)
        send.send_to_buyer(
            conversation, texts.status_update(update, words, plain=plain), order=update.order
        )
    if update.kind == OrderUpdateKind.PAID and (receipt := _receipt(update.order)):
        send.send_to_buyer(conversation, ("document", receipt), order=update.order)


def _was_ended(update: OrderUpdate) -> bool:
    """Whether the buyer was told before that the order is completed or cancelled: the network
    refuses another status then (2046), so what follows, such as a refund, is said in a text.
    """
    before = OrderUpdate.objects.filter(order=update.order_id, pk__lt=update.pk)
    return before.filter(kind__in=texts.ENDS).exists()


def _receipt(order: Order) -> dict[str, Any] | None:
    """Content of a document message with the receipt; None where the plan has no storage left."""
    name = receipt_filename(order)
    try:
        media = store_media(
            business=order.business,
            content=receipt_pdf(order),
            mime_type="application/pdf",
            filename=name,
        )
    except CloudApiError as refused:
        # A missing receipt must not stop the update itself or the ones after it.
        log.warning("no_receipt", order=order.pk, why=refused.message)
        return None
    return {
        "id": media.media_id,
        "filename": name,
        "caption": _("Receipt for order %(order)s") % {"order": order},
    }


def order_facts(order: Order) -> dict[str, Any]:
    """An order as webhooks and the API show it; amounts in minor units."""
    names = (
        "number",
        "state",
        "way",
        "currency",
        "tax_included",
        "subtotal_minor",
        "delivery_minor",
        "tax_minor",
        "total_minor",
        "paid_minor",
        "refunded_minor",
        "delivery_name",
        "address",
        "buyer_note",
        "tracking",
        "reason",
    )
    times = (
        "placed_at",
        "confirmed_at",
        "paid_at",
        "packed_at",
        "shipped_at",
        "delivered_at",
        "ended_at",
    )
    facts = {name: getattr(order, name) for name in names}
    facts |= {
        name: moment.isoformat() if (moment := getattr(order, name)) else None for name in times
    }
    person = order.conversation.contact.wa_id if order.conversation else None
    return (
        {"id": order.pk, "catalog_id": order.catalog.catalog_id, "wa_id": person}
        | facts
        | {"lines": [_line_facts(line) for line in order.lines.all()]}
    )


def _line_facts(line: OrderLine) -> dict[str, Any]:
    return {
        "product_retailer_id": line.retailer_id,
        "title": line.title,
        "quantity": line.quantity,
        "refunded_quantity": line.refunded_quantity,
        "returned_quantity": line.returned_quantity,
        "unit_minor": line.unit_minor,
        "amount_minor": line.amount_minor,
        "tax_percent": str(line.tax_percent),
    }
