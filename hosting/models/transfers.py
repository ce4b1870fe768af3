"""Import and export jobs; the row is the queue."""

import math
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

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
from hosting.models.conversations import Contact, Conversation
from hosting.models.numbers import Number

KEPT_FOR = timedelta(days=7)


class Job(QueueRow):
    """Long work, done in slices by whoever claims the row; it can be cancelled and resumes."""

    # Defined by each kind of job.
    WORKING: ClassVar[tuple[Any, ...]]
    RELATED: ClassVar[tuple[str, ...]] = ("business__plan", "number")
    business_id: int
    state: Any
    # While a worker has it: `hosting.jobs.Lease`.
    lease: Any = None

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    path = models.CharField(
        max_length=200, blank=True, help_text=_("Where its file lies in the storage.")
    )
    size = models.PositiveBigIntegerField(default=0, help_text=_("Bytes of its file."))
    total = models.PositiveBigIntegerField(default=0, help_text=_("Messages there are."))
    processed = models.PositiveBigIntegerField(default=0, help_text=_("Messages done."))
    position = models.JSONField(default=dict, help_text=_("Where the next slice begins."))
    error = models.TextField(blank=True)
    stopped_in = models.CharField(
        max_length=10, blank=True, help_text=_("The state in which it was given up.")
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_working(self) -> bool:
        """Whether a worker has something to do."""
        return self.state in self.WORKING

    @property
    def percent(self) -> int:
        """The share done, in whole percent."""
        return min(100, self.processed * 100 // self.total) if self.total else 0

    @property
    def seconds_left(self) -> int | None:
        """Estimated seconds left from the rate so far; None if unknown."""
        if not (self.started_at and self.processed and self.total > self.processed):
            return None
        pace = (timezone.now() - self.started_at).total_seconds() / self.processed
        return math.ceil(pace * (self.total - self.processed))


class ChatImport(Job):
    """A file of past messages: analysed first, then written once its questions are answered."""

    class State(models.TextChoices):
        """The state of an import."""

        READING = "reading", _("Being read")
        READY = "ready", _("Waits for your answers")
        RUNNING = "running", _("Being imported")
        DONE = "done", _("Imported")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")
        UNDOING = "undoing", _("Being taken back")
        UNDONE = "undone", _("Taken back")

    class Source(models.TextChoices):
        """The program that wrote the file."""

        WHATSAPP = "whatsapp", _("WhatsApp: Export chat")
        JSONL = "jsonl", _("Parley: JSON Lines")
        CSV = "csv", _("Parley: CSV")
        APP = "app", _("The phone's app, by the network")

    WORKING: ClassVar = (State.READING, State.RUNNING, State.UNDOING)

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="chat_imports")
    filename = models.CharField(max_length=widths.FILENAME)
    source = models.CharField(max_length=10, choices=Source.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.READING)
    preview = models.JSONField(default=dict, help_text=_("What was found in the file."))
    answers = models.JSONField(default=dict, help_text=_("What was asked and answered."))
    number = models.ForeignKey(
        Number, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    contact = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    added = models.PositiveBigIntegerField(default=0, help_text=_("Messages that were new."))
    files_added = models.PositiveBigIntegerField(default=0)
    refused = models.JSONField(
        default=dict, help_text=_("Files that were not taken: reason and how many.")
    )
    first_id = models.BigIntegerField(null=True, blank=True)
    last_id = models.BigIntegerField(null=True, blank=True)
    made_contacts = ArrayField(
        models.BigIntegerField(), default=list, help_text=_("Contacts that it made.")
    )
    made_conversations = ArrayField(
        models.BigIntegerField(), default=list, help_text=_("Conversations that it made.")
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "reading",
                        "ready",
                        "running",
                        "done",
                        "cancelled",
                        "failed",
                        "undoing",
                        "undone",
                    ]
                ),
                name="import_state_known",
            ),
        ]
        indexes: ClassVar = [
            due_index(
                "import_due",
                "business",
                "id",
                is_open=Q(state__in=["reading", "running", "undoing"]),
            ),
            dead_index("import_dead", "business"),
        ]

    def __str__(self) -> str:
        return f"import of {self.filename}"

    @property
    def skipped(self) -> int:
        """Messages that existed already."""
        return (
            max(0, self.processed - self.added)
            if self.state in (self.State.RUNNING, self.State.DONE)
            else 0
        )

    @property
    def can_be_undone(self) -> bool:
        """Whether some of its messages may exist."""
        return self.first_id is not None and self.state in (
            self.State.DONE,
            self.State.CANCELLED,
            self.State.FAILED,
        )


class ChatExport(Job):
    """Messages of a conversation, contact, number or all, written into one file to download."""

    class State(models.TextChoices):
        """The state of an export."""

        RUNNING = "running", _("Being written")
        DONE = "done", _("Ready")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Removed after 7 days")

    class Format(models.TextChoices):
        """The format of the file."""

        JSONL = "jsonl", _("JSON Lines")
        CSV = "csv", _("CSV")
        HTML = "html", _("HTML, reads like the chat")

    WORKING: ClassVar = (State.RUNNING,)

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="chat_exports")
    format = models.CharField(max_length=10, choices=Format.choices)
    has_media = models.BooleanField(default=False)
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    contact = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    number = models.ForeignKey(
        Number, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    title = models.CharField(max_length=200, help_text=_("What is in it, in words."))
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True, help_text=_("Exclusive."))
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    filename = models.CharField(max_length=widths.FILENAME, blank=True)
    parts = models.PositiveIntegerField(default=0, help_text=_("Slices written so far."))
    expires_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True, blank=True
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "cancelled", "failed", "expired"]),
                name="export_state_known",
            ),
            models.CheckConstraint(
                condition=Q(format__in=["jsonl", "csv", "html"]), name="export_format_known"
            ),
        ]
        indexes: ClassVar = [
            due_index("export_due", "business", "id", is_open=Q(state="running")),
            dead_index("export_dead", "business"),
        ]

    def __str__(self) -> str:
        return f"export: {self.title}"
