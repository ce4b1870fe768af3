"""Tax treatment of an invoice by where seller and buyer are, and rounding of tax.

The rules are data (`billing.invoices.tax_rules`); this module says in which order they are asked.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.translation import gettext as _
from stdnum.eu import vat

from billing.invoices.tax_rules import NoTaxRule, Place, Rules, place_of
from billing.models import TaxCountry
from billing.models.details import normalize_vat_id
from core.registry import Registry

ZERO = Decimal(0)
# Place of the registration under which a seller from outside the union charges its consumers.
ONE_STOP_SHOP = "EU"


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the tax with its own name and rate, such as CGST."""

    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Treatment:
    """Tax treatment: a category code of EN 16931, a percentage, and the reason where no tax is
    charged.

    `name` is the tax's on documents; `parts` are the taxes it consists of, where they are several.
    `seller_id` is the seller's tax id in the place of taxation where that is not its home.
    """

    category: str
    percent: Decimal
    note: str = ""
    name: str = "VAT"
    parts: tuple[Part, ...] = ()
    seller_id: str = ""


@dataclass(frozen=True, slots=True)
class Supply:
    """What is to be taxed: seller and buyer as stored in invoices, and the date of supply."""

    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    day: date


@dataclass(frozen=True, slots=True)
class TaxEngine:
    """What decides the tax of a supply; None leaves it to the engine with the next higher order."""

    name: str
    decide: Callable[[Supply, Rules], Treatment | None]
    order: int = 50


engines: Registry[TaxEngine] = Registry(
    "billing.invoices.tax.engines",
    "Engines that decide the tax of invoices: Parley's own rules come last, so that another, such "
    "as Stripe Tax, can answer before them.",
    key=lambda engine: engine.name,
    order=lambda engine: engine.order,
)


@dataclass(frozen=True, slots=True)
class _Case:
    supply: Supply
    rules: Rules
    here: Place
    there: Place
    law: TaxCountry

    @property
    def seller(self) -> Mapping[str, Any]:
        return self.supply.seller

    @property
    def buyer(self) -> Mapping[str, Any]:
        return self.supply.buyer

    @property
    def is_domestic(self) -> bool:
        return self.here.country == self.there.country


def treatment(supply: Supply, rules: Rules) -> Treatment:
    """The treatment of a supply by the first engine that decides it.

    Raises NoTaxRule naming what is missing.
    """
    for engine in engines:
        found = engine.decide(supply, rules)
        if found is not None:
            return found
    raise NoTaxRule("No engine decides the tax of this supply.")


def by_rules(supply: Supply, rules: Rules) -> Treatment:
    """The treatment by the rules of the date of supply; domestic rules come before all others.

    Raises NoTaxRule naming what is missing.
    """
    seller = supply.seller
    if not _is_registered(seller):
        return Treatment("O", ZERO, _("No tax is charged: the seller is not registered for it."))
    here = place_of(seller, rules)
    law = rules.law(here.country)
    return _SCHEMES[law.scheme](_Case(supply, rules, here, place_of(supply.buyer, rules), law))


OWN_RULES = TaxEngine("rules", by_rules, order=100)


def _is_registered(seller: Mapping[str, Any]) -> bool:
    names = ("vat_id", "tax_number", "registrations", "is_small_business")
    return any(seller.get(name) for name in names)


def _european(case: _Case) -> Treatment:
    """VAT of the European Union, on services."""
    name, small = case.law.tax_name, case.seller.get("is_small_business")
    if case.is_domestic:
        return _small_business(name) if small else _standard(case.rules, case.there, name)
    there = case.rules.countries.get(case.there.country)
    if there is not None and there.scheme == TaxCountry.Scheme.EU:
        if has_eu_vat_id(case.buyer, case.there.country):
            return Treatment("AE", ZERO, _reverse_charge(), name)
        # Digital services to consumers are taxed where the consumer lives.
        return _small_business(name) if small else _standard(case.rules, case.there, there.tax_name)
    return _registered_abroad(case) or Treatment(
        "G",
        ZERO,
        _(
            "Not taxed here: the service is supplied where the customer is established, outside "
            "the EU."
        ),
        name,
    )


