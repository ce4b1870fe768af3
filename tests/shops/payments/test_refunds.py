"""Refunds that put goods back in stock: optional, with stock moves, each piece once."""

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse

from core.errors import ParleyError
from core.tenancy import scope, system
from hosting.models import SimulatedPhone
from shops import fulfilment
from shops.models import Catalog, Order, StockMove
from shops.orders.place import return_goods
from shops.payments import refunds
from tests.factories import make_key
from tests.shops.chat.test_orders_intake import cart_of, send, stock
from tests.shops.orders.test_pages import act, client, fresh, pay
from tests.shops.sample_data import make_catalog, make_product

__all__ = ["client"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(currency="USD", takes_cash=True)
    make_product(catalog, "rye", 480, title="Rye bread", stock=9)
    make_product(catalog, "mug", 1190, title="Mug", stock=3)
    make_product(catalog, "card", 100, title="Card")
    return catalog


@pytest.fixture
def order(catalog: Catalog) -> Order:
    """Three breads, a mug, a card whose stock is not counted: $27.30, paid."""
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe Field"
        )
    send(
        catalog, phone, "order", cart_of(catalog, ("rye", 3, 4.8), ("mug", 1, 11.9), ("card", 1, 1))
    )
    pay(fresh())
    assert stock(catalog) == {"rye": 6, "mug": 2, "card": None}
    return fresh()


def moves() -> list[tuple[str, int, int | None, str]]:
    """Product, change, resulting stock and reason of the moves since the order."""
    with system("test"):
        rows = (
            StockMove.objects.filter(order__isnull=False).exclude(reason="ordered").order_by("id")
        )
        return list(rows.values_list("product__retailer_id", "change", "stock", "reason"))


def returned(order: Order) -> list[int]:
    with system("test"):
        return list(order.lines.order_by("position").values_list("returned_quantity", flat=True))


def test_the_form_offers_restocking_ticked_until_the_goods_are_sent(
    client: Client, order: Order
) -> None:
    address = reverse("shop_order", args=[order.pk])
    ticked = '<input type="checkbox" name="restock" value="1" checked>'
    assert ticked in client.get(address).content.decode()
    act(client, order, "ship")
    page = client.get(address).content.decode()
    assert 'name="restock"' in page
    assert ticked not in page


def test_goods_refunded_by_line_are_restocked_with_a_stock_move(
    client: Client, catalog: Catalog, order: Order
) -> None:
    assert act(client, order, "refund", **{"line-1": "2", "line-3": "1", "restock": "1"}) == []
    assert (stock(catalog), returned(order)) == ({"rye": 8, "mug": 2, "card": None}, [2, 0, 0])
    assert moves() == [("rye", 2, 8, "refunded")]
    # One bread was stale: money without goods. An amount moves no goods either, ticked or not.
    assert act(client, order, "refund", **{"line-1": "1"}) == []
    assert act(client, order, "refund", amount="1", restock="1") == []
    assert (stock(catalog)["rye"], moves()) == (8, [("rye", 2, 8, "refunded")])
    assert act(client, order, "refund", **{"line-1": "1", "restock": "1"}) == [
        "0 of Rye bread can be refunded."
    ]
    assert act(client, order, "refund", all="1", restock="1") == []  # all that is left: the mug
    assert (stock(catalog), fresh().refundable_minor) == ({"rye": 8, "mug": 3, "card": None}, 0)
    assert act(client, order, "refund", all="1", restock="1") != []
    assert moves() == [("rye", 2, 8, "refunded"), ("mug", 1, 3, "refunded")]


def test_cancelling_gives_back_only_what_is_not_there_yet(
    client: Client, catalog: Catalog, order: Order
) -> None:
    act(client, order, "refund", **{"line-1": "2", "restock": "1"})
    with scope(catalog.business_id):
        cancelled = fulfilment.cancel(fresh())
    assert (cancelled.refunded_minor, cancelled.refundable_minor) == (2730, 0)
    assert stock(catalog) == {"rye": 9, "mug": 3, "card": None}
    assert moves() == [
        ("rye", 2, 8, "refunded"),
        ("rye", 1, 9, "cancelled"),
        ("mug", 1, 3, "cancelled"),
    ]


def test_the_goods_of_an_order_that_has_ended_are_not_put_back_again(
    catalog: Catalog, order: Order
) -> None:
    with system("test"), connection.cursor() as cursor:
        cursor.execute("UPDATE shops_order SET state = 'cancelled'")
    before = stock(catalog)
    with scope(catalog.business_id), pytest.raises(ParleyError, match="back in stock already"):
        refunds.refund(order, lines={1: 1}, restock=True)
    assert (fresh().refunded_minor, stock(catalog)) == (0, before)
    with scope(catalog.business_id):
        assert refunds.refund(order, lines={1: 1}).amount_minor == 480
    assert stock(catalog) == before


def test_the_api_chooses_restocking_and_its_default_depends_on_shipping(
    catalog: Catalog, order: Order
) -> None:
    program = Client(headers={"Authorization": f"Bearer {make_key(catalog.business)}"})

    def refund(**body: object) -> list[int]:
        answer = program.post(
            f"/api/v1/orders/{order.pk}/refunds/", body, content_type="application/json"
        )
        assert answer.status_code == 200
        return [line["returned_quantity"] for line in answer.json()["lines"]]

    assert refund(lines={"1": 1}) == [1, 0, 0]
    assert refund(lines={"1": 1}, restock=False) == [1, 0, 0]
    with scope(catalog.business_id):
        fulfilment.ship(fresh())
    assert refund(lines={"1": 1}) == [1, 0, 0]
    assert refund(lines={"2": 1}, restock=True) == [1, 1, 0]
    assert stock(catalog) == {"rye": 7, "mug": 3, "card": None}
    body = {"amount_minor": 50, "restock": True}
    refused = program.post(
        f"/api/v1/orders/{order.pk}/refunds/", body, content_type="application/json"
    )
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "restock")
    assert fresh().refundable_minor == 100


def test_the_database_refuses_to_restock_a_piece_twice(catalog: Catalog, order: Order) -> None:
    with pytest.raises(IntegrityError, match="line_back_up_to_ordered"), scope(catalog.business_id):
        return_goods(order, {1: 4}, reason="refunded")
    assert stock(catalog) == {"rye": 6, "mug": 2, "card": None}


def test_the_form_offers_what_can_still_be_paid_back(
    client: Client, catalog: Catalog, order: Order
) -> None:
    act(client, order, "refund", **{"line-1": "2", "line-2": "1"})
    page = client.get(reverse("shop_order", args=[order.pk])).content.decode()
    assert 'name="line-1" type="number" min="0" max="1"' in page
    assert 'name="line-2"' not in page
    assert "Partly refunded" in page
    act(client, order, "refund", all="1")
    page = client.get(reverse("shop_order", args=[order.pk])).content.decode()
    assert ("Partly refunded" in page, ">Refunded<" in page) == (False, True)
