"""The rules of tax of the data files, without a database, and treatments by them."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from billing.invoices import tax, tax_data, tax_rules
from billing.invoices.tax_rules import Rules
from billing.models import TaxCountry, TaxRate, TaxRegion, TaxTerritory

DAY = date(2026, 5, 31)
MODELS: dict[str, Any] = {
    "countries": TaxCountry,
    "territories": TaxTerritory,
    "regions": TaxRegion,
    "rates": TaxRate,
}


@cache
def rules(day: date = DAY) -> Rules:
    """The rules of the data files on a day."""
    rows = {
        name: [
            model(**tax_data._values(row))
            for row in tax_data._rows(tax_data.DATA / tax_data.FILES[model.__name__])
        ]
        for name, model in MODELS.items()
    }
    return tax_rules.make_rules(day, **rows)


def decide(seller: Mapping[str, Any], buyer: Mapping[str, Any], day: date = DAY) -> tax.Treatment:
    """The treatment of a supply on a day."""
    return tax.treatment(tax.Supply(seller, buyer, day), rules(day))
