"""Raw webhook events, and statuses that arrived before their message."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import widths
from core.queue import QueueRow
from core.queue.rows import dead_index
from hosting.models.numbers import Account


class Event(QueueRow):
    """The raw body of one webhook request, unique by content."""

    digest = models.BinaryField(
        max_length=32, unique=True, help_text=_("SHA-256 of account and body.")
    )
    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
        help_text=_(
            "Whose secret signed it; empty for the platform's own door, which speaks for every "
            "number."
        ),
    )
    body = models.BinaryField()
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            # Shared out by account; the platform's own door is one more.
            models.Index(
                Coalesce("account", Value(0)),
                F("not_before"),
                F("id"),
                condition=Q(applied_at=None, dead_at=None),
                name="event_due",
            ),
            dead_index("event_dead", "-id"),
        ]

    def __str__(self) -> str:
        return f"event {self.pk}"


class ParkedStatus(QueueRow):
    """A status whose message is not known yet; tried again when messages arrive, never dropped."""

    phone_number_id = models.CharField(max_length=widths.OBJECT_ID)
    wamid = models.CharField(max_length=widths.WAMID)
    status = models.CharField(max_length=widths.MESSAGE_STATUS)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    errors = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "parked statuses"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["phone_number_id", "wamid", "status"], name="status_parked_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} of {self.wamid}"
