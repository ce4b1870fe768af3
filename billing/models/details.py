"""Buyers and taxes: billing details of a business, tax rates by country, discounts."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from stdnum import get_cc_module
from stdnum.eu import vat
from stdnum.exceptions import ValidationError as BadNumber
from stdnum.util import clean

from accounts.models import Business
from core import widths


def normalize_vat_id(number: str) -> str:
    """The id without spaces and separators, in capitals; of any country."""
    try:
        return vat.compact(number)
    except BadNumber:
        return clean(number, " -./").upper()


def validate_vat_id(number: str) -> None:
    """Raise ValidationError for a VAT id with an EU prefix and wrong check digits."""
    compact = normalize_vat_id(number)
    if compact[:2].lower() in vat.MEMBER_STATES | {"el"} and not vat.is_valid(compact):
        raise ValidationError(_("%(number)s is not a valid VAT id."), params={"number": number})


def check_vat_id(number: str, country: str) -> None:
    """Raise ValidationError for a VAT id that is not valid in `country` (ISO code).

    In the EU prefix and check digits are checked, elsewhere check digits where they are known.
    """
    compact = normalize_vat_id(number)
    prefix = "EL" if country == "GR" else country
    if country.lower() in vat.MEMBER_STATES:
        fits = compact.startswith((prefix, country)) and vat.is_valid(compact)
    else:
        known = get_cc_module(country, "vat")
        fits = known is None or known.is_valid(compact)
    if not fits:
        raise ValidationError(
            _("%(number)s is not a valid VAT id of %(country)s."),
            params={"number": number, "country": country},
        )


class BillingDetails(models.Model):
    """The buyer's details of a business; copied into each invoice when it is issued."""

    business = models.OneToOneField(
        Business, on_delete=models.PROTECT, related_name="billing_details"
    )
    name = models.CharField(_("legal name"), max_length=widths.BUSINESS_NAME)
    address = models.TextField(_("address"), max_length=400, blank=True)
    country = models.CharField(_("country"), max_length=widths.COUNTRY)
    vat_id = models.CharField(
        _("VAT id"), max_length=widths.VAT_ID, blank=True, validators=[validate_vat_id]
    )
    reference = models.CharField(_("your reference or purchase order"), max_length=80, blank=True)
    email = models.EmailField(_("invoices go to"), blank=True)
    needs_approval = models.BooleanField(
        default=False, help_text=_("An operator approves each invoice first.")
    )
    auto_collect = models.BooleanField(_("pay automatically"), default=True)
    customer_id = models.CharField(
        max_length=widths.PAYMENT_ID, blank=True, help_text=_("Stripe customer.")
    )
    method_id = models.CharField(
        max_length=widths.PAYMENT_ID, blank=True, help_text=_("Stripe payment method.")
    )
    method_label = models.CharField(
        max_length=80, blank=True, help_text=_("Brand and last digits.")
    )

    class Meta:
        verbose_name_plural = "billing details"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, business: Business) -> "BillingDetails":
        """The details of a business, or unsaved defaults from the business itself."""
        found = cls.objects.filter(business=business).first()
        return found or cls(business=business, name=business.name, country=business.country)

    def as_copy(self) -> dict[str, Any]:
        """The buyer as stored in an invoice."""
        return {
            "name": self.name,
            "address": self.address,
            "country": self.country,
            "vat_id": normalize_vat_id(self.vat_id),
            "reference": self.reference,
            "email": self.email,
        }


class TaxRateQuerySet(models.QuerySet["TaxRate"]):
    """Queries over tax rates."""

    def on(self, day: date) -> Self:
        """The rates in force on a day."""
        return self.filter(Q(valid_to=None) | Q(valid_to__gt=day), valid_from__lte=day)


class TaxRate(models.Model):
    """Standard VAT rate of a country from a day on; maintained by operators."""

    country = models.CharField(max_length=widths.COUNTRY)
    percent = models.DecimalField(max_digits=5, decimal_places=2)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text=_("First day it no longer holds."))

    objects = TaxRateQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["country", "valid_from"], name="one_tax_rate_per_country_and_day"
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100), name="tax_rate_is_a_percentage"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="tax_rate_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.percent} %"


class DiscountQuerySet(models.QuerySet["Discount"]):
    """Queries over discounts."""

    def of_month(self, business: Business, month: date) -> Self:
        """Discounts of a business in a month, in a fixed order."""
        return self.filter(
            Q(last_month=None) | Q(last_month__gte=month), business=business, first_month__lte=month
        ).order_by("id")


class Discount(models.Model):
    """A percentage off a business's whole month."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="discounts")
    description = models.CharField(max_length=widths.LINE_DESCRIPTION)
    percent = models.DecimalField(max_digits=5, decimal_places=2)
    first_month = models.DateField(help_text=_("First day of the first month."))
    last_month = models.DateField(
        null=True, blank=True, help_text=_("First day of the last month.")
    )

    objects = DiscountQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(percent__gt=0, percent__lte=100), name="discount_is_a_percentage"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description}, {self.percent} %"

    def taken_off(self, micros: int) -> int:
        """What it takes off an amount in micro-units, rounded half-even to a micro-unit."""
        exact = Decimal(micros) * self.percent / 100
        return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))
