"""The amount of an order stays while a payment is under way; booked is what was paid."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from core.tenancy import scope, system
from shops.errors import TooMuch, WrongState
from shops.models import (
    BuyerPayment,
    BuyerRefund,
    Catalog,
    DeliveryMethod,
    Order,
    OrderLine,
    PaymentStatus,
    PaymentWay,
)
from shops.orders.delivery import choose_delivery
from shops.orders.place import RequestedItems, lock_order, place_order
from shops.orders.totals import tax_of
from shops.payments import attempts, refunds
from tests.shops.sample_data import (
    make_catalog,
    make_conversation,
    make_delivery,
    make_product,
    pay_in_full,
)

pytestmark = pytest.mark.django_db
ASKED = {"number": "4000-0027-6000-3184", "expiry": "12/34", "code": "123"}


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(currency="USD", takes_cash=True, takes_transfer=True)
    make_product(catalog, "chair", 10_000)
    return catalog


@pytest.fixture
def pickup(catalog: Catalog) -> DeliveryMethod:
    return make_delivery(catalog, "Pick-up", 0, needs_address=False)


@pytest.fixture
def courier(catalog: Catalog) -> DeliveryMethod:
    return make_delivery(catalog, "Courier", 5_000, needs_address=False)


@pytest.fixture
def order(catalog: Catalog, pickup: DeliveryMethod) -> Order:
    """A chair for $100.00, picked up."""
    conversation = make_conversation(catalog)
    with scope(catalog.business_id):
        order = place_order(
            catalog=catalog, conversation=conversation, wanted=RequestedItems({"chair": 1})
        )
        return choose_delivery(order, method=pickup)


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(IntegrityError, match=words), system("test"), transaction.atomic():  # noqa: PT012
        yield
        connection.check_constraints()


def test_another_delivery_ends_a_test_card_that_waits_for_its_confirmation(
    order: Order, courier: DeliveryMethod
) -> None:
    with scope(order.business_id):
        waiting = attempts.pay_by_test_card(order, **ASKED)
        assert (waiting.status, waiting.amount_minor) == ("pending", 10_000)
        order = choose_delivery(order, method=courier)
        assert order.total_minor == 15_000
        waiting.refresh_from_db()
        assert (waiting.status, waiting.amount_minor) == ("cancelled", 10_000)
        with pytest.raises(WrongState):
            attempts.answer_bank(order, accepted=True)
        order.refresh_from_db()
        assert (order.state, order.paid_minor) == ("placed", 0)
        attempts.pay_by_test_card(order, **ASKED)
        attempts.answer_bank(order, accepted=True)
        order.refresh_from_db()
    assert (order.state, order.paid_minor, order.refundable_minor) == ("confirmed", 15_000, 15_000)


def test_a_payment_with_the_network_freezes_the_amount(
    order: Order, courier: DeliveryMethod, pickup: DeliveryMethod
) -> None:
    with scope(order.business_id):
        live = attempts.new_attempt(
            lock_order(order), way=PaymentWay.CARD, status=PaymentStatus.PENDING
        )
        with pytest.raises(WrongState, match="payment of this order is under way"):
            choose_delivery(order, method=courier)
        order.refresh_from_db()
        assert (order.delivery_name, order.total_minor) == ("Pick-up", 10_000)
        # What leaves the amount as it is may still change.
        choose_delivery(order, method=pickup, address={"phone": "+4930123456"})
        attempts.settle(live, status=PaymentStatus.SUCCEEDED)
        order.refresh_from_db()
        assert (order.paid_minor, order.refundable_minor) == (10_000, 10_000)
        assert order.address == {"phone": "+4930123456"}
        with pytest.raises(TooMuch):
            refunds.refund(order, amount_minor=15_000)
        assert not BuyerRefund.objects.exists()
        refunds.refund(order, amount_minor=10_000)
        assert order.payments.get().refunds.get().amount_minor == 10_000


def test_a_failed_payment_frees_the_amount(order: Order, courier: DeliveryMethod) -> None:
    with scope(order.business_id):
        live = attempts.new_attempt(lock_order(order), way=PaymentWay.CARD)
        attempts.settle(live, status=PaymentStatus.FAILED, failure="declined")
        assert choose_delivery(order, method=courier).total_minor == 15_000


def test_the_database_refuses_amounts_that_do_not_fit(
    order: Order, courier: DeliveryMethod
) -> None:
    # The functions lock the order first, so only a program that is wrong could do these.
    other = {"business_id": order.business_id, "order": order, "way": "card"}
    with refused("a payment of 9999 USD does not fit an order of 10000 USD"):
        BuyerPayment.objects.create(**other, amount_minor=9_999, currency="USD", key="1")
    with refused("a payment of 10000 EUR does not fit"):
        BuyerPayment.objects.create(**other, amount_minor=10_000, currency="EUR", key="1")
    with refused("its payments brought 0"):
        Order.objects.update(paid_minor=10_000)
    with scope(order.business_id):
        attempts.new_attempt(lock_order(order), way=PaymentWay.CARD)
    with refused("the amount of an order stays"):
        Order.objects.update(delivery_minor=5_000, total_minor=15_000)
    with refused("amount, currency and order of a payment are final"):
        BuyerPayment.objects.update(amount_minor=1)
    with refused("what was ordered and its price are final"):
        OrderLine.objects.update(unit_minor=1, amount_minor=1)
    with scope(order.business_id):
        order.refresh_from_db()
    assert (order.total_minor, order.paid_minor) == (10_000, 0)


def test_the_database_refuses_more_refunds_than_were_paid(order: Order) -> None:
    with scope(order.business_id):
        pay_in_full(order)
        refunds.refund(order, amount_minor=9_999)
        payment = order.payments.get()
    refund = {"business_id": order.business_id, "payment": payment}
    with refused("refunds of 10001 do not fit a payment of 10000"):
        BuyerRefund.objects.create(**refund, amount_minor=2, key="2")
    with system("test"):
        BuyerRefund.objects.create(**refund, amount_minor=1, key="2")
    with refused("refunds of 10001 do not fit"):
        BuyerRefund.objects.create(**refund, amount_minor=1, key="3")


def test_an_order_that_costs_another_sum_than_its_lines_is_refused(order: Order) -> None:
    with refused("an order over 9000 has lines of 0"):
        order.pk, order.number, order.token, order.cart = None, 2, "other", None
        order.subtotal_minor, order.total_minor = 9_000, 9_000
        order.save(force_insert=True)


def test_half_a_cent_of_tax_is_rounded_up() -> None:
    assert tax_of(10050, Decimal(25), tax_included=False) == 2513
    assert tax_of(50, Decimal(1), tax_included=False) == 1
    assert tax_of(49, Decimal(1), tax_included=False) == 0
    # 105 with 5 % in it hold exactly 5; 1260 with 5 % hold 60.
    assert tax_of(105, Decimal(5), tax_included=True) == 5
