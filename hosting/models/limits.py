"""Locked messages and limit notices of plans."""

from typing import ClassVar

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue.rows import QueueRow, dead_index, due_index
from hosting.models.conversations import Conversation
from hosting.models.messages import Message

LOCKED = "locked"


class LockedMessage(models.Model):
    """The text and content of an inbound message over the plan's limit.

    Its `Message` has kind `locked`, no text and no content, so that nothing can show it by mistake.
    """

    # The database's own foreign key deletes it with the message, however that is deleted.
    message = models.OneToOneField(
        Message,
        on_delete=models.CASCADE,
        primary_key=True,
        db_constraint=False,
        related_name="lock",
    )
    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="locks", db_constraint=False
    )
    month = models.DateField()
    position = models.PositiveBigIntegerField(
        help_text=_("The how manieth hosted message of its month it was.")
    )
    kind = models.CharField(max_length=widths.MESSAGE_KIND)
    text = models.TextField(blank=True)
    content = models.JSONField(default=dict)
    keep_until = models.DateTimeField(
        help_text=_("Then it goes, if the plan still does not allow it.")
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["business", "position"], name="locked_of_business"),
            models.Index(fields=["keep_until"], name="locked_until"),
            models.Index(KT("content__id"), name="locked_file"),
        ]

    def __str__(self) -> str:
        return f"locked {self.message_id}"


class LimitNotice(QueueRow):
    """A notice that a business used some percent of a limit in a month; unique in the database."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    limit = models.CharField(max_length=30)
    month = models.DateField()
    percent = models.PositiveSmallIntegerField()
    used = models.PositiveBigIntegerField()
    allowed = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    notified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "limit", "month", "percent"], name="limit_notice_once"
            ),
        ]
        indexes: ClassVar = [
            due_index("limit_notice_due", "business", "id", is_open=models.Q(notified_at=None)),
            dead_index("limit_notice_dead", "id"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.limit} in {self.month:%Y-%m}"


class InboundCount(models.Model):
    """What came in for a business in a calendar month (UTC) beyond what its plan keeps is counted.

    Of raw events those over the plan's number are not kept once they are applied.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    month = models.DateField()
    raw_events = models.PositiveBigIntegerField(default=0, db_default=0)
    messages_dropped = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text=_("Over the plan's hosted and locked messages.")
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "month"], name="one_inbound_count_per_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.raw_events} events in {self.month:%Y-%m}"
