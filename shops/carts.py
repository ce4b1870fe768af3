"""Carts of the shop's page, and the links and QR codes that continue them in the chat."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urlencode

import segno
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import links
from core.errors import BadInput
from hosting.models import SimulatedPhone
from hosting.models.numbers import Transport
from shops.catalog.products import with_first_picture
from shops.models import Cart, Catalog, Product
from shops.models.carts import CODE_LENGTH, CODE_LETTERS, MAX_QUANTITY
from shops.orders.place import MAX_LINES


@dataclass(frozen=True, slots=True)
class CartItem:
    """One product of a cart with its quantity."""

    product: Product
    quantity: int

    @property
    def amount_minor(self) -> int:
        """Price of the quantity now, in minor units."""
        return self.product.current_minor * self.quantity

    @property
    def missing(self) -> int:
        """How many pieces are asked for beyond the stock; 0 where stock is not counted."""
        stock = self.product.stock
        return 0 if stock is None else max(0, self.quantity - stock)


def open_cart(catalog: Catalog, code: str) -> Cart | None:
    """The cart with this code if it is neither ordered nor expired, else None."""
    if len(code) != CODE_LENGTH or set(code) - set(CODE_LETTERS):
        return None
    return Cart.objects.filter(
        catalog=catalog, code=code, order=None, expires_at__gt=timezone.now()
    ).first()


def set_quantity(
    catalog: Catalog, cart: Cart | None, *, product_id: int, quantity: int, add: bool
) -> Cart:
    """Set the quantity of a product (0 removes it), or add to it with `add`.

    Creates the cart where `cart` is None. Raises BadInput for a product that is not sold or for
    more than a cart may hold. Call inside the shop's scope.
    """
    if not 0 <= quantity <= MAX_QUANTITY:
        raise BadInput(
            _("From 1 to %(most)d can be ordered.") % {"most": MAX_QUANTITY}, field="quantity"
        )
    if not catalog.products.shown().filter(pk=product_id).exists():
        raise BadInput(_("This is not sold here any more."), field="product")
    cart = cart or Cart.objects.create(business_id=catalog.business_id, catalog=catalog)
    if not quantity:
        cart.lines.filter(product=product_id).delete()
        return cart
    if cart.lines.exclude(product=product_id).count() >= MAX_LINES:
        raise BadInput(
            _("A cart has at most %(most)d products.") % {"most": MAX_LINES}, field="product"
        )
    with connection.cursor() as cursor:
        # Concurrent additions add up; the database keeps one line per product.
        cursor.execute(
            """
            INSERT INTO shops_cartline AS l (business_id, cart_id, product_id, quantity)
            VALUES (%s, %s, %s, %s)
            ON CONFLICT (cart_id, product_id) DO UPDATE
               SET quantity = least(
                       CASE WHEN %s THEN l.quantity ELSE 0 END + EXCLUDED.quantity, %s)
            """,
            [catalog.business_id, cart.pk, product_id, quantity, add, MAX_QUANTITY],
        )
    return cart


def cart_items(cart: Cart | None, catalog: Catalog) -> list[CartItem]:
    """The items of a cart at current prices, in the order in which they were added."""
    if cart is None:
        return []
    rows = list(cart.lines.order_by("id").values_list("product_id", "quantity"))
    found = with_first_picture(catalog.products.shown().filter(pk__in=[pk for pk, _count in rows]))
    products = {product.pk: product for product in found}
    for product in products.values():
        product.business = catalog.business
    return [CartItem(products[pk], count) for pk, count in rows if pk in products]


def items_total(lines: Sequence[CartItem]) -> int:
    """Sum of the items in minor units, without delivery."""
    return sum(line.amount_minor for line in lines)


def first_message(catalog: Catalog, cart: Cart | None) -> str:
    """Text of the buyer's first message; its code names the cart."""
    if cart is None:
        return _("Hello! I have a question about %(shop)s.") % {"shop": catalog.name}
    return _("Hello! I would like to order my cart #%(code)s.") % {"code": cart.code}


def chat_url(catalog: Catalog, cart: Cart | None, guest: SimulatedPhone | None = None) -> str:
    """URL that opens the chat with the first message.

    It is a wa.me link, or a simulated phone's chat for a number of the sandbox: the guest's, else
    the first one.
    """
    text = first_message(catalog, cart)
    number = catalog.number
    if number.transport != Transport.SANDBOX:
        return f"https://wa.me/{number.digits}?{urlencode({'text': text})}"
    simulated_phone = guest or (
        SimulatedPhone.objects.filter(business_id=catalog.business_id, is_online=True)
        .order_by("name", "id")
        .first()
    )
    if simulated_phone is None:
        return reverse("phones")
    path = reverse("phone_chat", args=[simulated_phone.pk, number.phone_number_id])
    return f"{path}?{urlencode({'text': text})}"


def cart_link(catalog: Catalog, cart: Cart | None) -> str:
    """Our own URL that redirects to the chat.

    Short enough for a QR code, and stable when the shop's number changes.
    """
    path = reverse("shop_chat", args=[catalog.slug])
    return links.absolute(path + (f"?cart={cart.code}" if cart else ""))


def qr_svg(link: str) -> bytes:
    """The link as a QR code in SVG."""
    made = BytesIO()
    segno.make(link, error="m").save(
        made, kind="svg", border=2, xmldecl=False, svgns=True, dark="#111516", light="#fff"
    )
    return made.getvalue()
