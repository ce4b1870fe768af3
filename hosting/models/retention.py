"""Erasures of contacts, and retention of messages."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from hosting.models.numbers import Number


class Erasure(QueueRow):
    """An erasure of a contact, and afterwards hashes of its numbers for restored backups.

    Open while `contact_id` is set; the row is the queue.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    contact_id = models.BigIntegerField(null=True, blank=True, help_text=_("Until it is done."))
    digests = ArrayField(
        models.CharField(max_length=64),
        help_text=_("Keyed hashes of all its numbers and user ids."),
    )
    requested_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)
    messages = models.PositiveBigIntegerField(default=0, help_text=_("How many went."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact_id"], name="contact_erased_once"),
            models.CheckConstraint(
                condition=Q(contact_id=None) | Q(done_at=None), name="erasure_done_names_nobody"
            ),
        ]
        indexes: ClassVar = [
            due_index("erasure_due", "business", "id", is_open=Q(done_at=None)),
            dead_index("erasure_dead", "business"),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"


class ForgottenMessage(models.Model):
    """A message of an erased customer, by a keyed hash of its id: it is never taken in again."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    digest = models.BinaryField(max_length=16, help_text=_("Keyed hash of business and id."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "digest"], name="forgotten_once"),
        ]

    def __str__(self) -> str:
        return f"forgotten message {self.pk}"


class Retention(models.Model):
    """The retention of one number: in force, announced, and the last run."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="+")
    number = models.OneToOneField(Number, on_delete=models.CASCADE, related_name="retention")
    days = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("In force; empty: all is kept.")
    )
    next_days = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Announced, from `starts_at` on.")
    )
    announced_at = models.DateTimeField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_messages = models.PositiveBigIntegerField(
        default=0, help_text=_("Deleted by the last run.")
    )
    messages = models.PositiveBigIntegerField(default=0, help_text=_("Deleted in all."))

    class Meta:
        verbose_name_plural = "retention"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(next_days=None, starts_at=None)
                | Q(next_days__isnull=False, starts_at__isnull=False),
                name="shorter_keeping_has_a_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.days} days on {self.number_id}"
