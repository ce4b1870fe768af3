"""Upstreams: real Cloud APIs behind accounts, and the queues for them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.encryption import EncryptedTextField
from core.queue import QueueRow
from core.queue.rows import dead_index, due_index
from hosting.models.media import Media
from hosting.models.numbers import Account, Number


class Upstream(models.Model):
    """A Cloud API (Meta's, or any other) that carries the messages of an account's numbers.

    A number takes part with `transport="cloudapi"` and its id there in `upstream_id`. The
    upstream's webhooks come to `/webhooks/<our waba_id>/`, verified with the account's verify token
    and signed with the upstream's app secret.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="upstream")
    base_url = models.CharField(
        max_length=500,
        default="https://graph.facebook.com/v23.0",
        help_text=_("With the version, if it has one."),
    )
    waba_id = models.CharField(max_length=widths.OBJECT_ID, help_text=_("The account's id there."))
    token = EncryptedTextField(help_text=_("Sent as Bearer; encrypted at rest."))
    app_secret = EncryptedTextField(help_text=_("What the upstream signs its webhooks with."))
    is_self_connected = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "The business entered the app secret itself and could sign with it: its webhooks then "
            "make no message free and change no template's category."
        ),
    )
    created_at = models.DateTimeField(default=timezone.now)
    synchronised_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When templates were last read.")
    )
    last_error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(base_url__regex=r"^https?://[^/]"), name="upstream_base_is_url"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.base_url} for {self.account_id}"

    def url_of(self, *parts: str) -> str:
        """Return an object's address, such as `url_of(phone_number_id, "messages")`."""
        return "/".join([self.base_url.rstrip("/"), *parts])


class TemplateSync(QueueRow):
    """An upstream whose templates are to be synchronised; the row is deleted when they are."""

    upstream = models.OneToOneField(
        Upstream, on_delete=models.CASCADE, primary_key=True, related_name="template_sync"
    )
    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    requested_at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        indexes: ClassVar = [
            due_index("template_sync_due", "business", "upstream"),
            dead_index("template_sync_dead", "-upstream"),
        ]

    def __str__(self) -> str:
        return f"templates of upstream {self.upstream_id}"


class UpstreamMedia(models.Model):
    """A file that an upstream holds under its own id for one number.

    It deletes files after 30 days.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="+")
    media = models.ForeignKey(Media, on_delete=models.CASCADE, related_name="+")
    upstream_id = models.CharField(max_length=widths.OBJECT_ID)
    uploaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "upstream media"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number", "media"], name="uploaded_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.media_id} there {self.upstream_id}"


class MediaFetch(QueueRow):
    """A customer's file to fetch from the upstream; the row is the queue, deleted when fetched."""

    media = models.OneToOneField(
        Media, on_delete=models.CASCADE, primary_key=True, related_name="fetch"
    )
    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="+")
    # No foreign key: the conversation whose webhook calls wait for the file.
    conversation_id = models.BigIntegerField()
    upstream_id = models.CharField(max_length=widths.OBJECT_ID)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "media fetches"
        indexes: ClassVar = [
            due_index("media_fetch_due", "business", "media"),
            dead_index("media_fetch_dead", "-media"),
        ]

    def __str__(self) -> str:
        return f"{self.upstream_id} for {self.media_id}"


class Receipt(QueueRow):
    """A read receipt, optionally with a typing indicator, queued for the upstream."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="+")
    wamid = models.CharField(
        max_length=widths.WAMID, help_text=_("The customer's message that was read.")
    )
    is_typing = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number", "wamid"], name="receipt_once_per_message"),
        ]
        indexes: ClassVar = [
            due_index("receipt_due", "business", "id"),
            dead_index("receipt_dead", "business"),
        ]

    def __str__(self) -> str:
        return f"{self.wamid} was read"
