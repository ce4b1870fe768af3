"""Cards through the seller's Stripe account: one page an attempt, repeated and reordered webhooks,
refunds once.
"""

import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.queue import QueueRow
from core.tenancy import scope, system
from hosting.models import SimulatedPhone
from shops.models import BuyerPayment, BuyerRefund, Catalog, Order, ShopGatewayEvent
from shops.payments import card_refunds, refunds, stripe_events, stripe_gateway
from shops.tasks import sweep
from tests.billing.fake_stripe import FakeStripe
from tests.shops.chat.test_orders_intake import cart_of, send
from tests.shops.sample_data import make_catalog, make_product

pytestmark = pytest.mark.django_db
SECRET = "whsec_shop"


@pytest.fixture
def network(settings: Any) -> Iterator[FakeStripe]:
    fake = FakeStripe()
    settings.STRIPE_API_BASE = fake.url
    yield fake
    fake.stop()


@pytest.fixture
def catalog() -> Catalog:
    catalog = make_catalog(
        currency="USD", stripe_key="sk_test_seller", stripe_webhook_secret=SECRET
    )
    make_product(catalog, "rye", 480, stock=9)
    return catalog


@pytest.fixture
def order(catalog: Catalog, network: FakeStripe) -> Order:
    """Two breads: $9.60."""
    with system("test"):
        phone = SimulatedPhone.objects.create(
            business=catalog.business, wa_id="14155550123", name="Zoe"
        )
    send(catalog, phone, "order", cart_of(catalog, ("rye", 2, 4.8)))
    return fresh()


def fresh() -> Order:
    with system("test"):
        return Order.objects.select_related("business", "catalog").get()


def payments() -> list[tuple[str, bool, int]]:
    with system("test"):
        return list(
            BuyerPayment.objects.order_by("id").values_list("status", "is_sandbox", "amount_minor")
        )


def a_minute_passes(model: type[QueueRow]) -> None:
    """What waits for another attempt is due."""
    with system("test"):
        model._default_manager.update(not_before=timezone.now() - timedelta(minutes=1))


def open_page(order: Order) -> Any:
    return Client().post(reverse("shop_pay_page", args=[order.token]))


def post_event(catalog: Catalog, event_id: str, object_id: str, *, secret: str = SECRET) -> int:
    event = {
        "id": event_id,
        "object": "event",
        "type": "checkout.session.completed",
        "data": {"object": {"id": object_id}},
    }
    body, at = json.dumps(event).encode(), int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    address = reverse("shop_stripe", args=[catalog.catalog_id])
    headers = {"Stripe-Signature": f"t={at},v1={digest}"}
    return (
        Client().post(address, body, content_type="application/json", headers=headers).status_code
    )


def test_an_order_has_one_page_and_repeated_webhooks_pay_it_once(
    catalog: Catalog, order: Order, network: FakeStripe
) -> None:
    assert "https://pay.example/1" in open_page(order).content.decode()
    assert open_page(order).status_code == 200
    assert payments() == [("pending", False, 960)]
    session = network.finish_payment()
    for event_id in ("evt_2", "evt_1", "evt_2", "evt_1"):
        assert post_event(catalog, event_id, session) == 200
    with system("test"):
        assert ShopGatewayEvent.objects.count() == 2
    assert stripe_events.apply_due() == 2
    assert stripe_events.apply_due() == 0
    assert (fresh().state, fresh().paid_minor, payments()) == (
        "confirmed",
        960,
        [("succeeded", False, 960)],
    )
    assert network.charges == [960]


def test_a_webhook_that_is_not_the_sellers_changes_nothing(catalog: Catalog, order: Order) -> None:
    assert post_event(catalog, "evt_1", "cs_1", secret="whsec_other") == 400
    with system("test"):
        assert ShopGatewayEvent.objects.count() == 0


def test_an_unknown_result_is_looked_up_again(
    catalog: Catalog, order: Order, network: FakeStripe
) -> None:
    open_page(order)
    post_event(catalog, "evt_1", network.finish_payment())
    network.refuse = 1
    assert (stripe_events.apply_due(), stripe_events.apply_due()) == (1, 0)
    assert payments() == [("pending", False, 960)]
    a_minute_passes(ShopGatewayEvent)
    assert stripe_events.apply_due() == 1
    assert fresh().paid_minor == 960


def test_the_buyer_who_comes_back_sees_it_paid(order: Order, network: FakeStripe) -> None:
    open_page(order)
    network.finish_payment()
    page = Client().get(reverse("shop_pay", args=[order.token]), {"back": "1"})
    assert "Your payment has arrived." in page.content.decode()
    assert fresh().paid_minor == 960


def test_the_page_of_an_expired_order_is_closed_and_its_goods_are_free(
    order: Order, network: FakeStripe
) -> None:
    open_page(order)
    with system("test"):
        Order.objects.update(expires_at=order.placed_at)
    sweep()
    assert (fresh().state, payments()) == ("expired", [("cancelled", False, 960)])
    assert [thing["status"] for thing in network.things.values()] == ["expired"]


def test_refunds_are_requested_until_they_have_a_result(
    catalog: Catalog, order: Order, network: FakeStripe
) -> None:
    open_page(order)
    post_event(catalog, "evt_1", network.finish_payment())
    stripe_events.apply_due()
    with scope(catalog.business_id):
        refunds.refund(fresh(), amount_minor=480)
    network.refuse = 1
    assert (card_refunds.send_due(), card_refunds.send_due()) == (1, 0)
    a_minute_passes(BuyerRefund)
    assert (card_refunds.send_due(), card_refunds.send_due()) == (1, 0)
    with system("test"):
        assert list(BuyerRefund.objects.values_list("status", "amount_minor")) == [
            ("succeeded", 480)
        ]
    assert [
        thing["amount"] for thing in network.things.values() if thing["object"] == "refund"
    ] == [480]


def test_amounts_leave_as_stripe_counts_them(catalog: Catalog, network: FakeStripe) -> None:
    payment = BuyerPayment(amount_minor=1200, currency="ISK", key="order-1-attempt-1")
    page = stripe_gateway.create_payment_page(payment, catalog, name="Order", back="/")
    payment.reference = network.finish_payment()
    assert (page.status, network.charges) == ("pending", [120000])
    refund = BuyerRefund(payment=payment, amount_minor=700, key="refund-1")
    assert stripe_gateway.send_refund(refund, catalog).status == "succeeded"
    assert network.things["re_2"]["amount"] == 70000
    payment.currency, payment.amount_minor = "KWD", 5124
    refused = stripe_gateway.create_payment_page(payment, catalog, name="Order", back="/")
    assert (refused.status, refused.failure) == (
        "failed",
        "Stripe takes KWD in steps of 0.010, not 5.124.",
    )
    assert len(network.things) == 2


def test_events_of_unknown_kinds_are_kept(catalog: Catalog, order: Order) -> None:
    body = b'{"id": "evt_9", "object": "v2.core.event", "type": "v2.core.account.closed"}'
    at = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    address = reverse("shop_stripe", args=[catalog.catalog_id])
    for signature, status in ((f"t={at},v1={digest}", 200), (f"t={at},v1=00", 400)):
        answer = Client().post(
            address, body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        assert answer.status_code == status
    assert stripe_events.apply_due() == 0
    with system("test"):
        (kept,) = ShopGatewayEvent.objects.exclude(applied_at=None)
    assert (kept.event_id, kept.kind, kept.object_id) == ("evt_9", "v2.core.account.closed", "")
    assert (fresh().state, payments()) == ("placed", [])
