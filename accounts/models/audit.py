"""The audit log."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from accounts.models.businesses import Business
from core import widths


class AuditEntry(models.Model):
    """One recorded change: actor, action, subject, values before and after, time, IP address.

    A trigger refuses updates and deletes.
    """

    business = models.ForeignKey(
        Business,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text=_("Empty where the change is the platform's own, such as a plan."),
    )
    # Without a foreign key in the database: an entry outlives the rows that it names.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    actor_name = models.CharField(
        max_length=widths.EMAIL, help_text=_("E-mail address, key, or what part of Parley acted.")
    )
    action = models.CharField(max_length=60, help_text=_("Such as member.role_changed."))
    subject = models.CharField(max_length=200, help_text=_("What was changed, for a reader."))
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True, blank=True)
    at = models.DateTimeField(default=utc_now)

    class Meta:
        verbose_name_plural = "audit log"
        indexes: ClassVar = [
            models.Index(fields=["business", "-id"], name="audit_of_business"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["actor", "business"], name="audit_of_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name}"
