"""Buyers: billing details of a business, and its discounts."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from stdnum import get_cc_module
from stdnum.eu import vat
from stdnum.exceptions import ValidationError as BadNumber
from stdnum.util import clean

from accounts.models import Business
from billing.models.parties import Party
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


def document_languages() -> list[tuple[str, str]]:
    """Languages in which documents can be made: those of the pages."""
    return list(settings.LANGUAGES)


class EInvoiceFormat(models.TextChoices):
    """Form in which a customer gets its invoices beside the PDF."""

    UBL = "ubl", _("EN 16931, UBL")
    CII = "cii", _("EN 16931, CII")
    FACTURX = "facturx", _("Factur-X (ZUGFeRD): XML inside the PDF")
    XRECHNUNG = "xrechnung", _("XRechnung 3 (UBL)")
    PEPPOL = "peppol", _("Peppol BIS Billing 3 (UBL)")
    NONE = "none", _("PDF only")


class BillingDetails(Party):
    """The buyer's details of a business; copied into each invoice when it is issued."""

    business = models.OneToOneField(
        Business, on_delete=models.PROTECT, related_name="billing_details"
    )
    name = models.CharField(_("legal name"), max_length=widths.BUSINESS_NAME)
    address = models.TextField(
        _("street and number"),
        max_length=400,
        blank=True,
        help_text=_("Up to three lines."),
    )
    country = models.CharField(_("country"), max_length=widths.COUNTRY)
    vat_id = models.CharField(
        _("VAT id or other tax id"),
        max_length=widths.VAT_ID,
        blank=True,
        validators=[validate_vat_id],
        help_text=_("GSTIN in India, EIN in the United States."),
    )
    reference = models.CharField(
        _("your reference"),
        max_length=80,
        blank=True,
        help_text=_("On every invoice; for authorities in Germany the Leitweg-ID."),
    )
    order_number = models.CharField(_("purchase order"), max_length=80, blank=True)
    einvoice_format = models.CharField(
        _("e-invoice"),
        max_length=10,
        choices=EInvoiceFormat.choices,
        default=EInvoiceFormat.UBL,
    )
    language = models.CharField(
        _("language of documents"),
        max_length=widths.LANGUAGE,
        choices=document_languages,
        default="en",
    )
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
            "order_number": self.order_number,
            "email": self.email,
            "language": self.language,
            "einvoice_format": self.einvoice_format,
            **self.party_copy(),
        }


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
