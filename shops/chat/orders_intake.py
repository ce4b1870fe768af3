"""Order intake: order messages, cart codes and replies in a chat become orders at current
prices.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from core import money
from core.errors import BadInput, ParleyError
from core.queue import Claimed, OneByOne, Queue
from core.queue.work import work
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.models import Conversation, Message
from shops import texts
from shops.chat import address, send
from shops.errors import OutOfStock
from shops.models import Cart, CartLine, Catalog, IncomingOrder, Order, Product
from shops.models.carts import CODE_LENGTH, CODE_LETTERS
from shops.models.catalogs import SELLABLE
from shops.orders.delivery import choose_delivery
from shops.orders.place import NotSold, RequestedItems, place_order

CART_CODE = re.compile(rf"#([{CODE_LETTERS}]{{{CODE_LENGTH}}})(?![0-9A-Z])")


@dataclass(frozen=True, slots=True)
class RequestedCart:
    """Quantities of an order message, and the prices it showed, where it has them."""

    quantities: dict[str, int]
    prices: dict[str, tuple[Decimal, str]]


@dataclass(frozen=True, slots=True)
class Differences:
    """Texts on what changed since the buyer looked, and the quantities that can still be
    ordered.
    """

    changes: list[str]
    left: dict[str, int]


def process_due() -> int:
    """Process waiting messages, each in its own transaction; returns how many were claimed."""
    return work(QUEUE)


def _process(row: Claimed) -> None:
    found = Message.objects.select_related(
        "business__plan", "number__account", "conversation__contact"
    )
    if message := found.filter(pk=row.key).first():
        message.conversation.business, message.conversation.number = (
            message.business,
            message.number,
        )
        process_message(message)


QUEUE = Queue(
    name="incoming_orders",
    about="Messages of buyers that a shop answers: orders, replies to its questions, carts.",
    model=IncomingOrder,
    work=OneByOne(_process),
    is_open=Q(),
    dead_title=_lazy("Order messages not processed"),
)


def process_message(message: Message) -> None:
    """Process an inbound message for the shop; call inside the business's scope."""
    {"order": _process_order, "interactive": _process_reply}.get(message.kind, _process_text)(
        message
    )


def read_order_message(content: dict[str, Any]) -> RequestedCart:
    """Parse an `order` message; raises BadInput for unreadable items."""
    quantities: dict[str, int] = {}
    prices: dict[str, tuple[Decimal, str]] = {}
    for item in map(as_dict, as_list(content.get("product_items"))):
        name, count = as_text(item.get("product_retailer_id")), as_text(item.get("quantity"))
        if not name or not (count.isascii() and count.isdigit() and len(count) < 7):
            raise BadInput(_("A line of this order cannot be read."), field="product_items")
        quantities[name] = quantities.get(name, 0) + int(count)
        if (price := _decimal(item.get("item_price"))) is not None:
            prices[name] = (price, as_text(item.get("currency")).upper())
    return RequestedCart(quantities, prices)


def _decimal(value: Any) -> Decimal | None:
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def catalog_for_message(message: Message) -> Catalog | None:
    """The shop an order is for: by the catalogue id it names (ours or the upstream's), else the
    number's only shop.
    """
    named = as_text(message.content.get("catalog_id"))
    shops = Catalog.objects.filter(business=message.business)
    found = shops.filter(Q(catalog_id=named) | Q(upstream_id=named)).first() if named else None
    of_number = list(shops.filter(number=message.number)[:2]) if found is None else []
    catalog = found or (of_number[0] if len(of_number) == 1 else None)
    if catalog is not None:
        catalog.business = message.business
    return catalog


def _process_order(message: Message) -> None:
    catalog = catalog_for_message(message)
    if catalog is None:
        return
    with translation.override(catalog.language):
        try:
            asked = read_order_message(message.content)
        except BadInput as error:
            send.send_to_buyer(message.conversation, texts.text_message(error.message))
            return
        note = as_text(message.content.get("text"))
        place_or_explain(catalog, message.conversation, asked, message=message, buyer_note=note)


def place_or_explain(
    catalog: Catalog,
    conversation: Conversation,
    asked: RequestedCart,
    *,
    message: Message | None = None,
    cart: Cart | None = None,
    buyer_note: str = "",
) -> Order | None:
    """Place the order and ask for the next step, or send one message on what changed.

    Returns the order, or None where none was placed.
    """
    wanted = RequestedItems(asked.quantities)
    try:
        wanted.check()
        found = differences(catalog, asked)
        if not (catalog.is_open and found.changes):
            with transaction.atomic():
                order = place_order(
                    catalog=catalog,
                    conversation=conversation,
                    wanted=wanted,
                    message=message,
                    cart=cart,
                    buyer_note=buyer_note,
                )
            send.ask_next(order, conversation)
            return order
    except (NotSold, OutOfStock):
        found = differences(catalog, asked)  # another order took the goods meanwhile
    except IntegrityError:
        return _ask_for_existing(conversation, message, cart)
    except ParleyError as error:
        send.send_to_buyer(conversation, texts.text_message(error.message))
        return None
    _offer_rest(catalog, conversation, found)
    return None


