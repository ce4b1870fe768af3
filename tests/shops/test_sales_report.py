"""Sales report: exact sums by day and product, conversion of chats, cost of their messages."""

from datetime import UTC, date, datetime, timedelta

import pytest

from billing.metering import meter
from billing.models import Charge
from core.tenancy import scope, system
from hosting.models import Conversation
from shops import sales_report
from shops.models import Order, OrderState, PaymentWay
from shops.orders.place import RequestedItems, change_state, place_order
from tests.factories import make_business, make_deliveries
from tests.shops.catalog.test_pages import login
from tests.shops.sample_data import make_catalog, make_conversation, make_product, pay_in_full

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


def at(business, moment):
    with system("test"):
        business.clock_at = moment
        business.save(update_fields=["clock_at"])


def sell(shop, conversation, *, paid=True, at_moment=NOON, **quantities):
    at(shop.business, at_moment)
    with scope(shop.business_id):
        order = place_order(
            catalog=shop, conversation=conversation, wanted=RequestedItems(quantities)
        )
        return pay_in_full(order, PaymentWay.TRANSFER) if paid else order


@pytest.fixture
def shop():
    # Half past midnight in Berlin is still the day before in UTC.
    shop = make_catalog(make_business(timezone="Europe/Berlin"))
    make_product(shop, "rye", 450, title="Rye")
    make_product(shop, "bun", 80, title="Bun")
    return shop


def wrote(conversation, moment):
    with system("test"):
        Conversation.objects.filter(pk=conversation.pk).update(last_inbound_at=moment)
    return conversation


def test_sales_are_summed_by_day_of_the_business_and_by_product(shop):
    ann = wrote(make_conversation(shop), NOON)
    sell(shop, ann, rye=2, bun=5)
    late = sell(shop, ann, rye=1, at_moment=datetime(2026, 5, 10, 22, 30, tzinfo=UTC))
    gone = sell(shop, ann, bun=10)
    sell(shop, ann, bun=100, paid=False)
    with scope(shop.business_id):
        change_state(gone, to=OrderState.CANCELLED)
        line = late.lines.get()
        late.lines.filter(pk=line.pk).update(refunded_quantity=0)
        Order.objects.filter(pk=late.pk).update(refunded_minor=50)
    at(shop.business, NOON + timedelta(days=1))
    with scope(shop.business_id):
        found = sales_report.sales_report(shop, 7)
    assert (found.since, found.until, len(found.days)) == (date(2026, 5, 5), date(2026, 5, 11), 7)
    assert [(d.day, d.orders, d.amount_minor) for d in found.days if d.orders] == [
        (date(2026, 5, 10), 1, 1300),
        (date(2026, 5, 11), 1, 400),
    ]
    assert (found.orders, found.amount_minor, found.average_minor) == (2, 1700, 850)
    assert [(b.retailer_id, b.title, b.pieces, b.amount_minor) for b in found.best] == [
        ("rye", "Rye", 3, 1350),
        ("bun", "Bun", 5, 400),
    ]


def test_chats_that_became_orders_are_counted_once(shop):
    buyer, waiting, silent, old = (make_conversation(shop) for _ in range(4))
    for conversation in (buyer, waiting, silent):
        wrote(conversation, NOON)
    wrote(old, NOON - timedelta(days=40))
    sell(shop, buyer, rye=1)
    sell(shop, buyer, bun=1)
    sell(shop, waiting, rye=1, paid=False)
    with scope(shop.business_id):
        found = sales_report.sales_report(shop, 30).conversion
    assert (found.chats, found.ordered, found.sold, found.percent) == (3, 2, 1, 33.3)


def test_revenue_stands_beside_what_the_messages_of_the_same_chats_cost(shop):
    business = shop.business
    buyer = wrote(make_conversation(shop, "14155550100"), NOON)
    sell(shop, buyer, rye=1)
    ids = make_deliveries(business, shop.number, 3, to="14155550100", at=NOON)
    make_deliveries(business, shop.number, 5, to="14155550199", at=NOON)
    meter.meter_due()
    with system("test"):
        cost = sum(Charge.objects.filter(message_id__in=ids).values_list("price_micros", flat=True))
    with scope(business.pk):
        found = sales_report.sales_report(shop, 30)
    assert cost > 0
    assert (found.cost_micros, found.messages) == (cost, 3)


def test_another_shops_sales_are_not_seen(shop):
    other = make_catalog()
    make_product(other, "rye", 450)
    sell(other, make_conversation(other), rye=1)
    at(shop.business, NOON)
    with scope(shop.business_id):
        found = sales_report.sales_report(shop, 30)
    assert (found.orders, found.best, found.conversion.sold) == (0, [], 0)


def test_the_page_shows_it_to_who_may_see_it(shop):
    assert (
        "No orders in these days" in login(shop.business, "finance").get("/shop/").content.decode()
    )
    sell(shop, wrote(make_conversation(shop), NOON), rye=2)
    page = login(shop.business, "finance").get("/shop/?days=7").content.decode()
    assert ("€9.00" in page, "100.0 %" in page, 'href="/shop/products/' in page) == (
        True,
        True,
        False,
    )
    assert login(shop.business, "viewer").get("/shop/").status_code == 403
