"""Sales report: sales by day and product, conversion of chats, and cost of their messages."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import DecimalField, Sum

from core.sql import statement
from hosting import extensions
from hosting.models import Conversation, Direction, Message
from shops.models import Catalog, Order, OrderState

TOP_PRODUCTS = 10
SOLD_STATES = [OrderState.CONFIRMED, OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED]


@dataclass(frozen=True, slots=True)
class DaySales:
    """Orders confirmed on one day and their amount in minor units."""

    day: date
    orders: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ProductSales:
    """Pieces sold of one product and their amount in minor units, without delivery."""

    retailer_id: str
    title: str
    product_id: int | None
    pieces: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """Chats in which buyers wrote, chats with an order, chats with a confirmed order."""

    chats: int
    ordered: int
    sold: int

    @property
    def percent(self) -> float:
        """Share of chats with a confirmed order, in percent with one decimal."""
        return round(self.sold * 100 / self.chats, 1) if self.chats else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Sales of a shop from `since` to `until`.

    `cost_micros` is in millionths of the business's currency, which may differ from the shop's.
    """

    since: date
    until: date
    days: list[DaySales]
    best: list[ProductSales]
    conversion: Conversion
    cost_micros: int
    messages: int

    @property
    def orders(self) -> int:
        """Number of confirmed orders."""
        return sum(day.orders for day in self.days)

    @property
    def amount_minor(self) -> int:
        """Sales in minor units."""
        return sum(day.amount_minor for day in self.days)

    @property
    def average_minor(self) -> int:
        """Average amount of an order in minor units."""
        return self.amount_minor // self.orders if self.orders else 0


def sales_report(catalog: Catalog, days: int) -> Report:
    """Report on the last `days` days including today, in the business's time zone.

    Call inside the business's scope.
    """
    zone = ZoneInfo(catalog.business.timezone)
    until = catalog.business.now().astimezone(zone).date()
    since = until - timedelta(days=days - 1)
    start = datetime.combine(since, time(), zone)
    names = {"business_id": catalog.business_id, "catalog_id": catalog.pk}
    with connection.cursor() as cursor:
        cursor.execute(
            statement("shops", "sales_by_day"),
            names | {"since": since, "until": until, "zone": str(zone)},
        )
        by_day = [DaySales(*row) for row in cursor.fetchall()]
        cursor.execute(
            statement("shops", "sales_by_product"), names | {"since": start, "limit": TOP_PRODUCTS}
        )
        best = [ProductSales(*row) for row in cursor.fetchall()]
    cost, messages = _message_costs(catalog, start)
    return Report(since, until, by_day, best, _conversion(catalog, start), cost, messages)


def _conversion(catalog: Catalog, start: datetime) -> Conversion:
    chats = Conversation.objects.filter(
        business=catalog.business_id, number=catalog.number_id, last_inbound_at__gte=start
    )
    placed = Order.objects.filter(catalog=catalog, placed_at__gte=start).exclude(conversation=None)
    sold = placed.filter(state__in=SOLD_STATES)
    return Conversion(chats.count(), _count_chats(placed), _count_chats(sold))


def _count_chats(orders: Any) -> int:
    return int(orders.values("conversation").distinct().count())


def _message_costs(catalog: Catalog, start: datetime) -> tuple[int, int]:
    """Cost in micros and number of messages the shop sent in chats with confirmed orders."""
    sold = Order.objects.filter(catalog=catalog, confirmed_at__gte=start, state__in=SOLD_STATES)
    sent = Message.objects.filter(
        business=catalog.business_id,
        conversation__in=sold.values("conversation"),
        direction=Direction.OUT,
        created_at__gte=start,
    )
    costs = [cost() for cost in extensions.message_costs]
    sums = [
        sent.annotate(micro=cost).aggregate(sum=Sum("micro", output_field=DecimalField()))
        for cost in costs
    ]
    total = sum(found["sum"] or 0 for found in sums)
    return int(total), sent.count()
