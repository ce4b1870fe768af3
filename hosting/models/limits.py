"""What a plan's limits leave behind: messages that are locked, and notices that were given."""

from typing import ClassVar

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from hosting.models.conversations import Conversation
from hosting.models.messages import Message

LOCKED = "locked"


class LockedMessage(models.Model):
    """An inbound message over the plan's limit: what it says lies here and nowhere else, until the plan allows it.

    Its `Message` has kind `locked`, no text and no content, so that no reader can show by mistake what is not to be read.
    """

    # The database's own foreign key deletes with the message, whichever way that goes.
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
    kind = models.CharField(max_length=20)
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


class LimitNotice(models.Model):
    """That a business was told it has used so many percent of a limit in a month: once, by the database's word."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    limit = models.CharField(max_length=30)
    month = models.DateField()
    percent = models.PositiveSmallIntegerField()
    used = models.PositiveBigIntegerField()
    allowed = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "limit", "month", "percent"], name="limit_notice_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=models.Q(told_at=None), name="limit_notice_to_tell"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.limit} in {self.month:%Y-%m}"
