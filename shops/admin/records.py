"""Read-only records of shops in the admin; an operator can close a shop or hide a product."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_site.base import BusinessLink, ReadOnlyAdmin, ReadOnlyInline
from accounts.admin_site.queues import QueueAdmin, QueueStateFilter
from accounts.admin_site.texts import TextAdmin
from core import money
from shops import tasks
from shops.models import (
    BuyerPayment,
    BuyerRefund,
    Cart,
    Catalog,
    Order,
    OrderLine,
    OrderNote,
    Product,
    ShopGatewayEvent,
    StockMove,
)

BUSINESS_LINKS = (
    BusinessLink(_("Shops"), "shops_catalog_changelist", "business__id__exact"),
    BusinessLink(_("Orders"), "shops_order_changelist", "business__id__exact"),
)


class EditableFieldsAdmin(ReadOnlyAdmin):
    """Read-only admin except for the fields named in `switches`."""

    switches: ClassVar[tuple[str, ...]] = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change rows of this model."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Every column but the switches."""
        shut = set(self.switches) | set(self.get_exclude(request, obj))
        return [field.name for field in self.opts.fields if field.name not in shut]


@admin.register(Catalog)
class CatalogAdmin(EditableFieldsAdmin):
    """Shops, without their keys."""

    switches: ClassVar[tuple[str, ...]] = ("is_open",)
    list_display = ("name", "business", "slug", "currency", "is_open", "last_order", "created_at")
    list_select_related = ("business",)
    list_filter = ("is_open",)
    search_fields = ("name", "slug", "catalog_id__exact", "business__name")


@admin.register(Product)
class ProductAdmin(EditableFieldsAdmin):
    """Products; only visibility can be changed, price and stock are the seller's."""

    switches: ClassVar[tuple[str, ...]] = ("is_hidden",)
    list_display = (
        "id",
        "catalog",
        "retailer_id",
        "title",
        "price",
        "stock",
        "availability",
        "is_hidden",
    )
    list_select_related = ("catalog",)
    list_filter = ("availability", "is_hidden")
    search_fields = ("retailer_id__exact", "catalog__slug__exact")
    search_help_text = _("The whole id, or the address of the shop.")
    ordering = ("-id",)

    @display(description=_("price"))
    def price(self, row: Product) -> str:
        """Price without a sale's reduction."""
        return money.show_minor(row.price_minor, row.catalog.currency)


@admin.register(StockMove)
class StockMoveAdmin(ReadOnlyAdmin):
    """Stock changes, written by the database."""

    list_display = (
        "id",
        "business",
        "product",
        "change",
        "stock",
        "reason",
        "order",
        "author",
        "created_at",
    )
    list_select_related = ("business", "product", "order", "author")
    ordering = ("-id",)


class LineInline(ReadOnlyInline):
    """Lines of an order."""

    model = OrderLine
    fields = (
        "position",
        "retailer_id",
        "title",
        "quantity",
        "unit_minor",
        "amount_minor",
        "refunded_quantity",
    )


class PaymentInline(ReadOnlyInline):
    """Payment attempts of an order."""

    model = BuyerPayment
    fields = ("way", "status", "amount_minor", "currency", "failure", "created_at", "settled_at")


@admin.register(Order)
class OrderAdmin(TextAdmin):
    """Orders without address, buyer's note and pay token."""

    hidden: ClassVar[tuple[str, ...]] = ("address",)
    list_display = (
        "id",
        "business",
        "catalog",
        "number",
        "state",
        "way",
        "total",
        "paid",
        "refunded",
        "placed_at",
    )
    list_select_related = ("business", "catalog")
    list_filter = ("state", "way")
    search_fields = ("id__exact", "catalog__slug__exact")
    search_help_text = _("The order's id, or the address of the shop.")
    ordering = ("-id",)
    inlines = (LineInline, PaymentInline)

    @display(description=_("total"))
    def total(self, row: Order) -> str:
        """Total with tax and delivery."""
        return money.show_minor(row.total_minor, row.currency)

    @display(description=_("paid"))
    def paid(self, row: Order) -> str:
        """Amount paid."""
        return money.show_minor(row.paid_minor, row.currency)

    @display(description=_("refunded"))
    def refunded(self, row: Order) -> str:
        """Amount refunded."""
        return money.show_minor(row.refunded_minor, row.currency)


@admin.register(OrderNote)
class OrderNoteAdmin(TextAdmin):
    """Notes without their text, which is the business's."""

    list_display = ("id", "business", "order", "author", "created_at")
    list_select_related = ("business", "order", "author")
    ordering = ("-id",)


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    """Carts without their code: who knows it may order the cart."""

    hidden: ClassVar[tuple[str, ...]] = ("code",)
    list_display = ("id", "business", "catalog", "expires_at")
    list_select_related = ("business", "catalog")
    ordering = ("-id",)


@admin.register(BuyerPayment)
class BuyerPaymentAdmin(QueueAdmin):
    """Payment attempts between buyers and sellers."""

    task = tasks.sweep
    hidden: ClassVar[tuple[str, ...]] = ("next_url", "leased_by")
    list_display = (
        "id",
        "business",
        "order",
        "way",
        "status",
        "amount",
        "is_sandbox",
        "created_at",
        "failure",
        "last_error",
    )
    list_select_related = ("business", "order")
    list_filter = (QueueStateFilter, "status", "way", "is_sandbox")
    search_fields = ("key__exact", "reference__exact")
    search_help_text = _("The whole key or reference.")
    ordering = ("-id",)

    @display(description=_("amount"))
    def amount(self, row: BuyerPayment) -> str:
        """Amount of the attempt."""
        return money.show_minor(row.amount_minor, row.currency)


@admin.register(BuyerRefund)
class BuyerRefundAdmin(QueueAdmin):
    """Refunds to buyers."""

    task = tasks.collect
    list_display = (
        "id",
        "business",
        "payment",
        "status",
        "amount",
        "created_at",
        "settled_at",
        "failure",
        "last_error",
    )
    list_select_related = ("business", "payment")
    list_filter = (QueueStateFilter, "status")
    search_fields = ("key__exact", "reference__exact")
    search_help_text = _("The whole key or reference.")
    ordering = ("-id",)

    @display(description=_("amount"))
    def amount(self, row: BuyerRefund) -> str:
        """Amount of the refund."""
        return money.show_minor(row.amount_minor, row.payment.currency)


@admin.register(ShopGatewayEvent)
class ShopGatewayEventAdmin(QueueAdmin):
    """Events of sellers' payment networks."""

    task = tasks.collect
    list_display = (
        "id",
        "business",
        "catalog",
        "kind",
        "queue_state",
        "received_at",
        "applied_at",
        "last_error",
    )
    list_select_related = ("business", "catalog")
    ordering = ("-id",)
