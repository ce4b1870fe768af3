"""Webhooks of businesses, and a row for each POST to them."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.encryption import EncryptedTextField
from core.queue import QueueRow
from hosting.models.numbers import Account, Number, new_token

RETRIED_FOR = timedelta(days=7)
SHOWN_BYTES = 2048
MAX_UPDATES = 100
FIELDS = (
    "messages",
    "message_template_status_update",
    "message_template_quality_update",
    "account_update",
    "account_alerts",
    "orders",
    "user_preferences",
    "calls",
    "smb_message_echoes",
    "history",
    "smb_app_state_sync",
    "phone_number_name_update",
    "phone_number_quality_update",
    "business_capability_update",
    "security",
    "flows",
    "payment_configuration_update",
    # All that is not in this list, what Parley does not know among it.
    "other",
)
OTHER_FIELDS = "other"


def all_fields() -> list[str]:
    """Return every field that Parley reports."""
    return list(FIELDS)


def new_deadline() -> datetime:
    """Return the deadline of a call made now."""
    return timezone.now() + RETRIED_FOR


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Sets of webhooks."""

    def kept(self) -> Self:
        """Return webhooks that are not removed."""
        return self.filter(removed_at=None)


class Webhook(models.Model):
    """A URL that gets the events of an account, or of one number in place of the account's."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="webhooks")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="webhooks")
    number = models.ForeignKey(
        Number,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="webhooks",
        help_text=_("Only this number's events, in place of the account's webhooks."),
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    url = models.CharField(max_length=2048)
    host = models.GeneratedField(
        expression=Func(
            Func(models.F("url"), Value(r"^[^:]*://(\[[^\]]*\]|[^/:?#]+)"), function="substring"),
            function="lower",
        ),
        output_field=models.TextField(),
        db_persist=True,
    )
    verify_token = EncryptedTextField(default=new_token)
    fields = ArrayField(models.CharField(max_length=widths.WEBHOOK_FIELD), default=all_fields)
    # Stock clients read only the first update of a body, so one is sent by default.
    updates_per_call = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        help_text=_("Updates of one conversation in one call, at most 100."),
    )
    is_active = models.BooleanField(default=True)
    by_api = models.BooleanField(
        default=False, help_text=_("Set by `override_callback_uri`; one for each account.")
    )
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it last answered the challenge.")
    )
    # The receiver's health limits the calls under way, so that a slow one delays only itself.
    failures = models.PositiveIntegerField(
        default=0, help_text=_("Failed calls since the last that was answered.")
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    mean_seconds = models.FloatField(default=0)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "number", "url"],
                condition=Q(removed_at=None),
                nulls_distinct=False,
                name="webhook_once_per_url",
            ),
            models.UniqueConstraint(
                fields=["account", "number"],
                condition=Q(removed_at=None, by_api=True),
                nulls_distinct=False,
                name="one_webhook_by_api",
            ),
            models.CheckConstraint(
                condition=Q(updates_per_call__gte=1, updates_per_call__lte=MAX_UPDATES),
                name="updates_per_call_within",
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(is_active=False), name="removed_webhook_is_silent"
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def mean_milliseconds(self) -> int:
        """The moving average of response times."""
        return round(self.mean_seconds * 1000)

    def remove(self) -> None:
        """Deactivate and hide it; its calls stay until they are purged."""
        self.is_active, self.removed_at = False, timezone.now()
        self.save(update_fields=["is_active", "removed_at"])


class WebhookCall(QueueRow):
    """One POST to a webhook: open until answered with 2xx, dead after seven days.

    The row is the queue.
    """

    class State(models.TextChoices):
        """Open rows are called; dead ones wait for a person."""

        OPEN = "open", _("Waiting")
        DONE = "done", _("Delivered")
        DEAD = "dead", _("Given up")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    webhook = models.ForeignKey(
        Webhook, on_delete=models.PROTECT, related_name="calls", db_index=False
    )
    # Calls of one conversation are made in the order of their ids. No foreign key, as it is a queue
    # and a log.
    conversation_id = models.BigIntegerField(null=True, blank=True)
    field = models.CharField(max_length=widths.WEBHOOK_FIELD)
    body = models.BinaryField(help_text=_("The exact bytes that are signed and sent."))
    state = models.CharField(max_length=4, choices=State.choices, default=State.OPEN)
    tries = models.PositiveIntegerField(default=0, help_text=_("Requests that were made."))
    deadline = models.DateTimeField(default=new_deadline)
    created_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_body = models.BinaryField(default=b"", help_text=_("The first 64 KB."))
    seconds = models.FloatField(null=True, blank=True)
    is_test = models.BooleanField(
        default=False, db_default=False, help_text=_("A sample that somebody asked for.")
    )
    replay_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="replays",
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["webhook", "not_before", "id"], condition=Q(state="open"), name="call_due"
            ),
            models.Index(
                fields=["webhook", "conversation_id", "id"],
                condition=Q(state="open"),
                name="call_order",
            ),
            models.Index(
                fields=["webhook"], condition=Q(leased_until__isnull=False), name="call_under_way"
            ),
            models.Index(fields=["conversation_id"], name="call_conversation"),
            models.Index(fields=["business", "-id"], condition=Q(state="dead"), name="call_dead"),
        ]

    def __str__(self) -> str:
        return f"call {self.public_id}"

    @property
    def milliseconds(self) -> int:
        """The duration of the last attempt; 0 before one."""
        return round((self.seconds or 0) * 1000)

    @property
    def shown_response(self) -> str:
        """The first 2 KB of the response."""
        return bytes(self.response_body)[:SHOWN_BYTES].decode("utf-8", "replace")

    @property
    def shown_body(self) -> str:
        """The body, indented."""
        import json

        return json.dumps(json.loads(bytes(self.body)), ensure_ascii=False, indent=2)
