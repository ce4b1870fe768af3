"""Spend caps of businesses, commitments under hard caps, and alerts."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue.rows import QueueRow, dead_index, due_index


class SpendCap(models.Model):
    """Maximum that a business's messages may cost in a month; hosting fees do not count."""

    business = models.OneToOneField(Business, on_delete=models.CASCADE, related_name="spend_cap")
    limit_micros = models.BigIntegerField(help_text=_("In the business's currency."))
    currency = models.CharField(
        max_length=widths.CURRENCY,
        blank=True,
        default="",
        editable=False,
        help_text=_(
            "The business's, which cannot change while the cap stands; filled in by the database."
        ),
    )
    is_hard = models.BooleanField(
        default=True, help_text=_("Refuse sends that might exceed it; else only warn.")
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(limit_micros__gte=0), name="spend_cap_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.limit_micros} micros a month for {self.business}"


class Commitment(models.Model):
    """Maximum price of an accepted message until it is charged or fails; only under a hard cap."""

    business_id = models.BigIntegerField()
    number_id = models.BigIntegerField()
    wamid = models.CharField(max_length=widths.WAMID)
    price_micros = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["number_id", "wamid"], name="one_commitment_per_message"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business_id"], include=["price_micros"], name="commitment_sum"),
        ]

    def __str__(self) -> str:
        return f"{self.price_micros} micros for {self.wamid}"


class SpendAlert(QueueRow):
    """The month's spending has reached a share of the cap; written and mailed once."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="spend_alerts")
    month = models.DateField()
    percent = models.PositiveSmallIntegerField()
    limit_micros = models.BigIntegerField()
    spent_micros = models.BigIntegerField()
    raised_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "month", "percent"], name="one_alert_per_share_and_month"
            ),
        ]
        indexes: ClassVar = [
            due_index("alert_due", "business", "id", is_open=Q(mailed_at=None)),
            dead_index("alert_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of the cap in {self.month:%Y-%m}"
