"""Paying an order on the simulated phone, in each way that its message offers."""

import secrets
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from accounts.access import BusinessRequest
from core.wake import notify
from hosting import tasks
from hosting.cloudapi.payments import (
    Way,
    configuration_of,
    is_captured,
    parameters_of,
    payment_of,
    ways_of,
)
from hosting.models import Direction, Message
from hosting.numbers.phone_access import phone_page
from hosting.transports import sandbox
from hosting.views.phone import chat_of, message_of_chat, screen

# What the customer may let happen -> status of the payment and of its transaction.
OUTCOMES = {
    "captured": ("captured", "success"),
    "pending": ("pending", "pending"),
    "failed": ("pending", "failed"),
}


@phone_page
def pay(
    request: BusinessRequest, simulated_phone_id: int, phone_number_id: str, message_id: int
) -> HttpResponse:
    """The order of a message with the ways to pay it; POST pays, in a way that is reported."""
    simulated_phone, number = chat_of(request, simulated_phone_id, phone_number_id)
    message = message_of_chat(
        request, simulated_phone, number, message_id, direction=Direction.OUT, kind="interactive"
    )
    ways = ways_of(message.content)
    if not parameters_of(message.content):
        raise Http404
    if request.method == "POST":
        way = dict(enumerate(ways)).get(_chosen(request))
        outcome = OUTCOMES.get(request.POST.get("outcome", ""))
        if way is None or not way.is_reported or outcome is None:
            raise Http404
        if not is_captured(message.content):
            _pay(message, way, outcome)
        return redirect("phone_chat", simulated_phone.pk, number.phone_number_id)
    context = {
        "simulated_phone": simulated_phone,
        "number": number,
        "message": message,
        "parameters": parameters_of(message.content),
        "ways": ways,
        "payment": payment_of(message.content),
        "configuration": configuration_of(message.content),
    }
    return screen(request, "hosting/phone/pay.html", context)


def _chosen(request: BusinessRequest) -> int:
    text = request.POST.get("way", "")
    return int(text) if text.isdecimal() and len(text) < 3 else -1


def _pay(message: Message, way: Way, outcome: tuple[str, str]) -> None:
    parameters = parameters_of(message.content)
    total: dict[str, Any] = parameters["total_amount"]
    at = int(message.business.now().timestamp())
    transaction = {
        "id": f"order_{secrets.token_hex(8)}",
        "type": way.name if way.kind == "payment_gateway" else way.kind,
        "status": outcome[1],
        "amount": total,
        "currency": parameters["currency"],
        "method": {"type": "upi"},
        "created_timestamp": at,
        "updated_timestamp": at,
    }
    payment = {
        "reference_id": parameters["reference_id"],
        "amount": total,
        "currency": parameters["currency"],
        "transaction": transaction,
    }
    sandbox.report_payment(message, status=outcome[0], payment=payment)
    notify(tasks.apply)
