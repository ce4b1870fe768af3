"""Simulated phones of the sandbox network."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from hosting.cloudapi.failures import FAILURES
from hosting.models.numbers import Number


class SimulatedPhone(models.Model):
    """A simulated customer's phone, reachable from one business's sandbox numbers."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="simulated_phones"
    )
    wa_id = models.CharField(max_length=widths.PERSON_ID)
    name = models.CharField(max_length=widths.PERSON_NAME)
    is_online = models.BooleanField(default=True, help_text=_("Offline, messages stay `sent`."))
    reads_at_once = models.BooleanField(
        default=False, help_text=_("Read receipts follow without opening the chat.")
    )
    fails_with = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The next message to it fails with this code.")
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "wa_id"], name="simulated_phone_once_per_business"
            ),
            models.CheckConstraint(
                condition=models.Q(fails_with=None) | models.Q(fails_with__in=sorted(FAILURES)),
                name="simulated_phone_fails_with_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} +{self.wa_id}"


class SimulatedPhoneBlock(models.Model):
    """A period in which a phone blocks a number; messages sent then never arrive."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    # The database's own foreign key deletes it with the phone, as erasure does not load these rows.
    simulated_phone = models.ForeignKey(
        SimulatedPhone,
        on_delete=models.CASCADE,
        related_name="blocks",
        db_constraint=False,
        db_index=False,
    )
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Ids instead of times: a test clock may stand still, and message ids are unique.
    begun_after = models.BigIntegerField(
        help_text=_("The business's newest message when it began.")
    )
    ended_after = models.BigIntegerField(
        null=True, blank=True, help_text=_("The business's newest message when it ended.")
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["simulated_phone", "number"],
                condition=models.Q(ended_after=None),
                name="simulated_phone_block_once",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_after=None)
                | models.Q(ended_after__gte=models.F("begun_after")),
                name="simulated_phone_block_ends_later",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["simulated_phone", "number"], name="simulated_phone_block_of")
        ]

    def __str__(self) -> str:
        return f"{self.simulated_phone_id} blocks {self.number_id}"

    def covers(self, message_id: int) -> bool:
        """Return whether a message was sent in this period."""
        return self.begun_after < message_id and (
            self.ended_after is None or message_id <= self.ended_after
        )
