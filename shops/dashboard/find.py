"""Orders and products that the command menu finds."""

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.dashboard.finders import MOST, Finder, Found
from accounts.models import AGENTS, Business
from shops.models import Order, Product


def orders(business: Business, words: str) -> list[Found]:
    """Orders of the business by number, or by a part of the buyer's name; the newest first."""
    number = words.lstrip("#")
    wanted = Q(conversation__contact__name__icontains=words) | Q(address__name__icontains=words)
    if number.isdecimal() and len(number) < 10:
        wanted |= Q(number=int(number))
    found = Order.objects.filter(wanted, business=business).select_related("conversation__contact")
    return [
        Found(
            _("Order %(number)s") % {"number": f"#{one.number}"},
            reverse("shop_order", args=[one.pk]),
            "cart",
            one.get_state_display(),
        )
        for one in found.order_by("-id")[:MOST]
    ]


def products(business: Business, words: str) -> list[Found]:
    """Products of the business by a part of the title, or by the seller's id."""
    wanted = Q(title__icontains=words) | Q(retailer_id__iexact=words)
    found = Product.objects.filter(wanted, business=business).order_by("-id")
    return [
        Found(one.title, reverse("shop_product", args=[one.pk]), "tag", one.retailer_id)
        for one in found[:MOST]
    ]


SELLERS = frozenset(map(str, AGENTS))
ORDERS = Finder("orders", orders, SELLERS)
PRODUCTS = Finder("products", products, SELLERS)