def _single_rate(case: _Case) -> Treatment:
    """VAT or GST of a country outside the union."""
    name = case.law.tax_name
    if case.is_domestic:
        return (
            _small_business(name)
            if case.seller.get("is_small_business")
            else _standard(case.rules, case.there, name)
        )
    return _registered_abroad(case) or _abroad(case)


def _india(case: _Case) -> Treatment:
    """GST of India: CGST and SGST (or UTGST) within a state, IGST across states."""
    if not case.is_domestic:
        return _registered_abroad(case) or _abroad(case)
    percent = case.rules.rate("IN")
    ours, theirs = (_state(case.rules, party) for party in (case.seller, case.buyer))
    if ours != theirs:
        return Treatment("S", percent, name="IGST")
    half = percent / 2
    state_tax = case.rules.region("IN", theirs).tax_name
    parts = (Part("CGST", half), Part(state_tax, half))
    return Treatment("S", percent, name=f"CGST + {state_tax}", parts=parts)


def _state(rules: Rules, party: Mapping[str, Any]) -> str:
    """Code of a party's Indian state: of its GSTIN, whose first digits are the state's number, else
    of its address.
    """
    number = normalize_vat_id(party.get("vat_id") or "")[:2]
    by_number = {one.number: one.code for one in rules.regions.values() if one.country == "IN"}
    code = by_number.get(number) or (party.get("region") or "").upper()
    if not code:
        raise NoTaxRule(
            f"The state of {party.get('name') or 'a party'} is missing: it decides between CGST "
            "with SGST and IGST."
        )
    return rules.region("IN", code).code


def _by_states(case: _Case) -> Treatment:
    """Sales tax of the United States: only in states where the seller is registered."""
    if not case.is_domestic:
        return _registered_abroad(case) or _abroad(case)
    states = {place for place in _registrations(case.supply) if place.startswith("US-")}
    if not states:
        return Treatment("O", ZERO, _("No sales tax: the seller is not registered in any state."))
    code = case.there.region
    if not code:
        raise NoTaxRule(
            f"The state of {case.buyer.get('name') or 'the customer'} is missing: it decides the "
            "sales tax."
        )
    region = case.rules.region("US", code)
    if str(case.there) not in states:
        note = _("No sales tax: the seller is not registered in %(state)s.")
        return Treatment("O", ZERO, note % {"state": region.name}, region.tax_name)
    percent = case.rules.rate(str(case.there))
    if not percent:
        note = _("No sales tax: services like these are not taxed in %(state)s.")
        return Treatment("O", ZERO, note % {"state": region.name}, region.tax_name)
    number = _registrations(case.supply)[str(case.there)]
    return Treatment("S", percent, name=f"{region.name} sales tax", seller_id=number)


_SCHEMES: dict[str, Callable[[_Case], Treatment]] = {
    TaxCountry.Scheme.EU: _european,
    TaxCountry.Scheme.VAT: _single_rate,
    TaxCountry.Scheme.INDIA: _india,
    TaxCountry.Scheme.STATES: _by_states,
}


def _standard(rules: Rules, there: Place, name: str) -> Treatment:
    return Treatment("S", rules.rate(there.country), name=name)


def _small_business(name: str) -> Treatment:
    return Treatment(
        "E",
        ZERO,
        _(
            "No tax is charged: the seller is a small business, exempt under Article 284 of "
            "Directive 2006/112/EC or the law of its country."
        ),
        name,
    )


def _registered_abroad(case: _Case) -> Treatment | None:
    """The treatment under a registration that the seller has where the buyer is; None without one.

    A business that is registered there accounts for the tax itself, unless the law of its country
    makes foreign sellers charge businesses too.
    """
    country, given = case.there.country, _registrations(case.supply)
    law = case.rules.countries.get(country)
    if law is None:
        return None
    if law.scheme == TaxCountry.Scheme.EU and country not in given:
        if ONE_STOP_SHOP not in given or has_eu_vat_id(case.buyer, country):
            return None
        given = {country: given[ONE_STOP_SHOP]}
    if law.scheme not in (TaxCountry.Scheme.EU, TaxCountry.Scheme.VAT) or country not in given:
        return None
    if case.buyer.get("vat_id") and not law.charges_businesses:
        return None
    return replace(_standard(case.rules, case.there, law.tax_name), seller_id=given[country])


