"""Papers: documents kept by the hash of their bytes, e-mails that leave once, and exports that
finance asked for.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.credit_notes import CreditNote
from billing.models.invoices import Invoice
from core.queue import QueueRow
from core.queue.rows import dead_index


class Document(models.Model):
    """A document made from an invoice or a credit note: made once, kept under its SHA-256, the same
    bytes for ever.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(
        Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="documents"
    )
    credit_note = models.ForeignKey(
        CreditNote, null=True, blank=True, on_delete=models.PROTECT, related_name="documents"
    )
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
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
        """Where the storage keeps it."""
        return f"documents/{self.sha256[:2]}/{self.sha256}"


class Email(models.Model):
    """An e-mail of ours: written with what it is about, sent once; `key` says which one it is."""

    class State(models.TextChoices):
        """Unknown: the worker died while sending, so it is not sent again by itself."""

        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        UNKNOWN = "unknown", _("Result unknown")
        DEAD = "dead", _("Could not be sent")

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="emails")
    key = models.CharField(max_length=120, unique=True)
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField(blank=True)
    invoice = models.ForeignKey(
        Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="emails"
    )
    credit_note = models.ForeignKey(
        CreditNote, null=True, blank=True, on_delete=models.PROTECT, related_name="emails"
    )
    attachments = ArrayField(
        models.CharField(max_length=20),
        default=list,
        blank=True,
        help_text=_("Kinds of documents."),
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["not_before"], condition=Q(state="waiting"), name="emails_due")
        ]

    def __str__(self) -> str:
        return self.subject


def no_filters() -> dict[str, Any]:
    """An export of everything."""
    return {}


class Export(QueueRow):
    """A finance export: asked for, worked off piece by piece, cancelled or resumed, downloaded."""

    class Kind(models.TextChoices):
        """What is in it."""

        ZIP = "zip", _("Documents of the invoices, one ZIP")
        JOURNAL = "journal", _("General journal, CSV")
        MESSAGES = "messages", _("Every message, XLSX")

    class State(models.TextChoices):
        """A cancelled, failed or expired one may be made again."""

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
    error = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=120, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
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
        """Waiting or being made."""
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def percent(self) -> int:
        """How much of it is made."""
        return 100 * self.done // self.total if self.total else 0

    @property
    def seconds_left(self) -> int | None:
        """An estimate from the pace so far, or None while there is no pace."""
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
        """Where the storage keeps it."""
        return f"exports/{self.sha256[:2]}/{self.sha256}"
