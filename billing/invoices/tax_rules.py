"""The rules of tax that hold on a day, from their tables, and where a party is for tax."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from billing.errors import BillingError
from billing.models import TaxCountry, TaxRate, TaxRegion, TaxTerritory
from billing.models.taxes import Dated


class NoTaxRule(BillingError):
    """What decides the tax is missing; the message says what."""

    code = "no_tax_rule"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a party is for tax: the country whose tax holds, and the code of its region."""

    country: str
    region: str = ""

    def __str__(self) -> str:
        return f"{self.country}-{self.region}" if self.region else self.country


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one day."""

    day: date
    countries: Mapping[str, TaxCountry]
    territories: Sequence[TaxTerritory]
    regions: Mapping[tuple[str, str], TaxRegion]
    rates: Mapping[str, Decimal]

    def law(self, country: str) -> TaxCountry:
        """The law of a country; raises NoTaxRule."""
        if country not in self.countries:
            raise NoTaxRule(
                f"There is no tax law of {country} on file for {self.day}: "
                "an operator adds it in the admin, Billing, Tax countries."
            )
        return self.countries[country]

    def rate(self, place: str) -> Decimal:
        """The rate of a country or state; raises NoTaxRule."""
        if place not in self.rates:
            raise NoTaxRule(
                f"There is no tax rate of {place} on file for {self.day}: "
                "an operator adds it in the admin, Billing, Tax rates."
            )
        return self.rates[place]

    def region(self, country: str, code: str) -> TaxRegion:
        """A state by its code; raises NoTaxRule."""
        found = self.regions.get((country, code))
        if found is None:
            raise NoTaxRule(f"{code or 'An empty state'} is no state of {country} that is on file.")
        return found


def rules_on(day: date) -> Rules:
    """The rules in force on a day, from the database."""
    return make_rules(
        day,
        countries=TaxCountry.objects.on(day),
        territories=TaxTerritory.objects.on(day),
        regions=TaxRegion.objects.all(),
        rates=TaxRate.objects.on(day),
    )


def make_rules(
    day: date,
    *,
    countries: Iterable[TaxCountry],
    territories: Iterable[TaxTerritory],
    regions: Iterable[TaxRegion],
    rates: Iterable[TaxRate],
) -> Rules:
    """Rules from rows, of which those that do not hold on the day are left out."""
    return Rules(
        day=day,
        countries={one.country: one for one in countries if _holds(one, day)},
        territories=sorted(
            (one for one in territories if _holds(one, day)),
            # Those with postcodes, and those about goods alone, say more than the others.
            key=lambda one: (not one.postcodes, one.supplies == TaxTerritory.Supplies.ALL),
        ),
        regions={(one.country, one.code): one for one in regions},
        rates={one.place: one.percent for one in rates if _holds(one, day)},
    )


def _holds(row: Dated, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day < row.valid_to)


def place_of(party: Mapping[str, Any], rules: Rules, *, goods: bool = False) -> Place:
    """Where a party is for tax, by country, postcode and region; for services unless `goods`.

    A territory outside the tax of its country has a code of its own, of which no law is on file.
    """
    country, region = party.get("country") or "", (party.get("region") or "").upper()
    postcode = re.sub(r"\s", "", party.get("postcode") or "").upper()
    for territory in rules.territories:
        if (
            territory.country == country
            and (goods or territory.supplies == TaxTerritory.Supplies.ALL)
            and (not territory.postcodes or re.search(territory.postcodes, postcode))
        ):
            return Place(territory.taxed_as)
    return Place(country, region)
