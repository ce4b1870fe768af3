"""What a customer does with a message on the simulated phone: taps, chooses, opens a page; and how
products look.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Business
from core.tenancy import scope, system
from hosting import extensions
from hosting.inbound import events
from hosting.messages.send import send_message
from hosting.models import Message, Number, SimulatedPhone
from hosting.templatetags.chat import item_amount, offset_amount, payment_link, public_path
from hosting.transports import sandbox
from tests.factories import make_business, make_client, make_number

pytestmark = pytest.mark.django_db
BUTTONS = {
    "type": "button",
    "body": {"text": "Go on?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Go on"}}]},
}
LIST = {
    "type": "list",
    "body": {"text": "How?"},
    "action": {
        "button": "Choose",
        "sections": [{"rows": [{"id": "post", "title": "Post", "description": "$4.50"}]}],
    },
}
PRODUCT = {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "RYE"}}


@pytest.fixture
def number() -> Number:
    return make_number(make_business())


@pytest.fixture
def phone(number: Number) -> SimulatedPhone:
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=number.business, wa_id="14155550123", name="Zoe"
        )
        sandbox.write(simulated_phone=phone, number=number, text="Hello")
    events.apply_due()
    return phone


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "agent")


@pytest.fixture
def cards() -> Iterator[list[Any]]:
    asked: list[Any] = []

    def source(business_id: int, retailer_ids: Any) -> dict[str, extensions.ProductCard]:
        asked.append((business_id, sorted(retailer_ids)))
        return {"RYE": extensions.ProductCard("Rye bread", "$4.80", "$6.00", "/s/luma/rye.webp")}

    extensions.product_cards.register(source)
    yield asked
    extensions.product_cards.unregister(source)


def deliver(number: Number, content: dict[str, Any]) -> Message:
    with scope(number.business_id):
        business = Business.objects.select_related("plan").get(pk=number.business_id)
        message = send_message(
            business=business, number=number, to="14155550123", kind="interactive", content=content
        )
    sandbox.deliver_due()
    events.apply_due()
    return message


def tapped(client: Client, phone: SimulatedPhone, message: Message, choice: str) -> int:
    where = [phone.pk, message.number.phone_number_id, message.pk]
    return client.post(reverse("phone_tap", args=where), {"choice": choice}).status_code


def replies(number: Number) -> list[tuple[Any, str]]:
    events.apply_due()
    with system("test"):
        found = Message.objects.filter(number=number, direction="in", kind="interactive").order_by(
            "id"
        )
        return [
            ({k: v for k, v in row.content.items() if k != "_webhook"}, row.context_wamid)
            for row in found
        ]


def test_a_tapped_button_comes_back_as_the_reply_to_its_message(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    message = deliver(number, BUTTONS)
    page = client.get(reverse("phone_chat", args=[phone.pk, number.phone_number_id]))
    assert f"/tap/{message.pk}/" in page.content.decode()
    assert tapped(client, phone, message, "yes") == 302
    reply = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Go on"}}
    assert replies(number) == [(reply, message.wamid)]


def test_a_row_of_a_list_comes_back_with_its_description(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    message = deliver(number, LIST)
    assert tapped(client, phone, message, "post") == 302
    row = {"id": "post", "title": "Post", "description": "$4.50"}
    assert replies(number) == [({"type": "list_reply", "list_reply": row}, message.wamid)]


def test_what_a_message_does_not_offer_cannot_be_tapped(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    assert tapped(client, phone, deliver(number, BUTTONS), "no") == 404
    assert tapped(client, phone, deliver(number, PRODUCT), "RYE") == 404
    assert replies(number) == []


def test_only_public_pages_of_ours_open_inside_the_phone(
    number: Number, phone: SimulatedPhone, client: Client
) -> None:
    address = reverse("phone_web", args=[phone.pk, number.phone_number_id])
    page = client.get(address, {"to": "/s/luma/"})
    assert '<iframe class="web" src="/s/luma/"' in page.content.decode()
    for elsewhere in ("https://example.com/", "//example.com/s/", "/keys/", ""):
        assert client.get(address, {"to": elsewhere}).status_code == 404


def test_a_product_is_shown_with_name_price_and_picture(
    number: Number, phone: SimulatedPhone, client: Client, cards: list[Any]
) -> None:
    deliver(number, PRODUCT)
    items = [
        {"product_retailer_id": one, "quantity": 2, "item_price": 5, "currency": "USD"}
        for one in ("RYE", "GONE")
    ]
    with scope(number.business_id):
        sandbox.send_from_phone(
            simulated_phone=phone,
            number=number,
            kind="order",
            content={"catalog_id": "1", "product_items": items},
        )
    events.apply_due()
    cards.clear()
    shown = client.get(
        reverse("phone_chat", args=[phone.pk, number.phone_number_id])
    ).content.decode()
    assert cards == [(number.business_id, ["GONE", "RYE"])], "one question for the whole page"
    assert '<img src="/s/luma/rye.webp"' in shown
    assert '<b>Rye bread</b><span class="tnum">$4.80 <s class="muted">$6.00</s></span>' in shown
    assert "2 × Rye bread" in shown
    assert "2 × GONE" in shown


def test_amounts_and_links_of_a_payment_message_are_read_and_nonsense_is_not(settings: Any) -> None:
    settings.BASE_URL = "https://chat.example"
    assert offset_amount({"value": 1234, "offset": 100}, "EUR") == "€12.34"
    for nonsense in (
        None,
        {},
        {"value": "1", "offset": 100},
        {"value": 1, "offset": 0},
        {"value": 10**16, "offset": 1},
    ):
        assert offset_amount(nonsense, "EUR") == ""
    item = {"quantity": 3, "amount": {"value": 480, "offset": 100}}
    assert offset_amount(item_amount(item), "EUR") == "€14.40"
    assert (
        offset_amount(item_amount(item | {"sale_amount": {"value": 400, "offset": 100}}), "EUR")
        == "€12.00"
    )
    assert [
        item_amount(nonsense)
        for nonsense in (None, {}, {"quantity": "3"}, item | {"quantity": "3"})
    ] == [{}] * 4
    link = {"type": "payment_link", "payment_link": {"uri": "https://chat.example/s/pay/x/"}}
    content = {"action": {"parameters": {"payment_settings": [{"type": "other"}, link]}}}
    assert public_path(payment_link(content)) == "/s/pay/x/"
    assert payment_link({"action": []}) == ""
    assert public_path("https://chat.example.evil/s/") == ""
