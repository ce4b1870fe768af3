"""The demo's shop: orders in every state, made in the chat, with sums that add up."""

from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest
from django.core.wsgi import get_wsgi_application

from core.tenancy import system
from demo import seed, shop
from demo.orders import PURCHASES, OrderSimulation
from hosting.models import Message
from shops import sales_report
from shops.models import BuyerRefund, Catalog, IncomingOrder, Order, OrderUpdate, StockMove

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_the_demo_has_orders_in_every_state_made_in_the_chat() -> None:
    demo = seed.create(httpx.WSGITransport(app=get_wsgi_application()))
    shop.open_shop(demo.business, demo.number)
    OrderSimulation(demo.business, demo.number, demo.phones, NOW).run_until(NOW)
    seed._drain()
    with system("test"):
        orders = list(Order.objects.order_by("number"))
        states = Counter(order.state for order in orders)
        assert states == {
            "placed": 2,
            "confirmed": 2,
            "packed": 2,
            "shipped": 2,
            "delivered": 6,
            "cancelled": 1,
            "expired": 1,
        }
        assert [order.number for order in orders] == list(range(1, len(PURCHASES) + 1))
        assert sorted(order.placed_at for order in orders) == [order.placed_at for order in orders]
        assert all(order.placed_at <= NOW for order in orders)
        assert all(order.message_id or order.cart_id for order in orders)
        assert list(BuyerRefund.objects.order_by("id").values_list("amount_minor", "lines")) == [
            (5490, {}),
            (1300, {"1": 1}),
        ]
        assert not IncomingOrder.objects.exists()
        assert not OrderUpdate.objects.filter(notified_at=None).exists()
        assert not Order.objects.filter(notes__text__startswith="The buyer was not").exists()
        # What goes out long after the buyer wrote, goes as a template.
        names = Message.objects.filter(kind="template").values_list("content__name", flat=True)
        assert set(names) == {"order_status_update"}
        assert StockMove.objects.filter(reason="expired").get().change == 3
        catalog = Catalog.objects.select_related("business").get(slug=shop.SLUG)
        catalog.business.clock_at = NOW
        report = sales_report.sales_report(catalog, 30)
    assert sum(1 for day in report.days if day.orders) == 11
