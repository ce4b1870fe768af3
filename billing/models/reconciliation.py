"""Recounts of the books with the differences they found."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import widths
from core.queue.rows import QueueRow, dead_index, due_index


class Recount(QueueRow):
    """One run of the reconciliation.

    `differences` is a list of {"check", "business_id", "what", "expected", "found"}.
    """

    month = models.DateField(
        null=True, blank=True, help_text=_("Its first day; empty: all months.")
    )
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.CharField(max_length=widths.EMAIL, default="parley")
    finished_at = models.DateTimeField(null=True, blank=True)
    differences = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            due_index("recount_due", "id", is_open=Q(finished_at=None)),
            dead_index("recount_dead", "id"),
        ]

    def __str__(self) -> str:
        month = f"{self.month:%Y-%m}" if self.month else "all months"
        return f"recount {self.pk}, {month}"
