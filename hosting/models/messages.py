"""Messages, outgoing queue rows, deliveries to meter, and monthly counts."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.queue import QueueRow
from core.queue.rows import due_index
from hosting.models.conversations import Contact, Conversation
from hosting.models.message_templates import Template
from hosting.models.numbers import Number

# How long all messages are free after the answer to a click on an ad, as webhooks say it. What a
# message costs here is the rate card's.
FREE_ENTRY = timedelta(hours=72)


class Direction(models.TextChoices):
    """The direction of a message."""

    IN = "in", _("Inbound")
    OUT = "out", _("Outbound")


class Status(models.TextChoices):
    """The status of a message; outbound ones only rise in rank, inbound ones are `received`."""

    RECEIVED = "received", _("Received")
    ACCEPTED = "accepted", _("Accepted")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    DELIVERED = "delivered", _("Delivered")
    READ = "read", _("Read")


STATUS_RANK: dict[str, int] = {
    "received": 0,
    "accepted": 0,
    "sent": 1,
    "failed": 2,
    "delivered": 3,
    "read": 4,
}


class Category(models.TextChoices):
    """The purpose of a message, which decides its price."""

    MARKETING = "marketing", _("Marketing")
    UTILITY = "utility", _("Utility")
    AUTHENTICATION = "authentication", _("Authentication")
    SERVICE = "service", _("Service")


def new_wamid() -> str:
    """Return a message id like the Cloud API's: `wamid.` and 24 random bytes, URL-safe."""
    return "wamid." + base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()


