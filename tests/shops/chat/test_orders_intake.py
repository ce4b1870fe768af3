"""Orders from the chat: a sent cart becomes one order at our prices, or one message lists what
changed.
"""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from core.tenancy import scope, system
from hosting.inbound import events
from hosting.models import Message, SimulatedPhone
from hosting.transports import sandbox
from shops.chat import order_updates, orders_intake
from shops.models import Cart, Catalog, IncomingOrder, Order, OrderUpdate, Product
from tests.factories import make_business, make_number
from tests.shops.sample_data import make_catalog, make_delivery, make_product

pytestmark = pytest.mark.django_db
SAMPLE = Path(__file__).parent / "data" / "message.order.json"


@pytest.fixture
def catalog() -> Catalog:
    return make_catalog(currency="USD")


@pytest.fixture
def phone(catalog: Catalog) -> SimulatedPhone:
    with system("test"):
        return SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe"
        )


def send(catalog: Catalog, phone: SimulatedPhone, kind: str, content: dict[str, Any]) -> None:
    with scope(catalog.business_id):
        sandbox.send_from_phone(
            simulated_phone=phone, number=catalog.number, kind=kind, content=content
        )
    settle()


def settle() -> None:
    """Run everything that is due."""
    while (
        events.apply_due()
        + orders_intake.process_due()
        + order_updates.notify_due()
        + sandbox.deliver_due()
    ):
        pass


def cart_of(catalog: Catalog, *items: tuple[str, Any, Any], **more: Any) -> dict[str, Any]:
    return {
        "catalog_id": catalog.catalog_id,
        "product_items": [
            {"product_retailer_id": name, "quantity": count, "item_price": price, "currency": "USD"}
            for name, count, price in items
        ],
    } | more


def shop_messages(catalog: Catalog) -> list[dict[str, Any]]:
    """Contents of the shop's messages, in order."""
    with system("test"):
        found = Message.objects.filter(business=catalog.business, direction="out").order_by("id")
        return [message.content for message in found]


def orders(catalog: Catalog) -> list[Order]:
    with system("test"):
        return list(Order.objects.filter(catalog=catalog).order_by("number"))


def stock(catalog: Catalog) -> dict[str, int | None]:
    with system("test"):
        return dict(Product.objects.filter(catalog=catalog).values_list("retailer_id", "stock"))


def lines(order: Order) -> list[tuple[str, int, int]]:
    with system("test"):
        return list(order.lines.values_list("retailer_id", "quantity", "unit_minor"))