def _ask_for_existing(
    conversation: Conversation, message: Message | None, cart: Cart | None
) -> Order | None:
    """Ask for the next step of the order that was made already from this message or cart."""
    which = Q(message=message) if message else Q(pk=None)
    which |= Q(cart=cart) if cart else Q(pk=None)
    order = Order.objects.filter(which, conversation=conversation).select_related("catalog").first()
    if order is not None and order.state == "placed":
        send.ask_next(order, conversation)
    return order


def differences(catalog: Catalog, asked: RequestedCart) -> Differences:
    """How the requested cart differs from current products, stock and prices."""
    found = catalog.products.filter(retailer_id__in=asked.quantities)
    products = {product.retailer_id: product for product in found}
    changes, left = [], {}
    for name, count in asked.quantities.items():
        product = products.get(name)
        if product is None or product.is_hidden or product.availability not in SELLABLE:
            changes.append(_("%(product)s is not sold any more.") % {"product": product or name})
            continue
        product.business = catalog.business
        can_have = count if product.stock is None else min(count, product.stock)
        if can_have:
            left[name] = can_have
        if change := _describe_change(catalog, product, count, can_have, asked.prices.get(name)):
            changes.append(change)
    return Differences(changes, left)


def _describe_change(
    catalog: Catalog, product: Product, count: int, can_have: int, seen: tuple[Decimal, str] | None
) -> str:
    if not can_have:
        return _("%(product)s is sold out.") % {"product": product}
    if can_have < count:
        return _("Only %(n)d of %(product)s are left.") % {"n": can_have, "product": product}
    now = money.minor_amount(product.current_minor, catalog.currency)
    if seen is None or seen == (now, catalog.currency) or (seen[0] == now and not seen[1]):
        return ""
    price = texts.format_minor(product.current_minor, catalog.currency)
    return _("%(product)s costs %(price)s now.") % {"product": product, "price": price}


def _offer_rest(catalog: Catalog, conversation: Conversation, found: Differences) -> None:
    cart = _new_cart(catalog, conversation, found.left) if found.left else None
    send.send_to_buyer(conversation, texts.changes_message(found.changes, cart))


def _new_cart(catalog: Catalog, conversation: Conversation, quantities: Mapping[str, int]) -> Cart:
    cart = Cart.objects.create(
        business_id=catalog.business_id, catalog=catalog, conversation=conversation
    )
    products = catalog.products.filter(retailer_id__in=quantities)
    CartLine.objects.bulk_create(
        CartLine(
            business_id=catalog.business_id,
            cart=cart,
            product=product,
            quantity=min(quantities[product.retailer_id], 999),
        )
        for product in sorted(
            products, key=lambda product: list(quantities).index(product.retailer_id)
        )
    )
    return cart


def delete_expired_carts() -> int:
    """Delete expired carts without an order; returns their number. Call across businesses."""
    return Cart.objects.filter(expires_at__lte=Now(), order=None).delete()[1].get("shops.Cart", 0)


def _process_reply(message: Message) -> None:
    if "nfm_reply" in message.content:
        address.apply_address_form(message)
        return
    reply = as_dict(message.content.get("button_reply") or message.content.get("list_reply"))
    answer = as_text(reply.get("id"))
    if answer.startswith(texts.CONTINUE_PREFIX):
        cart = _carts(message).filter(
            code=answer.removeprefix(texts.CONTINUE_PREFIX), conversation=message.conversation
        )
        _order_cart(cart.first(), message)
    elif answer.startswith(texts.DELIVERY_PREFIX):
        _choose_delivery(message, answer.removeprefix(texts.DELIVERY_PREFIX).split(":"))


def _process_text(message: Message) -> None:
    if match := CART_CODE.search(message.text):
        cart = _carts(message).filter(
            Q(conversation=None) | Q(conversation=message.conversation), code=match[1]
        )
        _order_cart(cart.first(), message)


def _carts(message: Message) -> Any:
    return Cart.objects.filter(business=message.business).select_related("catalog")


def _order_cart(cart: Cart | None, message: Message) -> None:
    if cart is None:
        return
    cart.catalog.business = message.business
    Cart.objects.filter(pk=cart.pk).update(conversation=message.conversation)
    lines = cart.lines.order_by("id").values_list("product__retailer_id", "quantity")
    with translation.override(cart.catalog.language):
        # The database refuses a second order too; this check avoids a misleading reply.
        if Order.objects.filter(cart=cart).exists():
            _ask_for_existing(message.conversation, None, cart)
            return
        place_or_explain(
            cart.catalog,
            message.conversation,
            RequestedCart(dict(lines), {}),
            message=message,
            cart=cart,
        )


def _choose_delivery(message: Message, ids: Sequence[str]) -> None:
    order_id, method_id = (
        int(one) if one.isdecimal() and len(one) < 19 else 0 for one in (*ids, "", "")[:2]
    )
    order = (
        Order.objects.filter(pk=order_id, conversation=message.conversation)
        .select_related("catalog")
        .first()
    )
    if order is None:
        return
    with translation.override(order.catalog.language):
        method = order.catalog.delivery_methods.filter(pk=method_id, is_active=True).first()
        try:
            if method is None:
                send.ask_next(order, message.conversation)
                return
            order = choose_delivery(order, method=method)
        except ParleyError as error:
            send.send_to_buyer(message.conversation, texts.text_message(error.message), order=order)
            return
        send.ask_address_and_payment(order, message.conversation)
