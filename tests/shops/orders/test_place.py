"""Placing orders: prices when ordered, goods reserved once, state changes enforced by the
database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from core.errors import BadInput
from core.tenancy import scope, system
from hosting.models import Conversation, Message
from shops.errors import OutOfStock, WrongState
from shops.models import (
    BuyerPayment,
    Catalog,
    IncomingOrder,
    Order,
    OrderState,
    PaymentWay,
    Product,
    StockMove,
)
from shops.orders.delivery import choose_delivery
from shops.orders.place import (
    NotSold,
    RequestedItems,
    ShopClosed,
    change_state,
    confirm_unpaid,
    expire_due,
    mark_paid,
    place_order,
    stock_reason,
)
from shops.orders.totals import Sums, sums_of
from tests.factories import make_business
from tests.shops.sample_data import (
    make_catalog,
    make_conversation,
    make_delivery,
    make_product,
    pay_in_full,
)

pytestmark = pytest.mark.django_db
HOME = {"name": "Ann", "street": "Main 1", "city": "Berlin", "postcode": "10115", "country": "de"}


@pytest.fixture
def catalog() -> Catalog:
    return make_catalog(takes_cash=True)


@pytest.fixture
def buyer(catalog: Catalog) -> Conversation:
    return make_conversation(catalog)


def order_of(catalog: Catalog, buyer: Conversation, **quantities: int) -> Order:
    with scope(catalog.business_id):
        return place_order(catalog=catalog, conversation=buyer, wanted=RequestedItems(quantities))


def stock_of(product: Product) -> int | None:
    with system("test"):
        return Product.objects.get(pk=product.pk).stock


@contextmanager
def refused_by_database(name: str) -> Iterator[None]:
    with (
        pytest.raises((IntegrityError, DatabaseError), match=name),
        system("test"),
        transaction.atomic(),
    ):
        yield


def test_an_order_holds_goods_at_the_prices_of_the_moment(
    catalog: Catalog, buyer: Conversation
) -> None:
    now = timezone.now()
    bread = make_product(catalog, "bread", 450, stock=10, tax_percent=Decimal(7))
    make_product(
        catalog,
        "mug",
        1500,
        sale_price_minor=1190,
        sale_until=now + timedelta(days=1),
        tax_percent=Decimal(19),
    )
    make_product(catalog, "tea", 800, sale_price_minor=1, sale_until=now, tax_percent=Decimal(7))
    order = order_of(catalog, buyer, mug=1, bread=3, tea=1)
    with scope(catalog.business_id):
        lines = list(
            order.lines.values_list(
                "retailer_id", "quantity", "unit_minor", "amount_minor", "is_counted"
            )
        )
        moves = list(
            StockMove.objects.order_by("id").values_list(
                "product__retailer_id", "change", "stock", "reason", "order"
            )
        )
    assert lines == [
        ("mug", 1, 1190, 1190, False),
        ("bread", 3, 450, 1350, True),
        ("tea", 1, 800, 800, False),
    ]
    # 7 %: (1350 + 800) x 7 / 107 = 140.65 -> 141; 19 %: 1190 x 19 / 119 = 190.
    assert (order.subtotal_minor, order.tax_minor, order.total_minor) == (3340, 331, 3340)
    assert (order.number, order.state, stock_of(bread)) == (1, "placed", 7)
    assert moves == [("bread", 10, 10, "", None), ("bread", -3, 7, "ordered", order.pk)]
    with system("test"):
        Product.objects.filter(pk=bread.pk).update(price_minor=9900)
        assert order.lines.get(retailer_id="bread").unit_minor == 450


def test_tax_is_rounded_half_up_once_a_rate() -> None:
    lines = [(25, Decimal(10)), (25, Decimal(10)), (333, Decimal("5.5"))]
    assert sums_of(lines, tax_included=False) == Sums(383, 0, 5 + 18, 383 + 23)
    assert sums_of([(5, Decimal(10))], tax_included=False).tax == 1
    assert sums_of([(15, Decimal(10))], tax_included=False).tax == 2
    taxed = sums_of(
        [(1000, Decimal(7))], delivery=490, delivery_tax=Decimal(19), tax_included=False
    )
    assert taxed == Sums(1000, 490, 70 + 93, 1653)


def test_what_cannot_be_had_holds_nothing(catalog: Catalog, buyer: Conversation) -> None:
    bread = make_product(catalog, "bread", stock=2)
    tea = make_product(catalog, "tea", stock=5)
    make_product(catalog, "old", availability="discontinued")
    make_product(catalog, "secret", is_hidden=True)
    with pytest.raises(OutOfStock) as short:
        order_of(catalog, buyer, tea=1, bread=3)
    assert short.value.short == {"bread": 2}
    with pytest.raises(NotSold) as gone:
        order_of(catalog, buyer, tea=1, old=1, secret=1, never=1)
    assert gone.value.retailer_ids == ["never", "old", "secret"]
    for quantities, field in (
        ({}, "product_items"),
        ({"tea": 0}, "quantity"),
        ({"tea": 1000}, "quantity"),
    ):
        with pytest.raises(BadInput) as bad:
            order_of(catalog, buyer, **quantities)
        assert bad.value.field == field
    with system("test"):
        Catalog.objects.update(is_open=False)
        catalog.refresh_from_db()
    with pytest.raises(ShopClosed):
        order_of(catalog, buyer, tea=1)
    with system("test"):
        assert (Order.objects.count(), Catalog.objects.get().last_order) == (0, 0)
        assert StockMove.objects.filter(change__lt=0).count() == 0
    assert (stock_of(bread), stock_of(tea)) == (2, 5)


def test_delivery_changes_the_sums_until_the_order_is_confirmed(
    catalog: Catalog, buyer: Conversation
) -> None:
    make_product(catalog, "bread", 1070, tax_percent=Decimal(7))
    dispatch = make_delivery(catalog, price_minor=595, tax_percent=Decimal(19), countries="DE, AT")
    order = order_of(catalog, buyer, bread=1)
    with scope(catalog.business_id):
        for wrong, field in (
            ({}, "name"),
            (HOME | {"country": "FR"}, "country"),
            (HOME | {"city": "x" * 201}, "city"),
        ):
            with pytest.raises(BadInput) as bad:
                choose_delivery(order, method=dispatch, address=wrong)
            assert bad.value.field == field
        order = choose_delivery(order, method=dispatch, address=HOME | {"odd": "thing"})
        assert (order.subtotal_minor, order.delivery_minor, order.tax_minor, order.total_minor) == (
            1070,
            595,
            165,
            1665,
        )
        assert order.address == HOME | {"country": "DE"}
        order = confirm_unpaid(order, way=PaymentWay.CASH)
        assert (order.state, order.way, order.paid_minor) == ("confirmed", "cash", 0)
        with pytest.raises(WrongState):
            choose_delivery(order, method=dispatch, address=HOME)
        with pytest.raises(WrongState):
            confirm_unpaid(order, way=PaymentWay.TRANSFER)
    with refused_by_database("sums of an order are final"):
        Order.objects.update(delivery_minor=0, total_minor=1070)


def test_goods_leave_paid_and_an_order_is_paid_once(catalog: Catalog, buyer: Conversation) -> None:
    make_product(catalog, "bread", 500)
    with scope(catalog.business_id):
        order = pay_in_full(order_of(catalog, buyer, bread=2))
        assert (order.state, order.paid_minor, order.refundable_minor) == ("confirmed", 1000, 1000)
        with pytest.raises(WrongState):
            mark_paid(order, way=PaymentWay.CARD, amount_minor=1000)
        for state in (OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED):
            order = change_state(order, to=state)
        with pytest.raises(WrongState):
            change_state(order, to=OrderState.CANCELLED)
        unpaid = order_of(catalog, buyer, bread=1)
        with pytest.raises(WrongState):
            change_state(unpaid, to=OrderState.PACKED)
    with refused_by_database("cannot go from delivered to placed"):
        Order.objects.filter(pk=order.pk).update(state="placed")
    with refused_by_database("its payments brought 0"):
        Order.objects.filter(pk=unpaid.pk).update(paid_minor=2000)
    with refused_by_database("refund_up_to_paid"):
        Order.objects.filter(pk=order.pk).update(refunded_minor=1001)
    with refused_by_database("cannot go from placed to packed"):
        Order.objects.filter(pk=unpaid.pk).update(state="packed", way="card")
    with refused_by_database("goods_leave_paid"):
        Order.objects.filter(pk=unpaid.pk).update(state="confirmed", way="card")
        Order.objects.filter(pk=unpaid.pk).update(state="packed")
    with refused_by_database("begins as placed"):
        Order.objects.create(
            business_id=catalog.business_id,
            catalog=catalog,
            number=9,
            currency="EUR",
            tax_included=True,
            state="packed",
            subtotal_minor=0,
            tax_minor=0,
            total_minor=0,
            expires_at=timezone.now(),
        )
    with refused_by_database("one_live_payment_per_order"):
        for key in "ab":
            BuyerPayment.objects.create(
                business_id=catalog.business_id,
                order=order,
                way="card",
                amount_minor=1000,
                currency="EUR",
                key=key,
            )


def test_orders_that_end_give_their_goods_back_once(catalog: Catalog, buyer: Conversation) -> None:
    bread = make_product(catalog, "bread", stock=10)
    cancelled, late, kept = (order_of(catalog, buyer, bread=2) for _ in range(3))
    with scope(catalog.business_id):
        change_state(cancelled, to=OrderState.CANCELLED, reason="changed mind")
        with pytest.raises(WrongState):
            change_state(cancelled, to=OrderState.CANCELLED)
    assert stock_of(bread) == 6
    with system("test"):
        Order.objects.filter(pk=late.pk).update(expires_at=timezone.now())
        assert (expire_due(), expire_due()) == (1, 0)
    assert stock_of(bread) == 8
    with system("test"):
        kept.refresh_from_db()
        late.refresh_from_db()
        changes = list(StockMove.objects.order_by("id").values_list("change", "reason"))
    assert (kept.state, late.state) == ("placed", "expired")
    assert changes == [(10, "")] + [(-2, "ordered")] * 3 + [(2, "cancelled"), (2, "expired")]


def test_a_payment_under_way_keeps_the_goods(catalog: Catalog, buyer: Conversation) -> None:
    bread = make_product(catalog, "bread", stock=2)
    order = order_of(catalog, buyer, bread=2)
    with system("test"):
        Order.objects.update(expires_at=timezone.now())
        BuyerPayment.objects.create(
            business_id=catalog.business_id,
            order=order,
            way="card",
            amount_minor=1000,
            currency="EUR",
            key="k",
        )
        assert expire_due() == 0
    assert stock_of(bread) == 0


@pytest.mark.parametrize(("left", "state"), [(2, "confirmed"), (1, "expired")])
def test_paid_too_late_takes_the_goods_again_or_waits_for_a_refund(
    catalog: Catalog, buyer: Conversation, left: int, state: str
) -> None:
    bread = make_product(catalog, "bread", 500, stock=2)
    order = order_of(catalog, buyer, bread=2)
    with system("test"):
        Order.objects.update(expires_at=timezone.now())
        expire_due()
        with stock_reason("counted anew"):
            Product.objects.update(stock=left)
    with scope(catalog.business_id):
        order = pay_in_full(order)
    assert (order.state, order.paid_minor) == (state, 1000)
    assert stock_of(bread) == (0 if state == "confirmed" else 1)


def test_order_messages_wait_for_their_order_and_history_does_not(
    catalog: Catalog, buyer: Conversation
) -> None:
    with system("test"):
        facts = {
            "business_id": catalog.business_id,
            "conversation": buyer,
            "number": catalog.number,
            "contact_id": buyer.contact_id,
            "status": "received",
        }
        wanted = Message.objects.create(kind="order", direction="in", **facts)
        Message.objects.create(kind="order", direction="in", imported_from_id=1, **facts)
        Message.objects.create(kind="text", direction="in", **facts)
        assert list(IncomingOrder.objects.values_list("message", "attempts")) == [(wanted.pk, 0)]


def test_rows_of_one_shop_cannot_name_anothers(catalog: Catalog) -> None:
    other = make_catalog(make_business("Florist"))
    with refused_by_database("shops_product_catalog_id_"):
        Product.objects.create(
            business_id=other.business_id,
            catalog=catalog,
            retailer_id="x",
            title="X",
            price_minor=1,
        )
    with scope(other.business_id):
        assert list(Catalog.objects.values_list("pk", flat=True)) == [other.pk]
