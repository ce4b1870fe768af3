"""The simulated phones of the sandbox network."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business


class Handset(models.Model):
    """A simulated customer's phone, reachable from one business's sandbox numbers."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="handsets")
    wa_id = models.CharField(max_length=15)
    name = models.CharField(max_length=120)
    is_online = models.BooleanField(default=True, help_text=_("Offline, messages stay `sent`."))
    reads_at_once = models.BooleanField(default=False, help_text=_("Read receipts follow without opening the chat."))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "wa_id"], name="handset_once_per_business"),
        ]

    def __str__(self) -> str:
        return f"{self.name} +{self.wa_id}"
