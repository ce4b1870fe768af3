"""Tax as data: the law of a country, its territories and regions, rates by place, registrations of
the seller, exchange rates. Each holds from a day on; maintained by operators.
"""

from datetime import date
from typing import Any, ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core import widths

is_country = RegexValidator(r"^[A-Z]{2}$", _("Two capital letters, such as DE."))
is_place = RegexValidator(
    r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", _("A country, or a country and its region: DE, US-CA.")
)


class DatedQuerySet(models.QuerySet[Any]):
    """Queries over rows that hold for a time."""

    def on(self, day: date) -> Self:
        """The rows in force on a day."""
        return self.filter(Q(valid_to=None) | Q(valid_to__gt=day), valid_from__lte=day)


class Dated(models.Model):
    """A row that holds from a day to a day, which is the first that it no longer holds."""

    valid_from = models.DateField(default=date(2025, 1, 1))
    valid_to = models.DateField(null=True, blank=True, help_text=_("First day it no longer holds."))
    source = models.CharField(
        max_length=widths.TAX_SOURCE,
        blank=True,
        help_text=_("Law or page that says so, for who checks it."),
    )

    objects = DatedQuerySet.as_manager()

    class Meta:
        abstract = True


def _order(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name=name
    )


class TaxCountry(Dated):
    """The tax law that a country has on services like ours."""

    class Scheme(models.TextChoices):
        """How a seller in the country decides what is taxed."""

        EU = "eu", _("VAT of the European Union")
        VAT = "vat", _("VAT or GST with one rate")
        INDIA = "india", _("GST of India, by states")
        STATES = "states", _("Sales tax by states")

    class Abroad(models.TextChoices):
        """What a supply to a customer in another country is."""

        EXPORT = "export", _("Not taxable there")
        ZERO = "zero", _("Taxed at zero")
        OUTSIDE = "outside", _("Outside the tax")

    country = models.CharField(max_length=widths.COUNTRY, validators=[is_country])
    scheme = models.CharField(max_length=10, choices=Scheme.choices, default=Scheme.VAT)
    tax_name = models.CharField(
        max_length=widths.TAX_NAME, help_text=_("On documents, such as VAT.")
    )
    id_name = models.CharField(
        max_length=widths.TAX_NAME, help_text=_("Of the tax id, such as GSTIN.")
    )
    currency = models.CharField(
        max_length=widths.CURRENCY, help_text=_("In which the tax is accounted for.")
    )
    abroad = models.CharField(max_length=10, choices=Abroad.choices, default=Abroad.EXPORT)
    charges_businesses = models.BooleanField(
        default=False,
        help_text=_("A foreign seller who is registered here charges businesses as well."),
    )

    class Meta:
        verbose_name_plural = "tax countries"
        ordering: ClassVar = ["country", "valid_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["country", "valid_from"], name="one_tax_law_per_country_and_day"
            ),
            _order("tax_law_order"),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.tax_name}"


class TaxTerritory(Dated):
    """A part of a country that is taxed as another country, or as none of the union's."""

    class Supplies(models.TextChoices):
        """What it is about."""

        ALL = "all", _("Goods and services")
        GOODS = "goods", _("Goods only")

    name = models.CharField(max_length=80)
    country = models.CharField(max_length=widths.COUNTRY, validators=[is_country])
    postcodes = models.CharField(
        max_length=80,
        blank=True,
        help_text=_("Regular expression of its postcodes; empty: the whole country."),
    )
    taxed_as = models.CharField(
        max_length=widths.TAX_PLACE,
        help_text=_("Country whose tax it has, or a code of its own where no law is on file."),
        validators=[is_place],
    )
    supplies = models.CharField(max_length=10, choices=Supplies.choices, default=Supplies.ALL)

    class Meta:
        verbose_name_plural = "tax territories"
        ordering: ClassVar = ["country", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["country", "name", "valid_from"], name="one_territory_per_name_and_day"
            ),
            _order("tax_territory_order"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.country})"


class TaxRegion(models.Model):
    """A state of a country that taxes by states; `number` is its code in tax ids (India)."""

    country = models.CharField(max_length=widths.COUNTRY, validators=[is_country])
    code = models.CharField(max_length=3, help_text=_("ISO 3166-2 without the country: CA."))
    name = models.CharField(max_length=80)
    number = models.CharField(max_length=2, blank=True)
    tax_name = models.CharField(
        max_length=widths.TAX_NAME,
        blank=True,
        help_text=_("Of the state's share of the tax, such as SGST."),
    )

    class Meta:
        ordering: ClassVar = ["country", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["country", "code"], name="one_region_per_code"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.country}-{self.code})"


class TaxRate(Dated):
    """Rate of a country or state on services like ours; 0 where they are not taxed."""

    place = models.CharField(
        max_length=widths.TAX_PLACE,
        validators=[is_place],
        help_text=_("Such as DE, or US-TX for a state."),
    )
    percent = models.DecimalField(max_digits=6, decimal_places=3)

    class Meta:
        ordering: ClassVar = ["place", "valid_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["place", "valid_from"], name="one_tax_rate_per_place_and_day"
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100), name="tax_rate_is_a_percentage"
            ),
            _order("tax_rate_order"),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.percent.normalize():f} %"


class ExchangeRate(models.Model):
    """What one euro is worth in a currency on a day, as central banks publish it."""

    currency = models.CharField(max_length=widths.CURRENCY)
    day = models.DateField()
    per_euro = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        ordering: ClassVar = ["-day", "currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["currency", "day"], name="one_exchange_rate_per_currency_and_day"
            ),
            models.CheckConstraint(condition=Q(per_euro__gt=0), name="exchange_rate_is_positive"),
        ]

    def __str__(self) -> str:
        return f"1 EUR = {self.per_euro.normalize():f} {self.currency} on {self.day}"
