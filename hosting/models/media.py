"""Media files and resumable uploads."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.models.numbers import new_graph_id


class MediaQuerySet(models.QuerySet["Media"]):
    """Sets of media."""

    def live(self) -> "MediaQuerySet":
        """Return media that is not deleted."""
        return self.filter(deleted_at=None)


class Media(models.Model):
    """A file of one business, with an id like the Cloud API's; equal contents share storage."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="media")
    media_id = models.CharField(max_length=widths.OBJECT_ID, unique=True, default=new_graph_id)
    mime_type = models.CharField(max_length=widths.MIME_TYPE)
    size = models.PositiveBigIntegerField(help_text=_("Bytes."))
    sha256 = models.CharField(
        max_length=widths.SHA256, help_text=_("Of the content, in hexadecimal.")
    )
    filename = models.CharField(max_length=widths.FILENAME, blank=True)
    is_ready = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_("A customer's file is not while it is still at the upstream."),
    )
    locked_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("A customer's file over the plan's storage is kept until then, not shown."),
    )
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = MediaQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "media"
        indexes: ClassVar = [
            models.Index(fields=["business", "sha256"], name="media_content"),
            models.Index(
                fields=["business", "id"],
                condition=Q(locked_until__isnull=False),
                name="media_locked",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(locked_until=None) | Q(is_ready=False), name="locked_media_not_ready"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mime_type} {self.media_id}"

    @property
    def path(self) -> str:
        """The content's path in the storage."""
        return f"media/{self.business_id}/{self.sha256[:2]}/{self.sha256}"

    @property
    def thumbnail_path(self) -> str:
        """The thumbnail's path in the storage, once it was made."""
        return f"thumbnails/{self.business_id}/{self.sha256[:2]}/{self.sha256}.webp"


class Storage(models.Model):
    """The bytes of readable files of a business, counted by the database."""

    business = models.OneToOneField(
        Business, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    bytes = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "storage"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(bytes__gte=0), name="storage_not_negative")
        ]

    def __str__(self) -> str:
        return f"{self.bytes} bytes"


class Upload(models.Model):
    """A resumable upload, for templates and profile pictures; its parts are in the storage."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="+")
    upload_id = models.CharField(max_length=64, unique=True)
    filename = models.CharField(max_length=widths.FILENAME, blank=True)
    mime_type = models.CharField(max_length=widths.MIME_TYPE)
    size = models.PositiveBigIntegerField(help_text=_("Bytes that were announced."))
    received = models.PositiveBigIntegerField(default=0, help_text=_("Bytes that have come."))
    media = models.ForeignKey(
        Media, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"upload {self.upload_id}"