def _abroad(case: _Case) -> Treatment:
    """A service to a customer in another country, by the law of the seller's."""
    name = case.law.tax_name
    if case.law.abroad == TaxCountry.Abroad.ZERO:
        return Treatment("Z", ZERO, _("Export of services, taxed at zero."), name)
    note = _("Not taxed here: the service is supplied where the customer is established.")
    return Treatment("G" if case.law.abroad == TaxCountry.Abroad.EXPORT else "O", ZERO, note, name)


def _registrations(supply: Supply) -> dict[str, str]:
    """Tax ids that the seller has abroad and in states on the day of supply, by place."""
    day = str(supply.day)
    return {
        one["place"]: one["number"]
        for one in supply.seller.get("registrations") or []
        if one["valid_from"] <= day and (not one.get("valid_to") or day < one["valid_to"])
    }


def _reverse_charge() -> str:
    return _(
        "Reverse charge: VAT is to be accounted for by the recipient "
        "(Article 196 of Directive 2006/112/EC)."
    )


def has_eu_vat_id(party: Mapping[str, Any], country: str) -> bool:
    """Whether a party has a VAT id of this country (ISO code) with right check digits."""
    number = normalize_vat_id(party.get("vat_id") or "")
    prefix = "EL" if country == "GR" else country
    return number.startswith((prefix, country)) and bool(vat.is_valid(number))


def tax_minor(base_minor: int, percent: Decimal) -> int:
    """Tax on a rate group's base, in minor units, commercially rounded: halves away from zero."""
    return int((Decimal(base_minor) * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))


def tax_group(treated: Treatment, base_minor: int) -> dict[str, Any]:
    """A rate group as stored in invoices; several taxes in one are rounded each."""
    group: dict[str, Any] = {
        "category": treated.category,
        "percent": f"{treated.percent.normalize():f}",
        "name": treated.name,
        "note": treated.note,
    }
    if treated.seller_id:
        group["seller_id"] = treated.seller_id
    if treated.parts:
        group["parts"] = [
            {"name": part.name, "percent": f"{part.percent.normalize():f}"}
            for part in treated.parts
        ]
    return with_base(group, base_minor)


def with_base(group: Mapping[str, Any], base_minor: int) -> dict[str, Any]:
    """A stored rate group on another base, such as that of a credit note."""
    made = {**group, "base_minor": base_minor}
    if "parts" not in group:
        return {**made, "tax_minor": tax_minor(base_minor, Decimal(group["percent"]))}
    parts = [
        {**part, "tax_minor": tax_minor(base_minor, Decimal(part["percent"]))}
        for part in group["parts"]
    ]
    return {**made, "parts": parts, "tax_minor": sum(part["tax_minor"] for part in parts)}


def credited_group(
    group: Mapping[str, Any], base_minor: int, earlier: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The rate group of a credit note for `base_minor` of an invoice's group.

    Its taxes are those after it less those of the `earlier` notes' groups, so that no minor unit is
    lost where an invoice is credited bit by bit.
    """
    before = list(earlier)
    after = with_base(group, base_minor + sum(one["base_minor"] for one in before))
    taxed = sum(one["tax_minor"] for one in before)
    made = {**after, "base_minor": base_minor, "tax_minor": after["tax_minor"] - taxed}
    if "parts" in after:
        made["parts"] = [
            {
                **part,
                "tax_minor": part["tax_minor"] - sum(o["parts"][n]["tax_minor"] for o in before),
            }
            for n, part in enumerate(after["parts"])
        ]
    return made


def _part(group: Mapping[str, Any], number: int) -> int:
    tax: int = group["parts"][number]["tax_minor"]
    return tax


def tax_groups(
    bases: Iterable[tuple[str, Decimal, int]], treated: Iterable[Treatment]
) -> list[dict[str, Any]]:
    """Rate groups of lines' sums (category, percent, minor units) by the treatments they had."""
    by_key = {(one.category, one.percent): one for one in treated}
    return [tax_group(by_key[category, percent], base) for category, percent, base in bases]
