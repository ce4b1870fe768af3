"""Carting: what a buyer gathers on the shop's page, and how it goes on in the chat; one cart for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urlencode

import segno
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import BadInput
from hosting.models import Handset
from hosting.models.numbers import Transport
from shops.catalog.products import with_first_picture
from shops.models import Cart, Catalog, Product
from shops.models.carts import CODE_LENGTH, CODE_LETTERS, MOST_OF_ONE
from shops.orders.place import MOST_LINES


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product, and whether it can be had."""

    product: Product
    quantity: int

    @property
    def amount_minor(self) -> int:
        """What they cost now, in minor units."""
        return self.product.current_minor * self.quantity

    @property
    def missing(self) -> int:
        """How many of them are not there."""
        stock = self.product.stock
        return 0 if stock is None else max(0, self.quantity - stock)


def cart_at(catalog: Catalog, code: str) -> Cart | None:
    """The open cart of this code: neither ordered nor forgotten."""
    if len(code) != CODE_LENGTH or set(code) - set(CODE_LETTERS):
        return None
    return Cart.objects.filter(
        catalog=catalog, code=code, order=None, expires_at__gt=timezone.now()
    ).first()


def put(catalog: Catalog, cart: Cart | None, *, product_id: int, quantity: int, add: bool) -> Cart:
    """Set how many of a product are in the cart (0: none), or add to what is there; makes the cart where there is none.

    Raises BadInput for a product that is not sold, or more than a cart holds. Call inside the shop's scope.
    """
    if not 0 <= quantity <= MOST_OF_ONE:
        raise BadInput(
            _("From 1 to %(most)d can be ordered.") % {"most": MOST_OF_ONE}, field="quantity"
        )
    if not catalog.products.shown().filter(pk=product_id).exists():
        raise BadInput(_("This is not sold here any more."), field="product")
    cart = cart or Cart.objects.create(business_id=catalog.business_id, catalog=catalog)
    if not quantity:
        cart.lines.filter(product=product_id).delete()
        return cart
    if cart.lines.exclude(product=product_id).count() >= MOST_LINES:
        raise BadInput(
            _("A cart has at most %(most)d products.") % {"most": MOST_LINES}, field="product"
        )
    with connection.cursor() as cursor:
        # Two clicks at once add up; the database keeps one line a product.
        cursor.execute(
            """INSERT INTO shops_cartline AS l (business_id, cart_id, product_id, quantity) VALUES (%s, %s, %s, %s)
               ON CONFLICT (cart_id, product_id) DO UPDATE
                  SET quantity = least(CASE WHEN %s THEN l.quantity ELSE 0 END + EXCLUDED.quantity, %s)""",
            [catalog.business_id, cart.pk, product_id, quantity, add, MOST_OF_ONE],
        )
    return cart


def lines_of(cart: Cart | None, catalog: Catalog) -> list[Line]:
    """What is in it, in the order in which it was gathered, at today's prices."""
    if cart is None:
        return []
    rows = list(cart.lines.order_by("id").values_list("product_id", "quantity"))
    found = with_first_picture(catalog.products.shown().filter(pk__in=[pk for pk, _count in rows]))
    products = {product.pk: product for product in found}
    for product in products.values():
        product.business = catalog.business
    return [Line(products[pk], count) for pk, count in rows if pk in products]


def total_of(lines: Sequence[Line]) -> int:
    """What the lines come to, in minor units, without delivery."""
    return sum(line.amount_minor for line in lines)


def message_for(catalog: Catalog, cart: Cart | None) -> str:
    """The first message of the chat, ready to send; the code in it names the cart."""
    if cart is None:
        return _("Hello! I have a question about %(shop)s.") % {"shop": catalog.name}
    return _("Hello! I would like to order my cart #%(code)s.") % {"code": cart.code}


def chat_address(catalog: Catalog, cart: Cart | None) -> str:
    """Where the chat opens with that message: wa.me, or a simulated phone for a number of the sandbox."""
    text = message_for(catalog, cart)
    number = catalog.number
    if number.transport != Transport.SANDBOX:
        return f"https://wa.me/{number.digits}?{urlencode({'text': text})}"
    handset = (
        Handset.objects.filter(business_id=catalog.business_id, is_online=True)
        .order_by("name", "id")
        .first()
    )
    if handset is None:
        return reverse("phones")
    return f"{reverse('phone_chat', args=[handset.pk, number.phone_number_id])}?{urlencode({'text': text})}"


def link_of(catalog: Catalog, cart: Cart | None) -> str:
    """Our own address that leads there: short enough for a QR code, and the same while the number changes."""
    path = reverse("shop_chat", args=[catalog.slug])
    return settings.BASE_URL + path + (f"?cart={cart.code}" if cart else "")


def qr_of(link: str) -> bytes:
    """The link as a QR code, SVG."""
    made = BytesIO()
    segno.make(link, error="m").save(
        made, kind="svg", border=2, xmldecl=False, svgns=True, dark="#111516", light="#fff"
    )
    return made.getvalue()
