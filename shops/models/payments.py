"""Buyers' payments and refunds. The money is the seller's and is never on Parley's invoices."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue.rows import QueueRow, dead_index, due_index
from shops.models.catalogs import Catalog
from shops.models.orders import Order, PaymentWay


class PaymentStatus(models.TextChoices):
    """Status of a payment; no new attempt starts while one is open, pending or unknown."""

    OPEN = "open", _("To be tried")
    PENDING = "pending", _("Waits for the buyer or the network")
    UNKNOWN = "unknown", _("Result unknown")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


LIVE = [PaymentStatus.OPEN, PaymentStatus.PENDING, PaymentStatus.UNKNOWN]


class BuyerPayment(QueueRow):
    """An attempt to pay an order.

    Its idempotency key is committed before the network is called.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    way = models.CharField(max_length=widths.PAYMENT_WAY, choices=PaymentWay.choices)
    is_sandbox = models.BooleanField(
        default=False, help_text=_("Paid by a test card of Parley's own sandbox.")
    )
    status = models.CharField(
        max_length=widths.PAYMENT_STATUS, choices=PaymentStatus.choices, default=PaymentStatus.OPEN
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=widths.CURRENCY)
    key = models.CharField(
        max_length=widths.PAYMENT_KEY,
        unique=True,
        help_text=_("Idempotency key, stable across retries."),
    )
    reference = models.CharField(
        max_length=widths.PAYMENT_ID,
        blank=True,
        help_text=_("The network's id, or the bank's text."),
    )
    failure = models.CharField(max_length=widths.FAILURE, blank=True)
    next_url = models.URLField(
        max_length=widths.PAYMENT_URL, blank=True, help_text=_("Where the buyer must go on.")
    )
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(status__in=[*LIVE, "succeeded"]),
                name="one_live_payment_per_order",
            ),
            models.UniqueConstraint(
                fields=["business", "reference"],
                condition=~Q(reference="") & Q(way="card"),
                name="buyer_payment_reference_once",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="buyer_payment_is_positive"
            ),
        ]
        indexes: ClassVar = [
            due_index(
                "card_page_due",
                "business",
                "id",
                is_open=Q(way="card", is_sandbox=False, status__in=LIVE),
            ),
            dead_index("card_page_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"payment of order {self.order_id}"


class BuyerRefund(QueueRow):
    """A refund to a buyer; `Order.refunded_minor` includes it from its creation."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    payment = models.ForeignKey(BuyerPayment, on_delete=models.PROTECT, related_name="refunds")
    status = models.CharField(
        max_length=widths.PAYMENT_STATUS, choices=PaymentStatus.choices, default=PaymentStatus.OPEN
    )
    amount_minor = models.BigIntegerField()
    lines = models.JSONField(
        default=dict, blank=True, help_text=_("Line position -> how many are paid back.")
    )
    reason = models.CharField(max_length=widths.REASON, blank=True)
    key = models.CharField(max_length=widths.PAYMENT_KEY, unique=True)
    reference = models.CharField(max_length=widths.PAYMENT_ID, blank=True)
    failure = models.CharField(max_length=widths.FAILURE, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="buyer_refund_is_positive"
            ),
        ]
        indexes: ClassVar = [
            due_index("buyer_refund_due", "business", "id", is_open=Q(status__in=LIVE)),
            dead_index("buyer_refund_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"refund of {self.payment_id}"


class ShopGatewayEvent(QueueRow):
    """A webhook of the seller's payment network, stored once by its id.

    It only signals a change; the object itself is fetched from the network.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="+", db_index=False)
    event_id = models.CharField(max_length=widths.PAYMENT_ID)
    kind = models.CharField(max_length=widths.GATEWAY_EVENT_KIND)
    object_id = models.CharField(max_length=widths.PAYMENT_ID, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["catalog", "event_id"], name="shop_event_once"),
        ]
        indexes: ClassVar = [
            due_index("shop_event_due", "business", "id", is_open=Q(applied_at=None)),
            dead_index("shop_event_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
