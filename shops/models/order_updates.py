"""Order updates: what happened to an order, written by the database, and whether it was sent."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from shops.models.orders import Order


class OrderUpdateKind(models.TextChoices):
    """Kinds of order updates; webhooks call them `order.<kind>`."""

    PLACED = "placed", _("Placed")
    CONFIRMED = "confirmed", _("Confirmed")
    PAID = "paid", _("Paid")
    PACKED = "packed", _("Packed")
    SHIPPED = "shipped", _("Shipped")
    DELIVERED = "delivered", _("Delivered")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")
    REFUNDED = "refunded", _("Refunded")


class OrderUpdate(QueueRow):
    """An update of an order, open until buyer and business are notified.

    After five attempts it is a dead letter.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="updates")
    kind = models.CharField(max_length=10, choices=OrderUpdateKind.choices)
    amount_minor = models.BigIntegerField(
        null=True, blank=True, help_text=_("Of a payment or refund.")
    )
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    notified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            due_index("order_update_due", "business", "id", is_open=Q(notified_at=None)),
            dead_index("order_update_dead", "business"),
            models.Index(fields=["order"], condition=Q(notified_at=None), name="order_update_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of order {self.order_id}"
