"""Rejected sends."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.models.numbers import Number


class RejectedSend(models.Model):
    """A send that the API refused with an error, kept for 30 days."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="+")
    wa_id = models.CharField(
        max_length=widths.PERSON_ID, help_text=_("Digits or user id of the customer.")
    )
    kind = models.CharField(max_length=widths.MESSAGE_KIND)
    content = models.JSONField(
        default=dict, help_text=_("The Cloud API's object for this type; large ones are left out.")
    )
    code = models.IntegerField(help_text=_("The Cloud API's error code."))
    reason = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["business", "-created_at", "-id"], name="rejected_newest"),
            models.Index(fields=["created_at"], name="rejected_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to +{self.wa_id}: {self.code}"
