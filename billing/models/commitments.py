"""Minimum commitments: what a business's messages cost a month at least."""

from datetime import date
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths


class MinimumCommitmentQuerySet(models.QuerySet["MinimumCommitment"]):
    """Queries over minimum commitments."""

    def of_month(self, business: Business, month: date) -> Self:
        """The commitments of a business in a month; one at most, by constraint."""
        return self.filter(
            Q(last_month=None) | Q(last_month__gte=month), business=business, first_month__lte=month
        )


class MinimumCommitment(models.Model):
    """What a business's messages of a month cost at least; what is missing is a line of its own.

    Messages of the month itself count, less reversals up to its close, before discounts. The
    database refuses a change of a closed month, two commitments for a month, and another currency
    than the month's.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="commitments")
    amount_micros = models.BigIntegerField(help_text=_("A month, in the business's currency."))
    currency = models.CharField(
        max_length=widths.CURRENCY,
        blank=True,
        default="",
        editable=False,
        help_text=_("The business's when it was agreed; filled in by the database."),
    )
    first_month = models.DateField(help_text=_("First day of the first month."))
    last_month = models.DateField(
        null=True, blank=True, help_text=_("First day of the last month.")
    )

    objects = MinimumCommitmentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="commitment_is_positive"),
            models.CheckConstraint(
                condition=Q(first_month__day=1) & (Q(last_month=None) | Q(last_month__day=1)),
                name="commitment_is_of_whole_months",
            ),
            models.CheckConstraint(
                condition=Q(last_month=None) | Q(last_month__gte=F("first_month")),
                name="commitment_months_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"minimum of {self.business} from {self.first_month:%Y-%m}"
