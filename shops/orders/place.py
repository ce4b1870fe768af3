"""Placing orders and changing their state: goods and prices are fixed in one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from core.errors import BadInput
from core.queue.sweep import for_each
from core.sql import statement
from core.tenancy import system
from hosting.models import Conversation, Message
from shops.errors import OutOfStock, ShopError, WrongState
from shops.models import (
    Cart,
    Catalog,
    Order,
    OrderLine,
    OrderState,
    PaymentWay,
    Product,
)
from shops.models.carts import MAX_QUANTITY
from shops.models.catalogs import SELLABLE
from shops.orders.totals import sums_of

MAX_LINES = 100
# The column that stores when a state was reached.
STATE_TIMESTAMPS = {
    OrderState.CONFIRMED: "confirmed_at",
    OrderState.PACKED: "packed_at",
    OrderState.SHIPPED: "shipped_at",
    OrderState.DELIVERED: "delivered_at",
    OrderState.CANCELLED: "ended_at",
    OrderState.EXPIRED: "ended_at",
}
RELEASED_STATES = {OrderState.CANCELLED, OrderState.EXPIRED}


class NotSold(ShopError):
    """Some products cannot be ordered; `retailer_ids` names them."""

    code = "not_sold"

    def __init__(self, retailer_ids: Iterable[str]) -> None:
        self.retailer_ids = sorted(retailer_ids)
        super().__init__(f"Not sold here: {', '.join(self.retailer_ids)}.")


class ShopClosed(ShopError):
    """The shop takes no orders now."""

    code = "shop_closed"
    message = "The shop is closed and takes no orders now."


@dataclass(frozen=True, slots=True)
class RequestedItems:
    """Requested quantities by retailer id."""

    quantities: Mapping[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raise BadInput for no line, too many lines, or a quantity out of range."""
        if not self.quantities:
            raise BadInput("The order is empty.", field="product_items")
        if len(self.quantities) > MAX_LINES:
            raise BadInput(f"An order has at most {MAX_LINES} lines.", field="product_items")
        for retailer_id, quantity in self.quantities.items():
            if not 1 <= quantity <= MAX_QUANTITY:
                raise BadInput(
                    f"{retailer_id}: from 1 to {MAX_QUANTITY} can be ordered.", field="quantity"
                )


def place_order(
    *,
    catalog: Catalog,
    conversation: Conversation,
    wanted: RequestedItems,
    message: Message | None = None,
    cart: Cart | None = None,
    buyer_note: str = "",
) -> Order:
    """Reserve the goods and create the order at current prices.

    Raises BadInput, ShopClosed, NotSold or OutOfStock, and reserves nothing then. The database
    refuses a second order for the same message or cart (IntegrityError). Call inside the business's
    scope. Locks: products by id, then the catalogue.
    """
    wanted.check()
    if not catalog.is_open:
        raise ShopClosed
    products = _lock_products(catalog, wanted)
    number = _next_number(catalog)
    now = catalog.business.now()
    rows = [(product, wanted.quantities[product.retailer_id]) for product in products]
    sums = sums_of(
        [(product.current_minor * count, product.tax_percent) for product, count in rows],
        tax_included=catalog.tax_included,
    )
    order = Order.objects.create(
        business_id=catalog.business_id,
        catalog=catalog,
        number=number,
        conversation=conversation,
        message=message,
        cart=cart,
        currency=catalog.currency,
        tax_included=catalog.tax_included,
        subtotal_minor=sums.subtotal,
        tax_minor=sums.tax,
        total_minor=sums.total,
        buyer_note=buyer_note[:1000],
        expires_at=now + timedelta(minutes=catalog.hold_minutes),
        placed_at=now,
    )
    _create_lines(order, rows)
    move_stock(order, sign=-1, reason="ordered")
    return order


def _create_lines(order: Order, rows: Iterable[tuple[Product, int]]) -> None:
    OrderLine.objects.bulk_create(
        OrderLine(
            business_id=order.business_id,
            order=order,
            position=position,
            product=product,
            retailer_id=product.retailer_id,
            title=product.full_title[:200],
            quantity=count,
            unit_minor=product.current_minor,
            amount_minor=product.current_minor * count,
            tax_percent=product.tax_percent,
            is_counted=product.stock is not None,
        )
        for position, (product, count) in enumerate(rows, start=1)
    )


def _lock_products(catalog: Catalog, wanted: RequestedItems) -> list[Product]:
    """The requested products in the order of the request, locked by id.

    Raises NotSold or OutOfStock.
    """
    asked = list(wanted.quantities)
    found = (
        catalog.products.filter(retailer_id__in=asked)
        .order_by("id")
        .select_for_update()
        .select_related(None)
    )
    products = {product.retailer_id: product for product in found}
    for product in products.values():
        product.business = catalog.business
    gone = [
        retailer_id
        for retailer_id in asked
        if retailer_id not in products
        or products[retailer_id].is_hidden
        or products[retailer_id].availability not in SELLABLE
    ]
    if gone:
        raise NotSold(gone)
    short = {
        name: product.stock
        for name, product in products.items()
        if product.stock is not None and product.stock < wanted.quantities[name]
    }
    if short:
        raise OutOfStock(short)
    return [products[retailer_id] for retailer_id in asked]


def _next_number(catalog: Catalog) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE shops_catalog SET last_order = last_order + 1 WHERE id = %s"
            " RETURNING last_order",
            [catalog.pk],
        )
        return int(cursor.fetchone()[0])


def move_stock(order: Order, *, sign: int, reason: str) -> None:
    """Take an order's counted goods from stock (`sign` -1) or return those not returned yet (+1).

    `reason` is stored with the stock move. Raises IntegrityError when stock is too low.
    """
    with stock_reason(reason, order=order), connection.cursor() as cursor:
        cursor.execute(statement("shops", "move_stock"), {"order_id": order.pk, "sign": sign})


