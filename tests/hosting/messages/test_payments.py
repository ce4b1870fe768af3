"""Payments in chat: how orders may be paid, paying on the simulated phone, states of orders."""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import system
from hosting.inbound import events
from hosting.models import Event, Message, Number, SimulatedPhone, Webhook, WebhookCall
from hosting.transports import sandbox
from tests.factories import make_business, make_client, make_number
from tests.hosting.messages.test_endpoints import caller

pytestmark = pytest.mark.django_db
TO = "919876543210"
GATEWAY: dict[str, Any] = {
    "type": "payment_gateway",
    "payment_gateway": {"type": "razorpay", "configuration_name": "main"},
}
PIX: dict[str, Any] = {
    "type": "pix_dynamic_code",
    "pix_dynamic_code": {
        "code": "00020101021226700014br.gov.bcb.pix", "merchant_name": "Padaria",
        "key": "39580525000189", "key_type": "CNPJ",
    },
}  # fmt: skip
UPI: dict[str, Any] = {
    "type": "upi_intent_link", "upi_intent_link": {"link": "upi://pay?pa=a@b&am=11.00"},
}  # fmt: skip
BOLETO: dict[str, Any] = {"type": "boleto", "boleto": {"digitable_line": "0" * 47}}
LINK: dict[str, Any] = {"type": "payment_link", "payment_link": {"uri": "https://pay.example/1"}}
CARD: dict[str, Any] = {
    "type": "offsite_card_pay",
    "offsite_card_pay": {"last_four_digits": "4242", "credential_id": "c"},
}


def amount(value: int) -> dict[str, int]:
    return {"value": value, "offset": 100}


