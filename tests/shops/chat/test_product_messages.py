"""Products sent from the composer, and the cart that a phone sends from the catalogue."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import system
from hosting.inbound import events
from hosting.models import Conversation, Message, SimulatedPhone
from hosting.transports import sandbox
from shops.models import Catalog, Order, OrderLine
from tests.factories import make_client
from tests.shops.chat.test_orders_intake import settle
from tests.shops.sample_data import make_catalog, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(currency="USD")
    make_product(catalog, "rye", 480, title="Rye bread", stock=9)
    make_product(catalog, "bun", 95, title="Bun", sale_price_minor=80)
    make_product(catalog, "old", 1, title="Old cake", availability="discontinued")
    return catalog


@pytest.fixture
def phone(catalog: Catalog) -> SimulatedPhone:
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe"
        )
        sandbox.write(simulated_phone=phone, number=catalog.number, text="Hello")
    events.apply_due()
    return phone


@pytest.fixture
def client(catalog: Catalog) -> Client:
    return make_client(catalog.business, "agent")


def offer(client: Client, catalog: Catalog, **given: Any) -> Any:
    with system("test"):
        conversation = Conversation.objects.get(business=catalog.business)
    return client.post(reverse("inbox_products", args=[conversation.public_id]), given)


def sent(catalog: Catalog) -> list[dict[str, Any]]:
    with system("test"):
        found = Message.objects.filter(business=catalog.business, direction="out").order_by("id")
        return [message.content for message in found]


def shop_of(catalog: Catalog, phone: SimulatedPhone) -> str:
    return reverse("phone_shop", args=[phone.pk, catalog.number.phone_number_id])


def test_one_product_several_and_the_whole_catalogue_are_sent(
    catalog: Catalog, phone: SimulatedPhone, client: Client
) -> None:
    assert offer(client, catalog, product=["rye"]).status_code == 302
    assert offer(client, catalog, product=["rye", "bun"], words="Still warm").status_code == 302
    assert offer(client, catalog, whole="1").status_code == 302
    name = catalog.catalog_id
    assert sent(catalog) == [
        {"type": "product", "action": {"catalog_id": name, "product_retailer_id": "rye"}},
        {
            "type": "product_list",
            "header": {"type": "text", "text": "Bakery"},
            "body": {"text": "Still warm"},
            "action": {
                "catalog_id": name,
                "sections": [
                    {
                        "title": "Bakery",
                        "product_items": [
                            {"product_retailer_id": "rye"},
                            {"product_retailer_id": "bun"},
                        ],
                    }
                ],
            },
        },
        {
            "type": "catalog_message",
            "body": {"text": "Have a look at our catalogue."},
            "action": {"name": "catalog_message"},
        },
    ]
    settle()
    chat = client.get(
        reverse("phone_chat", args=[phone.pk, catalog.number.phone_number_id])
    ).content.decode()
    assert '<b>Rye bread</b><span class="tnum">$4.80</span>' in chat
    assert '<span class="tnum">$0.80 <s class="muted">$0.95</s></span>' in chat
    assert shop_of(catalog, phone) in chat


def test_nothing_and_what_is_not_sold_are_refused_and_not_sent(
    catalog: Catalog, phone: SimulatedPhone, client: Client
) -> None:
    for product, expected in (
        ([], "Choose from 1 to 30 products."),
        (["rye", "xyz"], "Not in the catalogue: xyz."),
    ):
        refused = offer(client, catalog, product=product)
        assert (refused.status_code, refused.context["error"]) == (422, expected)
    assert sent(catalog) == []


def test_a_cart_is_filled_on_the_phone_kept_while_searching_and_sent(
    catalog: Catalog, phone: SimulatedPhone, client: Client
) -> None:
    address = shop_of(catalog, phone)
    shown = client.get(address)
    assert [product.retailer_id for product in shown.context["products"]] == ["bun", "rye"]
    searched = client.post(address, {"do": "search", "q": "bun", "n-rye": "2", "n-bun": "0"})
    assert [product.retailer_id for product in searched.context["products"]] == ["bun"]
    assert searched.context["kept"] == [("rye", 2)]
    assert (
        client.post(
            address, {"do": "send", "q": "bun", "n-rye": "2", "n-bun": "3", "n-xyz": "1"}
        ).status_code
        == 302
    )
    settle()
    with system("test"):
        order = Order.objects.get()
        assert list(OrderLine.objects.values_list("retailer_id", "quantity", "unit_minor")) == [
            ("bun", 3, 80),
            ("rye", 2, 480),
        ]
        message = Message.objects.get(kind="order")
    assert order.message_id == message.pk
    assert message.content["product_items"][0] == {
        "product_retailer_id": "bun",
        "quantity": 3,
        "item_price": 0.8,
        "currency": "USD",
    }


def test_an_empty_or_senseless_cart_is_not_sent(
    catalog: Catalog, phone: SimulatedPhone, client: Client
) -> None:
    for counts in ({}, {"n-rye": "0"}, {"n-rye": "-1"}, {"n-rye": "two"}, {"n-xyz": "1"}):
        assert client.post(shop_of(catalog, phone), {"do": "send"} | counts).status_code == 200
    settle()
    with system("test"):
        assert Message.objects.filter(kind="order").count() == 0


def test_a_message_opens_its_own_products_alone(
    catalog: Catalog, phone: SimulatedPhone, client: Client
) -> None:
    offer(client, catalog, product=["bun"])
    settle()
    with system("test"):
        message = Message.objects.get(direction="out")
    shown = client.get(shop_of(catalog, phone), {"message": message.pk})
    assert [product.retailer_id for product in shown.context["products"]] == ["bun"]
