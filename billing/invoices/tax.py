"""Tax treatment of an invoice by the countries and VAT ids of seller and buyer. No database
access.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

EU = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
REVERSE_CHARGE = (
    "Reverse charge: VAT is to be accounted for by the recipient "
    "(Article 196 of Directive 2006/112/EC)."
)
OUTSIDE_EU = (
    "Not taxed here: the service is supplied where the customer is established, outside the EU."
)
NOT_REGISTERED = "No tax is charged: the seller is not registered for it."
ABROAD = "No tax is charged on services to customers abroad."


@dataclass(frozen=True, slots=True)
class Treatment:
    """Tax treatment: a category code of EN 16931, a percentage, and the reason where no tax is
    charged.
    """

    category: str
    percent: Decimal
    note: str = ""


def treatment(
    seller: Mapping[str, Any], buyer: Mapping[str, Any], rates: Mapping[str, Decimal]
) -> Treatment:
    """The treatment of an invoice; `rates` are standard rates by country on its day."""
    here, there = seller["country"], buyer["country"]
    if not seller["vat_id"]:
        return Treatment("O", Decimal(0), NOT_REGISTERED)
    if here == there and here in rates:
        return Treatment("S", rates[here])
    if here in EU and there in EU:
        # Digital services to consumers are taxed where the consumer lives.
        return (
            Treatment("AE", Decimal(0), REVERSE_CHARGE)
            if buyer["vat_id"]
            else _standard(there, rates)
        )
    return Treatment("G", Decimal(0), OUTSIDE_EU if here in EU else ABROAD)


def _standard(country: str, rates: Mapping[str, Decimal]) -> Treatment:
    if country not in rates:
        raise LookupError(f"no tax rate is on file for {country}")
    return Treatment("S", rates[country])


def tax_minor(base_minor: int, percent: Decimal) -> int:
    """Tax on a rate group's base, in minor units, rounded half-even once."""
    return int((Decimal(base_minor) * percent / 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def tax_group(treated: Treatment, base_minor: int) -> dict[str, Any]:
    """A rate group as stored in invoices."""
    return {
        "category": treated.category,
        "percent": f"{treated.percent.normalize():f}",
        "base_minor": base_minor,
        "tax_minor": tax_minor(base_minor, treated.percent),
        "note": treated.note,
    }
