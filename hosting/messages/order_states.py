"""Whether an `order_status` message may follow what the customer was told of the order before."""

from typing import Any

from hosting.cloudapi.json import action_parameters, as_dict, as_text
from hosting.cloudapi.payments import FINAL, is_captured
from hosting.errors import CloudApiError
from hosting.models import Direction, Message

FIELD = "interactive.action.parameters.order.status"


def check(message: Message) -> None:
    """Raise CloudApiError 2046 after a final state, 2047 for the cancellation of a paid order."""
    if message.kind != "interactive" or message.content.get("type") != "order_status":
        return
    parameters = action_parameters(message.content)
    state = _state_in(parameters)
    said = Message.objects.filter(
        conversation=message.conversation_id,
        direction=Direction.OUT,
        kind="interactive",
        content__action__parameters__reference_id=as_text(parameters.get("reference_id")),
    ).exclude(status="failed")
    before = said.filter(content__type="order_status").order_by("-id").first()
    known = _state_in(action_parameters(before.content)) if before else ""
    if known in FINAL and state != known:
        raise CloudApiError(2046, f"The order is {known} and stays so.", field=FIELD)
    asked = said.filter(content__type="order_details").order_by("-id").first()
    if state == "canceled" and asked is not None and is_captured(asked.content):
        raise CloudApiError(2047, "The order was paid: refund it instead.", field=FIELD)


def _state_in(parameters: dict[str, Any]) -> str:
    return as_text(as_dict(parameters.get("order")).get("status"))
