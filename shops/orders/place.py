"""Ordering: goods are held and prices fixed in one transaction; then an order goes step by step, or gives back."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import User
from core.errors import BadInput
from core.sql import statement
from core.territories import country_name
from hosting.models import Conversation, Message
from shops.errors import OutOfStock, ShopError, WrongState
from shops.models import (
    Cart,
    Catalog,
    DeliveryMethod,
    Order,
    OrderLine,
    OrderState,
    PaymentWay,
    Product,
)
from shops.models.carts import MOST_OF_ONE
from shops.models.catalogs import SELLABLE
from shops.orders.totals import Sums, sums_of

MOST_LINES = 100
# An address's fields, and what people call them.
ADDRESS = {
    "name": _lazy("Name"), "street": _lazy("Street and number"), "city": _lazy("Town"), "postcode": _lazy("Postcode"),
    "region": _lazy("Region"), "country": _lazy("Country"), "phone": _lazy("Phone"),
}  # fmt: skip
LONGEST_FIELD = 200
INDIAN_POSTCODE = re.compile(r"[1-9][0-9]{5}")
# When a state was reached is written where the state is.
REACHED = {
    OrderState.CONFIRMED: "confirmed_at",
    OrderState.PACKED: "packed_at",
    OrderState.SHIPPED: "shipped_at",
    OrderState.DELIVERED: "delivered_at",
    OrderState.CANCELLED: "ended_at",
    OrderState.EXPIRED: "ended_at",
}
GIVEN_BACK = {OrderState.CANCELLED, OrderState.EXPIRED}


class NotSold(ShopError):
    """Some of it cannot be ordered; `retailer_ids` names which."""

    code = "not_sold"

    def __init__(self, retailer_ids: Iterable[str]) -> None:
        self.retailer_ids = sorted(retailer_ids)
        super().__init__(f"Not sold here: {', '.join(self.retailer_ids)}.")


class Closed(ShopError):
    """The shop takes no orders now."""

    code = "shop_closed"
    message = "The shop is closed and takes no orders now."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a buyer asks for: retailer id -> how many."""

    quantities: Mapping[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raise BadInput where there is nothing, too many lines, or too many of one."""
        if not self.quantities:
            raise BadInput("The order is empty.", field="product_items")
        if len(self.quantities) > MOST_LINES:
            raise BadInput(f"An order has at most {MOST_LINES} lines.", field="product_items")
        for retailer_id, quantity in self.quantities.items():
            if not 1 <= quantity <= MOST_OF_ONE:
                raise BadInput(
                    f"{retailer_id}: from 1 to {MOST_OF_ONE} can be ordered.", field="quantity"
                )


def place_order(
    *,
    catalog: Catalog,
    conversation: Conversation,
    wanted: Wanted,
    message: Message | None = None,
    cart: Cart | None = None,
    buyer_note: str = "",
) -> Order:
    """Hold the goods and write the order at today's prices; call inside the business's scope.

    Raises BadInput, Closed, NotSold or OutOfStock, and nothing is held then. A second order for the same message or
    cart is refused by the database (IntegrityError). Locks: products by id, then the catalogue.
    """
    wanted.check()
    if not catalog.is_open:
        raise Closed
    products = _lock(catalog, wanted)
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
    OrderLine.objects.bulk_create(
        OrderLine(
            business_id=catalog.business_id,
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
    move_stock(order, sign=-1, reason="ordered")
    return order


def _lock(catalog: Catalog, wanted: Wanted) -> list[Product]:
    """The products in the order in which they were asked for, locked by id; raises when one cannot be had."""
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
            "UPDATE shops_catalog SET last_order = last_order + 1 WHERE id = %s RETURNING last_order",
            [catalog.pk],
        )
        return int(cursor.fetchone()[0])


def move_stock(order: Order, *, sign: int, reason: str) -> None:
    """Take an order's counted goods from stock (-1) or give back (+1) those that are not there yet, and say why.

    Raises IntegrityError when less is there than is taken.
    """
    with explained(reason, order=order), connection.cursor() as cursor:
        cursor.execute(statement("shops", "move_stock"), {"order_id": order.pk, "sign": sign})


def return_goods(order: Order, counts: Mapping[int, int], *, reason: str) -> None:
    """Put so many of each line (by position) on the shelf again, and say why.

    Raises IntegrityError for more than was ordered.
    """
    if not counts:
        return
    given: dict[str, Any] = {
        "order_id": order.pk,
        "positions": list(counts),
        "counts": list(counts.values()),
    }
    with explained(reason, order=order), connection.cursor() as cursor:
        cursor.execute(statement("shops", "return_goods"), given)


class explained:
    """Inside, every change of stock in this transaction is noted with this reason."""

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
                "SELECT set_config('parley.stock_reason', %s, true), set_config('parley.stock_order', %s, true),"
                " set_config('parley.stock_author', %s, true)",
                values,
            )


def choose_delivery(
    order: Order, *, method: DeliveryMethod, address: Mapping[str, Any] | None = None
) -> Order:
    """Set how and where the goods go; the sums follow. Raises WrongState once confirmed, BadInput for the address.

    In a chat the method is chosen first, without `address`; the pay page asks for what is missing.
    """
    order = locked(order)
    if order.state != OrderState.PLACED:
        raise WrongState("Delivery is chosen before the order is confirmed.")
    place = order.address if address is None else checked_address(method, address)
    sums = _with_delivery(order, method)
    Order.objects.filter(pk=order.pk).update(
        delivery_name=method.name,
        delivery_minor=sums.delivery,
        delivery_tax_percent=method.tax_percent,
        tax_minor=sums.tax,
        total_minor=sums.total,
        address=place,
    )
    order.refresh_from_db()
    return order


def _with_delivery(order: Order, method: DeliveryMethod) -> Sums:
    lines = order.lines.values_list("amount_minor", "tax_percent")
    return sums_of(
        lines,
        delivery=method.price_minor,
        delivery_tax=method.tax_percent,
        tax_included=order.tax_included,
    )


def checked_address(method: DeliveryMethod, given: Mapping[str, Any]) -> dict[str, str]:
    """The address's known fields, trimmed; raises BadInput naming a field that is missing, too long or not served."""
    place = {name: str(given.get(name) or "").replace("\0", "").strip() for name in ADDRESS}
    if not method.needs_address:
        return {name: text for name, text in place.items() if text}
    for name in ("name", "street", "city", "country"):
        if not place[name]:
            raise BadInput(
                _("%(field)s: please fill this in.") % {"field": ADDRESS[name]}, field=name
            )
    for name, text in place.items():
        if len(text) > LONGEST_FIELD:
            words = _("%(field)s: %(most)d characters are the most.")
            raise BadInput(words % {"field": ADDRESS[name], "most": LONGEST_FIELD}, field=name)
    _check_place(method, place)
    return {name: text for name, text in place.items() if text}


def _check_place(method: DeliveryMethod, place: dict[str, str]) -> None:
    """Raise BadInput for a country that is none or not served, and an Indian postcode that cannot be."""
    place["country"] = country = place["country"].upper()
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise BadInput(_("Write the country as two letters, such as DE."), field="country")
    if method.served and country not in method.served:
        served = {"method": method.name, "countries": ", ".join(map(country_name, method.served))}
        raise BadInput(_("%(method)s goes to %(countries)s only.") % served, field="country")
    if (
        country == "IN"
        and place["postcode"]
        and not INDIAN_POSTCODE.fullmatch(place["postcode"].replace(" ", ""))
    ):
        raise BadInput(_("A postcode in India has six digits."), field="postcode")


def choose_way(order: Order, *, way: PaymentWay) -> Order:
    """Confirm an order that is paid at the door or by transfer; raises WrongState where the shop does not take it."""
    order = locked(order)
    taken = {
        PaymentWay.CASH: order.catalog.takes_cash,
        PaymentWay.TRANSFER: order.catalog.takes_transfer,
    }
    if not taken.get(way, False):
        raise WrongState("The shop does not take this way of paying.")
    return step(order, to=OrderState.CONFIRMED, way=way)


def mark_paid(order: Order, *, way: PaymentWay) -> Order:
    """Note that the whole total has arrived, and confirm an order that waited for it.

    An order that had expired takes its goods again where they are still there; otherwise it stays expired and paid,
    and is to be refunded. Paid twice is refused (WrongState). Call with the payment's own row changed in the same
    transaction.
    """
    order = locked(order)
    if order.is_paid and order.total_minor:
        raise WrongState("The order is paid already.")
    now = order.business.now()
    Order.objects.filter(pk=order.pk).update(paid_minor=F("total_minor"), paid_at=now, way=way)
    order.refresh_from_db()
    if order.state == OrderState.EXPIRED and not _taken_again(order):
        return order
    if order.state in (OrderState.PLACED, OrderState.EXPIRED):
        return step(order, to=OrderState.CONFIRMED)
    return order


def _taken_again(order: Order) -> bool:
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


def step(order: Order, *, to: OrderState, **fields: Any) -> Order:
    """Bring an order to its next state; raises WrongState where it cannot go there.

    Goods of an order that ends are free again. `fields` are written with it: way, tracking, reason.
    """
    order = locked(order)
    if to not in NEXT[OrderState(order.state)]:
        raise WrongState(f"An order that is {order.state} cannot become {to}.")
    if to in LEAVING and not (order.is_paid or order.way == PaymentWay.CASH):
        raise WrongState("The order is not paid yet.")
    Order.objects.filter(pk=order.pk).update(
        state=to, **{REACHED[to]: order.business.now()}, **fields
    )
    if to in GIVEN_BACK:
        move_stock(order, sign=1, reason=str(to))
    order.refresh_from_db()
    return order


# As `order_steps.sql` has it: here for the buttons and the message, there so that nothing else can happen.
NEXT: dict[OrderState, frozenset[OrderState]] = {
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
LEAVING = {OrderState.PACKED, OrderState.SHIPPED, OrderState.DELIVERED}


def locked(order: Order) -> Order:
    """The same order as the database has it now, locked."""
    return (
        Order.objects.select_for_update(of=("self",))
        .select_related("business", "catalog")
        .get(pk=order.pk)
    )


def expire_due(limit: int = 200) -> int:
    """Give back the goods of orders that were not paid in time; returns how many. Call across businesses."""
    due = Order.objects.overdue().order_by("expires_at")
    # A payment under way may still succeed: it is looked up first, and the order waits for that.
    idle = due.exclude(payments__status__in=["open", "pending", "unknown"])
    orders = list(idle.select_for_update(skip_locked=True, of=("self",))[:limit])
    for order in orders:
        step(order, to=OrderState.EXPIRED)
    return len(orders)
