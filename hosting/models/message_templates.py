"""Message templates, which may be sent outside the 24-hour window."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.models.numbers import Account, new_graph_id


class TemplateStatus(models.TextChoices):
    """The review status of a template."""

    PENDING = "PENDING", _("Pending")
    APPROVED = "APPROVED", _("Approved")
    REJECTED = "REJECTED", _("Rejected")
    PAUSED = "PAUSED", _("Paused")
    DISABLED = "DISABLED", _("Disabled")


class TemplateQuerySet(models.QuerySet["Template"]):
    """Sets of templates."""

    def live(self) -> Self:
        """Return templates that are not deleted."""
        return self.filter(deleted_at=None)


class Template(models.Model):
    """A message template in one language; the category is in lower case."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="templates")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="templates")
    template_id = models.CharField(max_length=widths.OBJECT_ID, unique=True, default=new_graph_id)
    upstream_id = models.CharField(
        max_length=widths.OBJECT_ID,
        blank=True,
        db_default="",
        help_text=_("Its id at the upstream."),
    )
    name = models.CharField(max_length=widths.TEMPLATE_NAME)
    language = models.CharField(max_length=widths.LANGUAGE)
    category = models.CharField(
        max_length=widths.CATEGORY,
        choices=[
            ("marketing", _("Marketing")),
            ("utility", _("Utility")),
            ("authentication", _("Authentication")),
        ],
    )
    components = models.JSONField(default=list)
    status = models.CharField(
        max_length=12, choices=TemplateStatus.choices, default=TemplateStatus.PENDING
    )
    parameter_format = models.CharField(max_length=12, default="POSITIONAL")
    quality = models.CharField(
        max_length=10, default="UNKNOWN", help_text=_("GREEN, YELLOW, RED or UNKNOWN.")
    )
    rejected_reason = models.CharField(max_length=widths.REASON, default="NONE")
    ttl_seconds = models.IntegerField(
        null=True, blank=True, help_text=_("How long delivery is tried.")
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text=_("When a pause ends by itself.")
    )
    pauses = models.PositiveSmallIntegerField(
        default=0, help_text=_("How often it was paused for low quality.")
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "name", "language"], name="template_once_per_language"
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[a-z0-9_]+$"), name="template_name_letters"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    @property
    def body(self) -> str:
        """The text of the body component with its `{{n}}` placeholders."""
        bodies = (
            part.get("text", "")
            for part in self.components
            if str(part.get("type")).upper() == "BODY"
        )
        return next(bodies, "")