class Message(models.Model):
    """One message of a conversation with its status."""

    business = models.ForeignKey(
        Business,
        on_delete=models.PROTECT,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    # The database's own foreign key is (business, conversation, contact): a message cannot name
    # another tenant's conversation, nor another contact than that has.
    conversation = models.ForeignKey(
        Conversation,
        on_delete=models.PROTECT,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    number = models.ForeignKey(
        Number, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    wamid = models.CharField(max_length=widths.WAMID, default=new_wamid)
    upstream_wamid = models.CharField(
        max_length=widths.WAMID, null=True, blank=True, help_text=_("Its id at the upstream.")
    )
    direction = models.CharField(max_length=3, choices=Direction.choices)
    kind = models.CharField(
        max_length=widths.MESSAGE_KIND, help_text=_("The Cloud API's type: text, template, image …")
    )
    text = models.TextField(blank=True, help_text=_("What a reader sees and search finds."))
    content = models.JSONField(default=dict, help_text=_("The Cloud API's object for this type."))
    recipient = models.CharField(
        max_length=widths.PERSON_ID,
        blank=True,
        db_default="",
        help_text=_("Digits that it is sent to; its price goes by these."),
    )
    context_wamid = models.CharField(
        max_length=widths.WAMID, blank=True, help_text=_("The message replied to.")
    )
    tracker = models.CharField(max_length=512, blank=True, help_text=_("biz_opaque_callback_data"))
    template = models.ForeignKey(
        Template,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    category = models.CharField(max_length=widths.CATEGORY, choices=Category.choices, blank=True)
    window_open = models.BooleanField(
        default=False,
        help_text=_("Did prices count the 24-hour window as open when it was accepted?"),
    )
    free_entry_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When the free-entry window opened in which it was accepted."),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    status = models.CharField(max_length=widths.MESSAGE_STATUS, choices=Status.choices)
    status_rank = models.GeneratedField(
        expression=Case(
            *[When(status=status, then=Value(rank)) for status, rank in STATUS_RANK.items()],
            default=Value(0),
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    errors = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the customer took it back.")
    )

    imported_from = models.ForeignKey(
        "hosting.ChatImport",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
        help_text=_("The import that brought it; never metered."),
    )

    # Whether media links are to be fetched before sending; set only while it is accepted.
    has_links: bool = False

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number", "wamid"], name="wamid_once_per_number"),
            models.UniqueConstraint(
                fields=["number", "upstream_wamid"],
                condition=Q(upstream_wamid__isnull=False),
                name="upstream_wamid_once_per_number",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="message_status_known"
            ),
            models.CheckConstraint(
                condition=Q(direction="in", category="", status="received")
                | (Q(direction="out", category__in=Category.values) & ~Q(status="received")),
                name="message_direction_fits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["conversation", "id"], name="message_thread"),
            models.Index(fields=["business", "-created_at", "-id"], name="message_time"),
            # Messages that change another: few rows, found by that message.
            models.Index(
                fields=["number", "context_wamid"],
                condition=Q(kind__in=["reaction", "edit", "revoke"]),
                name="message_about",
            ),
            # Finds the messages of a file before it is deleted.
            models.Index(
                F("business"),
                KeyTextTransform("id", "content"),
                condition=Q(kind__in=["image", "audio", "video", "document", "sticker"]),
                name="message_media",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.kind} {self.wamid}"

    @property
    def display_text(self) -> str:
        """The text, or the kind in brackets."""
        return self.text or f"[{self.kind}]"

    @property
    def free_entry_until(self) -> datetime | None:
        """When the free-entry window ends in which it was accepted; None outside of one."""
        ends = self.free_entry_at + FREE_ENTRY if self.free_entry_at else None
        return ends if ends and self.created_at < ends else None

    @property
    def error_reason(self) -> str:
        """The network's reason for a failure."""
        first: dict[str, Any] = (self.errors or [{}])[0]
        return str(first.get("error_data", {}).get("details") or first.get("title") or "")


SANDBOX_OPEN = Q(state="open", transport="sandbox")


class Outgoing(QueueRow):
    """An accepted message waiting for its transport.

    The row is the queue, deleted when handed over.
    """

    class State(models.TextChoices):
        """Open rows are claimed; links are fetched first.

        Dead and unknown ones wait for an operator.
        """

        OPEN = "open", _("Waiting")
        FETCHING = "fetching", _("Its media link is fetched")
        SENDING = "sending", _("Sending")
        UNKNOWN = "unknown", _("Result unknown")
        DEAD = "dead", _("Dead letter")

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, primary_key=True, related_name="outgoing"
    )
    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    number = models.ForeignKey(
        Number, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    transport = models.CharField(max_length=widths.TRANSPORT)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    queued_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "outgoing"
        indexes: ClassVar = [
            due_index("outgoing_sandbox", "business", "message", is_open=SANDBOX_OPEN),
            due_index("outgoing_links", "business", "message", is_open=Q(state="fetching")),
            models.Index(
                fields=["not_before"],
                condition=Q(state="open", transport="cloudapi"),
                name="outgoing_upstream",
            ),
            models.Index(fields=["transport", "number", "message"], name="outgoing_of_number"),
            models.Index(
                fields=["-message"],
                condition=Q(state__in=["dead", "unknown"]),
                name="outgoing_given_up",
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.message_id}"


class Delivery(models.Model):
    """An outbound message that was delivered or failed, waiting to be metered.

    A queue without foreign keys.
    """

    message_id = models.BigIntegerField(unique=True)
    business_id = models.BigIntegerField()
    number_id = models.BigIntegerField()
    recipient = models.CharField(
        max_length=widths.PERSON_ID, help_text=_("Digits of the customer's number.")
    )
    category = models.CharField(max_length=widths.CATEGORY, choices=Category.choices)
    window_open = models.BooleanField(default=False)
    free_entry = models.BooleanField(
        default=False, help_text=_("Accepted after a free-entry window had opened.")
    )
    free_entry_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When that window opened.")
    )
    kind = models.CharField(
        max_length=widths.MESSAGE_KIND,
        blank=True,
        db_default="",
        help_text=_("The message's kind: reactions may be free."),
    )
    accepted_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the message was accepted.")
    )
    delivered_at = models.DateTimeField(help_text=_("Or when it failed."))
    failed = models.BooleanField(
        default=False, db_default=False, help_text=_("It failed; a rate card may charge that.")
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"delivery of message {self.message_id}"


class ReportedPrice(models.Model):
    """What the network says that one message costs, from a source that the business cannot sign
    (`hosting/inbound/reach.py`). It counts if it came with the first proof of the delivery.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    message_id = models.BigIntegerField(unique=True)
    price_micros = models.BigIntegerField()
    currency = models.CharField(max_length=widths.CURRENCY)
    is_late = models.BooleanField(
        default=False, help_text=_("It came after the message was known to be delivered.")
    )
    reported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(price_micros__gte=0), name="reported_price_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price_micros} micros of message {self.message_id}"


class HostedCount(models.Model):
    """Messages hosted in a calendar month (UTC) of one business; checked against the plan."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="hosted_counts")
    month = models.DateField()
    messages = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "month"], name="one_hosted_count_per_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.messages} in {self.month:%Y-%m}"
