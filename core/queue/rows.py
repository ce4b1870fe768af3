"""The columns that every queue's table has."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def due_index(name: str, *columns: str, is_open: Q | None = None) -> models.Index:
    """The index that claims go by: owner, time, key of open rows.

    `columns` are owner and key; in a queue of nobody's rows the key alone.
    """
    *owner, key = columns
    condition = Q(dead_at=None) & (is_open or Q())
    return models.Index(fields=[*owner, "not_before", key], condition=condition, name=name)


def dead_index(name: str, *columns: str) -> models.Index:
    """The index of dead letters, by these columns."""
    return models.Index(fields=[*columns], condition=Q(dead_at__isnull=False), name=name)


def opened_again() -> dict[str, Any]:
    """Values for `update()` that let rows wait anew: due now, nobody's, with all their attempts."""
    return {"attempts": 0, "not_before": Now(), "leased_until": None, "dead_at": None}


class QueueRow(models.Model):
    """A row that waits to be worked on; `core.queue` says by which rules."""

    attempts = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text=_("Since it last got anywhere; counted before the work begins."),
    )
    not_before = models.DateTimeField(default=timezone.now, db_default=Now())
    leased_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("While a worker has it: until when nobody else takes it."),
    )
    leased_by = models.IntegerField(
        null=True,
        blank=True,
        help_text=_("Database session of that worker; the lease ends with it."),
    )
    last_error = models.TextField(blank=True, default="", db_default="")
    dead_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was given up."))

    class Meta:
        abstract = True
