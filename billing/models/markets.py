"""Markets: pricing regions of recipients, by calling code."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from core import widths

OTHER = "Other"


class Market(models.Model):
    """A pricing region, such as `North America`; `Other` is used where no calling code matches."""

    name = models.CharField(primary_key=True, max_length=widths.MARKET)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="market_once_whatever_the_case"),
        ]

    def __str__(self) -> str:
        return self.name


class CallingCode(models.Model):
    """A prefix of E.164 digits and its market from a month on; the longest prefix wins."""

    prefix = models.CharField(max_length=7)
    country = models.CharField(max_length=widths.COUNTRY)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="calling_codes")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text=_("First day it no longer holds."))

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(prefix__regex=r"^[1-9][0-9]{0,6}$"), name="calling_code_digits"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="calling_code_dates_in_order",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__day=1) & (Q(valid_to=None) | Q(valid_to__day=1)),
                name="calling_code_starts_a_month",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["prefix"], name="calling_code_prefix")]

    def __str__(self) -> str:
        return f"+{self.prefix} {self.market_id}"
