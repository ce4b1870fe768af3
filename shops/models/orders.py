"""Orders: lines and prices as they were when placed, and the order's state."""

import secrets
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from hosting.models import Conversation, Message
from shops.models.carts import Cart
from shops.models.catalogs import Catalog, Product


class OrderState(models.TextChoices):
    """States of an order; `shops_order_steps` in the database enforces the allowed changes."""

    PLACED = "placed", _("Placed")  # goods are reserved, no payment or payment method yet
    CONFIRMED = "confirmed", _("Confirmed")  # paid, or payable on delivery or by transfer
    PACKED = "packed", _("Packed")
    SHIPPED = "shipped", _("Shipped")
    DELIVERED = "delivered", _("Delivered")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")  # not paid in time: the goods were released


# States in which goods are reserved for or delivered by the order.
HELD = [
    OrderState.PLACED,
    OrderState.CONFIRMED,
    OrderState.PACKED,
    OrderState.SHIPPED,
    OrderState.DELIVERED,
]


class PaymentWay(models.TextChoices):
    """Payment method of an order."""

    CARD = "card", _("Card")
    CASH = "cash", _("Cash on delivery")
    TRANSFER = "transfer", _("Bank transfer")


def new_token() -> str:
    """192-bit token for the pay page's URL; who knows it may see and pay the order."""
    return secrets.token_urlsafe(24)


class OrderQuerySet(models.QuerySet["Order"]):
    """Queries over orders."""

    def newest_first(self) -> Self:
        """By descending id."""
        return self.order_by("-id")

    def overdue(self) -> Self:
        """Placed orders whose reservation has expired, by the business's clock."""
        return self.filter(
            state=OrderState.PLACED, expires_at__lte=Coalesce("business__clock_at", Now())
        )


class Order(models.Model):
    """One order. Amounts are in minor units; lines and prices do not change once it is placed.

    total = subtotal + delivery, plus tax where prices do not include it. `refunded_minor` counts
    refunds from the moment they are requested, so that two concurrent ones cannot exceed what was
    paid.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    catalog = models.ForeignKey(
        Catalog, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    number = models.PositiveIntegerField(help_text=_("Counted per catalogue, without gaps."))
    token = models.CharField(max_length=40, unique=True, default=new_token)
    conversation = models.ForeignKey(
        Conversation,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="orders",
        help_text=_("With the buyer; empty once the buyer was erased."),
    )
    # Messages are deleted in bulk by retention and erasure; the order stays.
    message = models.OneToOneField(
        Message,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="order",
        help_text=_("What it came by."),
    )
    cart = models.OneToOneField(
        Cart, null=True, blank=True, on_delete=models.SET_NULL, related_name="order"
    )
    state = models.CharField(max_length=10, choices=OrderState.choices, default=OrderState.PLACED)
    way = models.CharField(max_length=widths.PAYMENT_WAY, choices=PaymentWay.choices, blank=True)
    currency = models.CharField(max_length=widths.CURRENCY)
    tax_included = models.BooleanField()
    subtotal_minor = models.BigIntegerField()
    delivery_minor = models.BigIntegerField(default=0)
    delivery_tax_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    paid_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    delivery_name = models.CharField(
        max_length=widths.DELIVERY_NAME,
        blank=True,
        help_text=_("Empty until the buyer has chosen."),
    )
    address = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("name, street, city, postcode, region, country, phone."),
    )
    buyer_note = models.CharField(max_length=1000, blank=True)
    tracking = models.CharField(
        max_length=200, blank=True, help_text=_("Carrier's number or address.")
    )
    reason = models.CharField(
        max_length=widths.REASON, blank=True, help_text=_("Why it was cancelled.")
    )
    expires_at = models.DateTimeField(help_text=_("Until when goods are held without payment."))
    placed_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    packed_at = models.DateTimeField(null=True, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text=_("Cancelled or expired."))

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["catalog", "number"], name="order_number_once"),
            models.CheckConstraint(
                condition=Q(subtotal_minor__gte=0, delivery_minor__gte=0, tax_minor__gte=0),
                name="order_not_below_zero",
            ),
            models.CheckConstraint(
                condition=Q(
                    tax_included=True, total_minor=F("subtotal_minor") + F("delivery_minor")
                )
                | Q(
                    tax_included=False,
                    total_minor=F("subtotal_minor") + F("delivery_minor") + F("tax_minor"),
                ),
                name="order_total_is_its_sum",
            ),
            models.CheckConstraint(
                condition=Q(paid_minor=0) | Q(paid_minor=F("total_minor")),
                name="order_is_paid_once",
            ),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("paid_minor")),
                name="refund_up_to_paid",
            ),
            # Goods are packed only when paid, or payable on delivery.
            models.CheckConstraint(
                condition=~Q(state__in=["packed", "shipped", "delivered"])
                | Q(way="cash")
                | Q(paid_minor=F("total_minor")),
                name="goods_leave_paid",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["placed", "cancelled", "expired"]) | ~Q(way=""),
                name="confirmed_has_a_way",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "state", "-id"], name="order_by_state"),
            models.Index(fields=["expires_at"], condition=Q(state="placed"), name="order_overdue"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def buyer(self) -> str:
        """Name of the buyer as lists show it; empty once the buyer's data was erased."""
        return (
            str(self.conversation.contact)
            if self.conversation
            else str(self.address.get("name", ""))
        )

    @property
    def refundable_minor(self) -> int:
        """Amount that can still be refunded, in minor units."""
        return self.paid_minor - self.refunded_minor

    @property
    def is_paid(self) -> bool:
        """Whether nothing is owed; an order with total 0 is paid from the start."""
        return self.paid_minor == self.total_minor


class OrderLine(models.Model):
    """A quantity of one product at the price when ordered; `amount_minor` is the product of
    both.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL, related_name="+")
    retailer_id = models.CharField(max_length=widths.RETAILER_ID)
    title = models.CharField(max_length=widths.PRODUCT_TITLE)
    quantity = models.PositiveIntegerField()
    unit_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2)
    refunded_quantity = models.PositiveIntegerField(default=0)
    returned_quantity = models.PositiveIntegerField(
        default=0, help_text=_("How many are back in stock; they are not put back twice.")
    )
    is_counted = models.BooleanField(default=False, help_text=_("Whether stock was held for it."))

    class Meta:
        ordering: ClassVar = ["order", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "position"], name="line_once_per_order"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="line_of_something"),
            models.CheckConstraint(
                condition=Q(unit_minor__gte=0, amount_minor=F("unit_minor") * F("quantity")),
                name="line_amount_is_product",
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity__lte=F("quantity")), name="line_refund_up_to_ordered"
            ),
            models.CheckConstraint(
                condition=Q(returned_quantity__lte=F("quantity")), name="line_back_up_to_ordered"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"

    @property
    def refundable(self) -> int:
        """Quantity that can still be refunded."""
        return self.quantity - self.refunded_quantity


class OrderNote(models.Model):
    """An internal note about an order."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"note {self.pk} on order {self.order_id}"


class IncomingOrder(QueueRow):
    """An inbound message a shop must process: an order, a reply to a question, a text naming a
    cart.

    The database writes the row in the transaction that stores the message. The row is deleted when
    it is processed; after five attempts it is a dead letter that operators can run again.
    """

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, db_constraint=False, primary_key=True, related_name="+"
    )
    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta:
        indexes: ClassVar = [
            due_index("incoming_order_due", "business", "message"),
            dead_index("incoming_order_dead", "message"),
        ]

    def __str__(self) -> str:
        return f"order message {self.message_id}"
