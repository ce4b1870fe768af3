"""Payments of `order_details` messages, as the network reports them."""

from collections.abc import Sequence
from typing import Any

import structlog

from hosting.cloudapi.json import as_dict, storable
from hosting.cloudapi.payments import is_captured, payment_of
from hosting.cloudapi.updates import StatusUpdate
from hosting.models import Direction, Message, Number
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)


def apply_payments(found: Sequence[tuple[Number, StatusUpdate]]) -> set[tuple[int, str]]:
    """Keep each payment at its message, and pass it on to the business's webhooks, once.

    Returns the conversations that changed, as (business id, public id). A payment that was
    captured only gets refunds. Call across businesses.
    """
    changed = set()
    # In one order, so that two workers never wait for each other.
    for number, update in sorted(found, key=lambda row: (row[0].pk, row[1].wamid)):
        rows = Message.objects.select_for_update(of=("self",)).select_related(
            "contact", "conversation", "number__account"
        )
        message = rows.filter(number=number, wamid=update.wamid, direction=Direction.OUT).first()
        if message is None:
            log.warning("payment_of_unknown_message", number=number.pk, wamid=update.wamid)
        elif _keep(message, update):
            outbox.write_payment_call(message, update)
            changed.add((message.business_id, str(message.conversation.public_id)))
    return changed


def _keep(message: Message, update: StatusUpdate) -> bool:
    """Write the payment down; False where it says nothing new, or comes late."""
    assert update.payment is not None
    new: dict[str, Any] = {"status": update.status, "payment": storable(update.payment)}
    if payment_of(message.content) == new:
        return False
    if is_captured(message.content):
        has_refunds = bool(as_dict(update.payment.get("transaction")).get("refunds"))
        if update.status != "captured" or not has_refunds:
            return False
    message.content = message.content | {"_payment": new}
    message.save(update_fields=["content"])
    return True