def test_a_cart_that_was_sent_becomes_an_order_with_its_goods_held(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    make_product(catalog, "rye", 480, stock=10, options={"size": "1 kg", "color": ""})
    make_product(catalog, "bun", 95, stock=100)
    send(
        catalog,
        phone,
        "order",
        cart_of(catalog, ("rye", 2, 4.8), ("bun", 6, 0.95), text="Ring twice"),
    )
    (order,) = orders(catalog)
    assert (order.state, order.total_minor, order.buyer_note) == (
        "placed",
        2 * 480 + 6 * 95,
        "Ring twice",
    )
    assert lines(order) == [("rye", 2, 480), ("bun", 6, 95)]
    assert stock(catalog) == {"rye": 8, "bun": 94}
    with system("test"):
        assert order.message is not None
        assert order.message.kind == "order"
        assert IncomingOrder.objects.count() == 0
    # No delivery to choose: the payment message comes at once, with the address of the pay page.
    (content,) = shop_messages(catalog)
    parameters = content["action"]["parameters"]
    assert (content["type"], parameters["reference_id"], parameters["total_amount"]) == (
        "order_details",
        "1",
        {"value": 1530, "offset": 100},
    )
    assert parameters["payment_settings"][0]["payment_link"]["uri"].endswith(
        f"/s/pay/{order.token}/"
    )
    assert [item["name"] for item in parameters["order"]["items"]] == ["Rye, 1 kg", "Bun"]


def test_the_sample_of_the_protocol_makes_an_order() -> None:
    business = make_business()
    number = make_number(business, phone_number_id="1122334455667", digits="972123456789")
    catalog = make_catalog(business, number, currency="ILS", upstream_id="354160437058781")
    for name, price in (("HAMBURGER", 3000), ("FRENCH_FRIES", 3500), ("SODA", 1000)):
        make_product(catalog, name, price, stock=5)
    with system("test"):
        events.store_event(body=SAMPLE.read_bytes(), account_id=number.account_id)
    settle()
    (order,) = orders(catalog)
    assert lines(order) == [("HAMBURGER", 3, 3000), ("FRENCH_FRIES", 2, 3500), ("SODA", 2, 1000)]
    assert (order.total_minor, order.currency) == (18_000, "ILS")
    assert stock(catalog) == {"HAMBURGER": 2, "FRENCH_FRIES": 3, "SODA": 3}


def test_the_same_message_doubled_makes_one_order(catalog: Catalog) -> None:
    make_product(catalog, "HAMBURGER", 3000, stock=9)
    body = orjson.loads(SAMPLE.read_bytes())
    value = body["entry"][0]["changes"][0]["value"]
    value["metadata"] = {"phone_number_id": catalog.number.phone_number_id}
    value["messages"][0]["timestamp"] = str(int(timezone.now().timestamp()))
    value["messages"][0]["order"] = cart_of(catalog, ("HAMBURGER", 3, 30))
    for space in range(3):  # other bytes, the same message
        with system("test"):
            events.store_event(
                body=orjson.dumps(body) + b" " * space, account_id=catalog.number.account_id
            )
    settle()
    assert [order.number for order in orders(catalog)] == [1]
    assert stock(catalog) == {"HAMBURGER": 6}
    assert len(shop_messages(catalog)) == 1


def test_orders_use_catalogue_prices_and_a_changed_price_is_reported_first(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    make_product(catalog, "rye", 550, stock=10, title="Rye bread")
    make_product(catalog, "bun", 95, stock=10)
    send(catalog, phone, "order", cart_of(catalog, ("rye", 2, 4.8), ("bun", 1, "0.95")))
    assert orders(catalog) == []
    assert stock(catalog) == {"rye": 10, "bun": 10}
    (content,) = shop_messages(catalog)
    assert (
        content["body"]["text"]
        == "Something has changed:\n• Rye bread costs $5.50 now.\nShall we go on with the rest?"
    )
    with system("test"):
        cart = Cart.objects.get()
    reply = {"id": f"shop:go:{cart.code}", "title": "Go on"}
    assert [button["reply"] for button in content["action"]["buttons"]] == [reply]
    for _ in range(2):  # tapped twice
        send(catalog, phone, "interactive", {"type": "button_reply", "button_reply": reply})
    (order,) = orders(catalog)
    assert lines(order) == [("rye", 2, 550), ("bun", 1, 95)]
    assert stock(catalog) == {"rye": 8, "bun": 9}


def test_unknown_sold_out_and_scarce_products_are_listed_in_one_message(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    make_product(catalog, "rye", 480, stock=0, title="Rye bread")
    make_product(catalog, "bun", 95, stock=2, title="Bun")
    make_product(catalog, "old", 95, availability="discontinued", title="Old cake")
    send(
        catalog,
        phone,
        "order",
        cart_of(catalog, ("rye", 1, 4.8), ("bun", 6, 0.95), ("old", 1, 1), ("xyz", 1, 1)),
    )
    (content,) = shop_messages(catalog)
    assert content["body"]["text"] == (
        "Something has changed:\n• Rye bread is sold out.\n• Only 2 of Bun are left.\n"
        "• Old cake is not sold any more.\n"
        "• xyz is not sold any more.\nShall we go on with the rest?"
    )
    reply = content["action"]["buttons"][0]["reply"]
    send(catalog, phone, "interactive", {"type": "button_reply", "button_reply": reply})
    (order,) = orders(catalog)
    assert lines(order) == [("bun", 2, 95)]
    assert stock(catalog) == {"rye": 0, "bun": 0, "old": None}


def test_where_nothing_can_be_had_there_is_no_button(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    send(catalog, phone, "order", cart_of(catalog, ("xyz", 1, 1)))
    assert shop_messages(catalog) == [
        {"body": "Nothing of this can be ordered now:\n• xyz is not sold any more."}
    ]
    with system("test"):
        assert (Order.objects.count(), Cart.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        ([], "The order is empty."),
        ([("rye", -1, 1)], "A line of this order cannot be read."),
        ([("rye", "two", 1)], "A line of this order cannot be read."),
        ([("rye", 1000, 4.8)], "rye: from 1 to 999 can be ordered."),
        ([("rye", 0, 4.8)], "rye: from 1 to 999 can be ordered."),
    ],
)
def test_a_cart_that_makes_no_sense_is_answered_and_holds_nothing(
    catalog: Catalog, phone: SimulatedPhone, items: list[Any], answer: str
) -> None:
    make_product(catalog, "rye", 480)
    send(catalog, phone, "order", cart_of(catalog, *items))
    assert shop_messages(catalog) == [{"body": answer}]
    assert orders(catalog) == []
    with system("test"):
        assert IncomingOrder.objects.count() == 0


def test_a_closed_shop_says_so(catalog: Catalog, phone: SimulatedPhone) -> None:
    rye = make_product(catalog, "rye", 480, stock=3)
    with system("test"):
        Catalog.objects.update(is_open=False)
    send(catalog, phone, "order", cart_of(catalog, ("rye", 1, 4.8)))
    assert shop_messages(catalog) == [{"body": "The shop is closed and takes no orders now."}]
    assert (orders(catalog), stock(catalog)) == ([], {"rye": rye.stock})


def test_delivery_is_chosen_in_the_chat_with_its_price(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    make_product(catalog, "rye", 480)
    make_delivery(catalog, "Pick-up", 0, needs_address=False)
    dispatch = make_delivery(catalog, "Dispatch", 450, position=1)
    make_delivery(catalog, "Drone", 99, is_active=False)
    send(catalog, phone, "order", cart_of(catalog, ("rye", 1, 4.8)))
    (question,) = shop_messages(catalog)
    assert question["body"]["text"] == (
        "Your order #1\n1 × Rye  $4.80\nTotal $4.80\nHow shall we bring it to you?"
    )
    rows = question["action"]["sections"][0]["rows"]
    assert [(row["title"], row["description"]) for row in rows] == [
        ("Pick-up", "free"),
        ("Dispatch", "$4.50"),
    ]
    send(catalog, phone, "interactive", {"type": "list_reply", "list_reply": rows[1]})
    (order,) = orders(catalog)
    assert (order.delivery_name, order.delivery_minor, order.total_minor) == (
        "Dispatch",
        dispatch.price_minor,
        930,
    )
    [asked] = shop_messages(catalog)[1:]
    assert asked["type"] == "address_message"
    address = {"name": "Zoe", "address": "Main 1", "city": "Burlington", "postal_code": "05401"}
    filled = json.dumps({"values": address})
    form = {"name": "address_message", "body": "Sent", "response_json": filled}
    send(catalog, phone, "interactive", {"type": "nfm_reply", "nfm_reply": form})
    payment = shop_messages(catalog)[-1]
    sums = payment["action"]["parameters"]["order"]
    assert sums["shipping"] == {"value": 450, "offset": 100, "description": "Dispatch"}


def test_answers_and_carts_of_others_do_nothing(catalog: Catalog, phone: SimulatedPhone) -> None:
    make_product(catalog, "rye", 480, stock=5)
    make_delivery(catalog)
    make_delivery(catalog, "Pick-up", 0)
    send(catalog, phone, "order", cart_of(catalog, ("rye", 1, 4.8)))
    row = shop_messages(catalog)[0]["action"]["sections"][0]["rows"][0]
    with system("test"):
        other = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550999", name="Eve"
        )
    for choice in (
        row,
        row | {"id": "shop:to:x"},
        row | {"id": "shop:go:NOSUCHCODE"},
        row | {"id": "shop:to:1:2:3"},
    ):
        send(catalog, other, "interactive", {"type": "list_reply", "list_reply": choice})
    assert [order.delivery_name for order in orders(catalog)] == [""]
    assert len(shop_messages(catalog)) == 1
    with system("test"):
        assert IncomingOrder.objects.count() == 0


def test_a_text_with_the_code_of_a_cart_orders_it_once(
    catalog: Catalog, phone: SimulatedPhone
) -> None:
    rye = make_product(catalog, "rye", 480, stock=5)
    with system("test"):
        cart = Cart.objects.create(business=catalog.business, catalog=catalog)
        cart.lines.create(business=catalog.business, product=rye, quantity=2)
    for _ in range(2):
        send(catalog, phone, "text", {"body": f"Hello! I would like to order: #{cart.code}"})
    (order,) = orders(catalog)
    assert (order.cart_id, lines(order), stock(catalog)) == (cart.pk, [("rye", 2, 480)], {"rye": 3})
    send(catalog, phone, "text", {"body": "Is #ABC a code? Or #ABCDEFGHJKMN?"})
    assert len(orders(catalog)) == 1


def test_a_number_without_a_shop_takes_no_orders(phone: SimulatedPhone) -> None:
    number = make_number(phone.business)
    with scope(phone.business_id):
        sandbox.send_from_phone(
            simulated_phone=phone,
            number=number,
            kind="order",
            content={
                "catalog_id": "1",
                "product_items": [{"product_retailer_id": "x", "quantity": 1}],
            },
        )
    settle()
    with system("test"):
        assert (Order.objects.count(), IncomingOrder.objects.count()) == (0, 0)
        assert Message.objects.filter(number=number).count() == 1


def test_order_updates_are_written_by_the_database(catalog: Catalog, phone: SimulatedPhone) -> None:
    make_product(catalog, "rye", 480)
    send(catalog, phone, "order", cart_of(catalog, ("rye", 1, 4.8)))
    with system("test"), connection.cursor() as cursor:
        cursor.execute("UPDATE shops_order SET way = 'cash', state = 'confirmed'")
        cursor.execute("UPDATE shops_order SET state = 'shipped', tracking = 'L-42'")
    settle()
    with system("test"):
        kinds = [(news.kind, news.notified_at is None) for news in OrderUpdate.objects.all()]
    assert kinds == [("placed", False), ("confirmed", False), ("shipped", False)]
    assert [content.get("body", {}).get("text") for content in shop_messages(catalog)[1:]] == [
        "Bakery has your order #1. Please pay $4.80 when it arrives.",
        "Your order #1 is on its way.\nL-42",
    ]
    assert [
        content["action"]["parameters"]["order"]["status"] for content in shop_messages(catalog)[1:]
    ] == [
        "processing",
        "shipped",
    ]


def test_orders_show_their_products_in_the_thread(catalog: Catalog, phone: SimulatedPhone) -> None:
    from hosting import extensions

    make_product(catalog, "rye", 480, sale_price_minor=400, title="Rye bread")
    with scope(catalog.business_id):
        cards = extensions.cards_for(catalog.business_id, {"rye", "xyz"})
    assert cards == {"rye": extensions.ProductCard("Rye bread", "$4.00", "$4.80")}
