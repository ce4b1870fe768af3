"""The shop's pages of the navigation, and its settings."""

from django.db.models import Exists, OuterRef
from django.db.models.expressions import BaseExpression, Combinable
from django.utils.translation import gettext_noop as _

from accounts.dashboard.checklist import Step
from accounts.dashboard.navigation import SHOP, Page, Setting, pages, settings
from accounts.models import ADMINS, AGENTS, Role
from shops.models import Product

SELLERS = frozenset(map(str, AGENTS))
ENTRY = _("Shop")
PAGES = (
    Page(
        _("Orders"),
        "shop_orders",
        "cart",
        200,
        SELLERS,
        ENTRY,
        "store",
        _("order, ship, pack, refund, sold"),
    ),
    Page(
        _("Products"),
        "shop_products",
        "tag",
        210,
        SELLERS,
        ENTRY,
        "store",
        _("product, catalogue, catalog, stock, price, inventory"),
    ),
    # Finance sees the sales figures of the shop and nothing else of it.
    Page(
        _("Sales"),
        "shop_sales",
        "store",
        220,
        SELLERS | {str(Role.FINANCE)},
        ENTRY,
        "store",
        _("sales, revenue, turnover, best products"),
    ),
    Page(
        _("Import and export"),
        "shop_imports",
        "upload",
        230,
        SELLERS,
        ENTRY,
        "store",
        _("feed, csv, product import, xml"),
    ),
)
SETTINGS = (
    Setting(
        SHOP,
        _("Shop settings"),
        "shop_settings",
        "store",
        60,
        frozenset(map(str, ADMINS)),
        _("Name, address, currency, ways to pay, shipping methods, collections."),
        _("shop, store, shipping, delivery, payment methods, collection, stripe"),
    ),
)


def _has_product() -> BaseExpression | Combinable:
    return Exists(Product.objects.filter(business=OuterRef("pk")))


PRODUCT_STEP = Step(
    _("Add your first product"),
    _("Customers order and pay in the chat."),
    "shop_new_product",
    50,
    _has_product,
)


def register() -> None:
    """Register all of them."""
    for page in PAGES:
        pages.register(page)
    for setting in SETTINGS:
        settings.register(setting)