def order(*settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    item = {"retailer_id": "1", "name": "Bread", "amount": amount(1100), "quantity": 1}
    parameters = {
        "reference_id": "order-7", "type": "digital-goods", "currency": "INR",
        "payment_settings": list(settings), "total_amount": amount(1100),
        "order": {"status": "pending", "items": [item], "subtotal": amount(1100)},
    } | more  # fmt: skip
    action = {"name": "review_and_pay", "parameters": parameters}
    return {"type": "order_details", "body": {"text": "Your bread"}, "action": action}


def state(status: str, reference: str = "order-7") -> dict[str, Any]:
    parameters = {"reference_id": reference, "order": {"status": status}}
    action = {"name": "review_order", "parameters": parameters}
    return {"type": "order_status", "body": {"text": "News"}, "action": action}


@pytest.fixture
def number() -> Number:
    number = make_number(make_business())
    with system("test"):
        phone = SimulatedPhone.objects.create(business=number.business, wa_id=TO, name="Asha")
        sandbox.write(simulated_phone=phone, number=number, text="Hello")
        Webhook.objects.create(
            business=number.business, account=number.account, url="https://a.example/",
            is_active=True,
        )  # fmt: skip
    events.apply_due()
    return number


@pytest.fixture
def agent(number: Number) -> Client:
    return make_client(number.business, "agent")


def send(number: Number, interactive: dict[str, Any]) -> Any:
    given = {
        "messaging_product": "whatsapp", "to": TO, "type": "interactive",
        "interactive": interactive,
    }  # fmt: skip
    path = f"/v23.0/{number.phone_number_id}/messages"
    return caller(number).post(path, orjson.dumps(given), "application/json").json()


def refusal(answer: Any) -> tuple[int, str]:
    return answer["error"]["code"], answer["error"]["error_data"]["details"]


def asked(number: Number, *settings: dict[str, Any], **more: Any) -> tuple[Message, str]:
    """The message as the phone has it, and the address where it is paid."""
    answer = send(number, order(*settings, **more))
    sandbox.deliver_due()
    events.apply_due()
    with system("test"):
        message = Message.objects.get(wamid=answer["messages"][0]["id"])
        phone = SimulatedPhone.objects.get(wa_id=TO)
    return message, reverse("phone_pay", args=[phone.pk, number.phone_number_id, message.pk])


def reported() -> list[dict[str, Any]]:
    with system("test"):
        bodies = [orjson.loads(bytes(row.body)) for row in WebhookCall.objects.order_by("id")]
    statuses = [
        one
        for body in bodies
        for one in body["entry"][0]["changes"][0]["value"].get("statuses", [])
    ]
    return [one for one in statuses if one.get("type") == "payment"]


def pay(agent: Client, address: str, outcome: str) -> None:
    answer = agent.post(address, {"way": "0", "outcome": outcome})
    assert answer.status_code == 302
    events.apply_due()


def test_a_payment_through_a_gateway_is_reported_once_and_shown(
    number: Number, agent: Client
) -> None:
    message, address = asked(number, GATEWAY)
    assert "UPI: razorpay" in agent.get(address).content.decode()
    pay(agent, address, "failed")
    pay(agent, address, "captured")
    # A second tap, and the same report again, do nothing.
    pay(agent, address, "captured")
    with system("test"):
        body = bytes(Event.objects.latest("id").body)
        events.store_event(body=body + b" ", account_id=number.account_id)
    events.apply_due()
    failed, captured = reported()
    assert (failed["status"], failed["payment"]["transaction"]["status"]) == ("pending", "failed")
    assert (captured["id"], captured["status"], captured["recipient_id"]) == (
        message.wamid, "captured", TO,
    )  # fmt: skip
    paid = captured["payment"]
    assert (paid["reference_id"], paid["amount"], paid["currency"]) == (
        "order-7", {"value": 1100, "offset": 100}, "INR",
    )  # fmt: skip
    assert (paid["transaction"]["type"], paid["transaction"]["status"]) == ("razorpay", "success")
    with system("test"):
        thread = Message.objects.select_related("conversation").get(pk=message.pk).conversation
    address_of_thread = reverse("inbox_messages", args=[thread.public_id])
    shown = agent.get(address_of_thread, {"since": "1"}).content.decode()
    assert '<span class="badge">Paid</span>' in shown
    assert "Paid." in agent.get(address).content.decode()


def test_a_late_report_does_not_unpay_and_a_refund_is_told(number: Number, agent: Client) -> None:
    message, address = asked(number, GATEWAY)
    pay(agent, address, "captured")
    with system("test"):
        body = orjson.loads(bytes(Event.objects.latest("id").body))
    status = body["entry"][0]["changes"][0]["value"]["statuses"][0]
    refund = {"id": "rfnd_1", "amount": amount(1100), "status": "completed"}
    for status_now, refunds in (("pending", None), ("captured", [refund])):
        status["status"] = status_now
        status["payment"]["transaction"]["refunds"] = refunds
        with system("test"):
            events.store_event(body=orjson.dumps(body), account_id=number.account_id)
        events.apply_due()
    assert [one["status"] for one in reported()] == ["captured", "captured"]
    with system("test"):
        held = Message.objects.get(pk=message.pk).content["_payment"]
    assert held["payment"]["transaction"]["refunds"] == [refund]


def test_ways_that_the_network_does_not_report_are_shown_only(
    number: Number, agent: Client
) -> None:
    _, address = asked(number, PIX, BOLETO, UPI, LINK, CARD, currency="BRL")
    text = agent.get(address).content.decode()
    for words in ("br.gov.bcb.pix", "0" * 47, "upi://pay?pa=a@b", "https://pay.example/1", "4242"):
        assert words in text, words
    assert agent.post(address, {"way": "0", "outcome": "captured"}).status_code == 404
    assert agent.post(address, {"way": "9", "outcome": "captured"}).status_code == 404
    assert reported() == []


def test_an_order_keeps_its_last_state_and_is_not_canceled_when_paid(
    number: Number, agent: Client
) -> None:
    _, address = asked(number, GATEWAY)
    assert send(number, state("processing"))["messages"]
    pay(agent, address, "captured")
    assert refusal(send(number, state("canceled")))[0] == 2047
    assert send(number, state("completed"))["messages"]
    assert refusal(send(number, state("shipped")))[0] == 2046
    # Of other orders nothing is known.
    assert send(number, state("canceled", "order-8"))["messages"]


@pytest.mark.parametrize(
    ("settings", "more", "field"),
    [
        ([{"type": "magic"}], {}, "payment_settings[0].type"),
        ([GATEWAY | {"payment_gateway": {"type": "razorpay"}}], {}, "configuration_name"),
        ([UPI | {"upi_intent_link": {"link": "https://a.example"}}], {}, "upi_intent_link.link"),
        ([PIX | {"pix_dynamic_code": {"code": "1"}}], {}, "merchant_name"),
        ([BOLETO | {"boleto": {"digitable_line": "12"}}], {}, "digitable_line"),
        ([LINK | {"payment_link": {"uri": "javascript:1"}}], {}, "payment_link.uri"),
        ([GATEWAY] * 6, {}, "payment_settings"),
        ([], {"reference_id": "größe"}, "reference_id"),
        ([], {"payment_type": "upi"}, "payment_configuration"),
        ([], {"order": None}, "order"),
    ],
    ids=range(10),
)
def test_settings_that_the_network_refuses(
    number: Number, settings: list[Any], more: dict[str, Any], field: str
) -> None:
    code, details = refusal(send(number, order(*settings, **more)))
    assert code in (131008, 131009)
    assert field in details
    with system("test"):
        assert not Message.objects.filter(direction="out").exists()


def test_in_brazil_a_total_needs_no_order(number: Number, agent: Client) -> None:
    _, address = asked(number, PIX, currency="BRL", payment_type="br", order=None)
    assert "R$11.00" in agent.get(address).content.decode().replace("\xa0", "")
