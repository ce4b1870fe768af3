"""Raw webhook events, and statuses that arrived before their message."""

import json
from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from hosting.models.numbers import Account, Number


class EventSource(models.TextChoices):
    """Whose credential an event was verified by; it says what the event may decide.

    The business knows its own secret, so what that signs decides nothing that costs money
    (`docs/trust.md`).
    """

    PLATFORM = "platform", _("The platform's own app secret")
    INTERNAL = "internal", _("Parley itself")
    UPSTREAM = "upstream", _("The upstream's app secret")
    BUSINESS = "business", _("The business's own app secret")


class Event(QueueRow):
    """The raw body of one webhook request, unique by content."""

    digest = models.BinaryField(
        max_length=32, unique=True, help_text=_("SHA-256 of account, source and body.")
    )
    source = models.CharField(
        max_length=10, choices=EventSource.choices, default=EventSource.PLATFORM
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
            "The only account that it counts for; empty at the platform's own address, which "
            "speaks for every number."
        ),
    )
    body = models.BinaryField()
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(source__in=EventSource.values), name="event_source_known"
            ),
            models.CheckConstraint(
                condition=Q(source=EventSource.PLATFORM) | Q(account__isnull=False),
                name="event_of_an_account",
            ),
        ]
        indexes: ClassVar = [
            # Shared out by account; the platform's own address is one more.
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
    """A status of a business's number whose message is not known yet; tried again when messages
    arrive. It counts for the business whose account it came to, and for no other.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    phone_number_id = models.CharField(max_length=widths.OBJECT_ID)
    wamid = models.CharField(max_length=widths.WAMID)
    recipient = models.CharField(
        max_length=widths.PERSON_ID,
        blank=True,
        db_default="",
        help_text=_("Whom the status names; for erasure."),
    )
    status = models.CharField(max_length=widths.MESSAGE_STATUS)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    errors = models.JSONField(null=True, blank=True)
    price_micros = models.BigIntegerField(
        null=True, blank=True, help_text=_("What the network reports that the message costs.")
    )
    price_currency = models.CharField(max_length=widths.CURRENCY, blank=True, db_default="")

    class Meta:
        verbose_name_plural = "parked statuses"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["phone_number_id", "wamid", "status"], name="status_parked_once"
            ),
        ]
        indexes: ClassVar = [due_index("status_parked_due", "business", "id")]

    def __str__(self) -> str:
        return f"{self.status} of {self.wamid}"


class NetworkNotice(models.Model):
    """A change that a network reported in another webhook field than `messages`, as it came but for
    our own ids of account and number.

    The newest of an account are kept, for its developers to look at.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    number = models.ForeignKey(
        Number, null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    field = models.CharField(max_length=widths.WEBHOOK_FIELD)
    is_known = models.BooleanField(help_text=_("Whether Parley knows this field."))
    body = models.BinaryField(help_text=_("The value, as JSON."))
    received_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.field} of {self.account}"

    @property
    def shown_body(self) -> str:
        """The value, indented."""
        return json.dumps(json.loads(bytes(self.body)), ensure_ascii=False, indent=2)
