"""Broadcasts, their recipients, and opt-out keywords."""

import math
import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from hosting.models.message_templates import Template
from hosting.models.numbers import Number

# Default keywords to opt out of marketing and in again; a business may set its own.
STOP_WORDS = (
    "STOP",
    "STOPP",
    "UNSUBSCRIBE",
    "ABMELDEN",
    "ABBESTELLEN",
    "BAJA",
    "ARRET",
    "CANCELAR",
    "SAIR",
)
START_WORDS = ("START", "SUBSCRIBE", "ANMELDEN", "UNSTOP")
MAX_WORD = 40


class OptOutWords(models.Model):
    """A business's own opt-out and opt-in keywords; without a row the defaults apply."""

    business = models.OneToOneField(
        Business, on_delete=models.CASCADE, primary_key=True, related_name="opt_out_words"
    )
    stop = ArrayField(
        models.CharField(max_length=MAX_WORD), default=list, help_text=_("Upper case.")
    )
    start = ArrayField(
        models.CharField(max_length=MAX_WORD), default=list, help_text=_("Upper case.")
    )

    class Meta:
        verbose_name = verbose_name_plural = "opt-out words"

    def __str__(self) -> str:
        return ", ".join(self.stop)


class Broadcast(QueueRow):
    """One template sent to a list; workers claim the row, and its open recipients in batches."""

    class State(models.TextChoices):
        """The state of a broadcast."""

        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        RUNNING = "running", _("Sending")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")

    WORKING: ClassVar = (State.SCHEDULED, State.RUNNING)

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="broadcasts", db_index=False
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=widths.BROADCAST_NAME)
    number = models.ForeignKey(Number, on_delete=models.PROTECT, related_name="+")
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    pause_reason = models.TextField(
        blank=True, help_text=_("Why it stopped by itself; empty when somebody paused it.")
    )
    invalid = models.JSONField(
        default=list, help_text=_("The first rows of the list that were not taken: [row, reason].")
    )
    invalid_count = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    opted_out = models.PositiveIntegerField(default=0)
    blocked = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    starts_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    resumed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Since then it goes on without a pause.")
    )
    resumed_from = models.PositiveIntegerField(
        default=0, help_text=_("How many were done by then.")
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=["draft", "scheduled", "running", "paused", "done", "cancelled"]
                ),
                name="broadcast_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "cancelled"]) | Q(starts_at__isnull=False),
                name="broadcast_begun_has_a_start",
            ),
        ]
        indexes: ClassVar = [
            due_index(
                "broadcast_due", "business", "id", is_open=Q(state__in=["scheduled", "running"])
            ),
            dead_index("broadcast_dead", "business"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def processed(self) -> int:
        """The number of recipients handled."""
        return self.sent + self.failed + self.skipped

    @property
    def percent(self) -> int:
        """The share handled, in whole percent."""
        return min(100, self.processed * 100 // self.total) if self.total else 0

    @property
    def is_working(self) -> bool:
        """Whether a worker has something to do, now or at the start time."""
        return self.state in self.WORKING

    def seconds_left(self, *, now: datetime) -> int | None:
        """Estimate the remaining seconds from the rate since it was resumed; None if unknown."""
        done = self.processed - self.resumed_from
        if self.state != self.State.RUNNING or not self.resumed_at or done <= 0:
            return None
        pace = max((now - self.resumed_at).total_seconds(), 0.1) / done
        return math.ceil(pace * (self.total - self.processed))


class BroadcastRecipient(models.Model):
    """One customer of a broadcast; marked in the transaction that writes the message."""

    class State(models.TextChoices):
        """The state of a recipient; open ones are claimed."""

        OPEN = "open", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Refused")
        SKIPPED = "skipped", _("Excluded")

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.CASCADE, related_name="recipients", db_index=False
    )
    row = models.PositiveIntegerField(help_text=_("Where it stood in the list, from 1."))
    wa_id = models.CharField(max_length=widths.PERSON_ID)
    variables = models.JSONField(
        default=list, help_text=_("Texts in the order of the template's variables.")
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    reason = models.TextField(blank=True)
    # No foreign key: messages are purged and erased, while the broadcast's results stay.
    message_id = models.BigIntegerField(null=True, blank=True)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text=_("Too many messages went to this customer.")
    )
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["broadcast", "wa_id"], name="once_per_broadcast"),
            models.UniqueConstraint(fields=["broadcast", "row"], name="row_once_per_broadcast"),
            models.CheckConstraint(
                condition=Q(state="sent", message_id__isnull=False)
                | (~Q(state="sent") & Q(message_id__isnull=True)),
                name="recipient_sent_has_a_message",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["broadcast", "id"], condition=Q(state="open"), name="recipient_open"
            ),
            models.Index(fields=["business", "wa_id"], name="recipient_person"),
        ]

    def __str__(self) -> str:
        return f"+{self.wa_id} of broadcast {self.broadcast_id}"
