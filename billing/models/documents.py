"""Documents kept by the hash of their bytes, and exports that finance asked for."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.credit_notes import CreditNote
from billing.models.invoices import Invoice
from core import widths
from core.queue import QueueRow
from core.queue.rows import dead_index


class Document(models.Model):
    """A file made once from an invoice or a credit note and stored under its SHA-256; it never
    changes.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(
        Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="documents"
    )
    credit_note = models.ForeignKey(
        CreditNote, null=True, blank=True, on_delete=models.PROTECT, related_name="documents"
    )
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=widths.DOCUMENT_NAME)
    content_type = models.CharField(max_length=widths.MIME_TYPE)
    sha256 = models.CharField(max_length=widths.SHA256)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice", "kind"], name="one_document_per_invoice_and_kind"
            ),
            models.UniqueConstraint(
                fields=["credit_note", "kind"], name="one_document_per_credit_note_and_kind"
            ),
            models.CheckConstraint(
                condition=Q(invoice=None) ^ Q(credit_note=None), name="document_is_of_one_paper"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """Path in the storage."""
        return f"documents/{self.sha256[:2]}/{self.sha256}"


def no_filters() -> dict[str, Any]:
    """Default filters: none."""
    return {}


class Export(QueueRow):
    """A finance export: requested, run in steps, cancelled or resumed, downloaded."""

    class Kind(models.TextChoices):
        """Contents of an export."""

        ZIP = "zip", _("Documents of the invoices, one ZIP")
        JOURNAL = "journal", _("Journal, CSV")
        MESSAGES = "messages", _("Every message, XLSX")

    class State(models.TextChoices):
        """States of an export; cancelled, failed and expired ones can be run again."""

        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Expired")

    business = models.ForeignKey(
        Business, null=True, blank=True, on_delete=models.PROTECT, related_name="exports"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    filters = models.JSONField(default=no_filters, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=widths.FAILURE, blank=True)
    name = models.CharField(max_length=widths.DOCUMENT_NAME, blank=True)
    sha256 = models.CharField(max_length=widths.SHA256, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # Shared out by business; operators' own are one more.
            models.Index(
                Coalesce("business", Value(0)),
                F("not_before"),
                F("id"),
                condition=Q(state__in=["waiting", "running"], dead_at=None),
                name="finance_export_due",
            ),
            dead_index("finance_export_dead", "-id"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_working(self) -> bool:
        """Whether it waits or runs."""
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def percent(self) -> int:
        """Progress in percent."""
        return 100 * self.done // self.total if self.total else 0

    @property
    def seconds_left(self) -> int | None:
        """Estimated seconds left at the current pace, or None."""
        if (
            self.state != self.State.RUNNING
            or not self.done
            or not self.total
            or self.started_at is None
        ):
            return None
        return int(
            (timezone.now() - self.started_at).total_seconds()
            * (self.total - self.done)
            / self.done
        )

    @property
    def path(self) -> str:
        """Path in the storage."""
        return f"exports/{self.sha256[:2]}/{self.sha256}"