def return_goods(order: Order, counts: Mapping[int, int], *, reason: str) -> None:
    """Put quantities of order lines (by position) back in stock, with a reason.

    Raises IntegrityError for more than was ordered.
    """
    if not counts:
        return
    given: dict[str, Any] = {
        "order_id": order.pk,
        "positions": list(counts),
        "counts": list(counts.values()),
    }
    with stock_reason(reason, order=order), connection.cursor() as cursor:
        cursor.execute(statement("shops", "return_goods"), given)


class stock_reason:
    """Context manager: stock changes of this transaction are stored with this reason."""

    def __init__(
        self, reason: str, *, order: Order | None = None, author: User | None = None
    ) -> None:
        self.settings = [
            reason[:120],
            str(order.pk) if order else "",
            str(author.pk) if author else "",
        ]

    def __enter__(self) -> None:
        self._set(self.settings)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._set(["", "", ""])

    @staticmethod
    def _set(values: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('parley.stock_reason', %s, true),"
                " set_config('parley.stock_order', %s, true),"
                " set_config('parley.stock_author', %s, true)",
                values,
            )


def confirm_unpaid(order: Order, *, way: PaymentWay) -> Order:
    """Confirm an order paid on delivery or by transfer.

    Raises WrongState where the shop does not accept that.
    """
    order = lock_order(order)
    taken = {
        PaymentWay.CASH: order.catalog.takes_cash,
        PaymentWay.TRANSFER: order.catalog.takes_transfer,
    }
    if not taken.get(way, False):
        raise WrongState("The shop does not take this way of paying.")
    return change_state(order, to=OrderState.CONFIRMED, way=way)


def mark_paid(order: Order, *, way: PaymentWay, amount_minor: int) -> Order:
    """Record what a payment brought (minor units), and confirm an order that waited for it.

    An expired order reserves its goods again if they are in stock; otherwise it stays expired and
    paid, and is to be refunded. Raises WrongState if it is paid already. Call in the transaction
    that changes the payment's row.
    """
    order = lock_order(order)
    if order.is_paid and order.total_minor:
        raise WrongState("The order is paid already.")
    now = order.business.now()
    Order.objects.filter(pk=order.pk).update(paid_minor=amount_minor, paid_at=now, way=way)
    order.refresh_from_db()
    if order.state == OrderState.EXPIRED and not _reserve_again(order):
        return order
    if order.state in (OrderState.PLACED, OrderState.EXPIRED):
        return change_state(order, to=OrderState.CONFIRMED)
    return order


def _reserve_again(order: Order) -> bool:
    rows = order.lines.filter(is_counted=True).select_related("product")
    ids = [row.product_id for row in rows if row.product_id is not None]
    left = {
        p.pk: p.stock for p in Product.objects.filter(pk__in=ids).order_by("id").select_for_update()
    }
    for row in rows:
        stock = left.get(row.product_id or 0, 0)
        if stock is not None and stock < row.quantity:
            return False
    move_stock(order, sign=-1, reason="paid late")
    return True


def change_state(order: Order, *, to: OrderState, **fields: Any) -> Order:
    """Change an order's state; raises WrongState where the change is not allowed.

    Goods of an order that is cancelled or expires are released. `fields` are written with the
    state: way, tracking, reason.
    """
    order = lock_order(order)
    if to not in NEXT_STATES[OrderState(order.state)]:
        raise WrongState(f"An order that is {order.state} cannot become {to}.")
    if to in NEEDS_PAYMENT and not (order.is_paid or order.way == PaymentWay.CASH):
        raise WrongState("The order is not paid yet.")
    Order.objects.filter(pk=order.pk).update(
        state=to, **{STATE_TIMESTAMPS[to]: order.business.now()}, **fields
    )
    if to in RELEASED_STATES:
        move_stock(order, sign=1, reason=str(to))
    order.refresh_from_db()
    return order


# The same rules as in `order_steps.sql`: here for buttons and error messages, there as a guarantee.
NEXT_STATES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PLACED: frozenset({OrderState.CONFIRMED, OrderState.CANCELLED, OrderState.EXPIRED}),
    OrderState.EXPIRED: frozenset({OrderState.CONFIRMED}),
    OrderState.CONFIRMED: frozenset(
        {OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED, OrderState.CANCELLED}
    ),
    OrderState.PACKED: frozenset({OrderState.SHIPPED, OrderState.DELIVERED, OrderState.CANCELLED}),
    OrderState.SHIPPED: frozenset({OrderState.DELIVERED}),
    OrderState.DELIVERED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
NEEDS_PAYMENT = {OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED}


def lock_order(order: Order) -> Order:
    """The order read from the database again, locked."""
    return (
        Order.objects.select_for_update(of=("self",))
        .select_related("business", "catalog")
        .get(pk=order.pk)
    )


def expire_due(limit: int = 200) -> int:
    """Expire orders that were not paid in time and release their goods; returns their number."""
    with system("orders of every shop"):
        keys = list(_expired().values_list("pk", flat=True)[:limit])
    return for_each(keys, _expire)


def _expired() -> QuerySet[Order]:
    due = Order.objects.overdue().order_by("expires_at")
    # A live payment may still succeed: its status is looked up before the order can expire.
    return due.exclude(payments__status__in=["open", "pending", "unknown"])


def _expire(order_id: int) -> bool:
    with system("orders of every shop"):
        order = _expired().select_for_update(of=("self",)).filter(pk=order_id).first()
        if order is None:
            return False
        change_state(order, to=OrderState.EXPIRED)
        return True
