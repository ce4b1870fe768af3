"""Selling: how the shop did: sales by day and by product, chats that became orders, and what their messages cost."""

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

BEST = 10
SOLD = [OrderState.CONFIRMED, OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED]


@dataclass(frozen=True, slots=True)
class Day:
    """One day: orders that were confirmed on it, and their money in minor units."""

    day: date
    orders: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Best:
    """One product: pieces that were sold, and their money in minor units, without delivery."""

    retailer_id: str
    title: str
    product_id: int | None
    pieces: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """Chats in which buyers wrote, those with an order, those with one that was confirmed."""

    chats: int
    ordered: int
    sold: int

    @property
    def percent(self) -> float:
        """Chats that became confirmed orders, in percent with one decimal."""
        return round(self.sold * 100 / self.chats, 1) if self.chats else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """A shop's days from `since` on; message costs are millionths of the business's currency, not of the shop's."""

    since: date
    until: date
    days: list[Day]
    best: list[Best]
    conversion: Conversion
    cost_micros: int
    messages: int

    @property
    def orders(self) -> int:
        """Confirmed orders."""
        return sum(day.orders for day in self.days)

    @property
    def amount_minor(self) -> int:
        """Their money."""
        return sum(day.amount_minor for day in self.days)

    @property
    def average_minor(self) -> int:
        """Money of one order."""
        return self.amount_minor // self.orders if self.orders else 0


def report(catalog: Catalog, days: int) -> Report:
    """The last days with today, in the business's zone; call inside its scope."""
    zone = ZoneInfo(catalog.business.timezone)
    until = catalog.business.now().astimezone(zone).date()
    since = until - timedelta(days=days - 1)
    start = datetime.combine(since, time(), zone)
    names = {"business_id": catalog.business_id, "catalog_id": catalog.pk}
    with connection.cursor() as cursor:
        cursor.execute(
            statement("shops", "sales_by_day"), names | {"since": since, "until": until, "zone": str(zone)}
        )  # fmt: skip
        by_day = [Day(*row) for row in cursor.fetchall()]
        cursor.execute(
            statement("shops", "sales_by_product"), names | {"since": start, "limit": BEST}
        )
        best = [Best(*row) for row in cursor.fetchall()]
    cost, messages = _messages(catalog, start)
    return Report(since, until, by_day, best, _conversion(catalog, start), cost, messages)


def _conversion(catalog: Catalog, start: datetime) -> Conversion:
    chats = Conversation.objects.filter(
        business=catalog.business_id, number=catalog.number_id, last_inbound_at__gte=start
    )
    placed = Order.objects.filter(catalog=catalog, placed_at__gte=start).exclude(conversation=None)
    sold = placed.filter(state__in=SOLD)
    return Conversion(chats.count(), _chats_of(placed), _chats_of(sold))


def _chats_of(orders: Any) -> int:
    return int(orders.values("conversation").distinct().count())


def _messages(catalog: Catalog, start: datetime) -> tuple[int, int]:
    """(what the messages of chats with confirmed orders cost, how many the shop sent in them); billing says the price."""
    sold = Order.objects.filter(catalog=catalog, confirmed_at__gte=start, state__in=SOLD)
    sent = Message.objects.filter(
        business=catalog.business_id, conversation__in=sold.values("conversation"), direction=Direction.OUT,
        created_at__gte=start,
    )  # fmt: skip
    costs = [cost() for cost in extensions.message_costs]
    sums = [
        sent.annotate(micro=cost).aggregate(sum=Sum("micro", output_field=DecimalField()))
        for cost in costs
    ]
    total = sum(found["sum"] or 0 for found in sums)
    return int(total), sent.count()
