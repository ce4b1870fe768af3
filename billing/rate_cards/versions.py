"""Versions of rate cards: sheets, comparison, drafts, scheduling, re-rating."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext_lazy as _

from billing.models import CardVersion, Market, Rate, RateCard, RateCategory, Tier, VersionState
from core import money
from core.errors import ParleyError
from core.sql import select
from core.tenancy import system

Key = tuple[str, str]


class CardError(ParleyError):
    """A rate card cannot be read or scheduled; the message says why."""

    code = "rate_card"


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One tier: positions `first` to `last` (inclusive, None unbounded) at a price in
    micro-units.
    """

    first: int
    last: int | None
    price_micros: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a file, at a row and column numbered as in a spreadsheet, from 1; 0 means all of
    them.
    """

    file: str
    row: int
    column: int
    reason: str

    def __str__(self) -> str:
        row = f", row {self.row}" if self.row else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{row}{column}: {self.reason}"


@dataclass(slots=True)
class Sheet:
    """A rate card as read from a file: tiers by market and category, and problems."""

    currency: str = ""
    rates: dict[Key, list[Step]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def markets(self) -> list[str]:
        """The markets in alphabetical order."""
        return sorted({market for market, _ in self.rates})


@dataclass(frozen=True, slots=True)
class Change:
    """A market and category whose tiers differ; an empty list where the row is new or removed."""

    market: str
    category: str
    before: list[Step]
    after: list[Step]

    def __str__(self) -> str:
        before, after = describe_tiers(self.before), describe_tiers(self.after)
        return f"{self.market}, {self.category}: {before} → {after}"


@dataclass(frozen=True, slots=True)
class RerateResult:
    """What a month cost, and would cost under another version; in micro-units."""

    business_id: int
    messages: int
    charged_micros: int
    would_be_micros: int
    unpriced: int


def sheet_of(version: CardVersion) -> Sheet:
    """A stored version as a sheet."""
    sheet = Sheet(currency=version.card.currency)
    tiers = Tier.objects.filter(rate__version=version).order_by(
        "rate__market", "rate__category", "first"
    )
    for market, category, first, last, price in tiers.values_list(
        "rate__market_id", "rate__category", "first", "last", "price_micros"
    ):
        sheet.rates.setdefault((market, category), []).append(Step(first, last, price))
    return sheet


def diff(before: Sheet, after: Sheet) -> list[Change]:
    """Every market and category that differs, in alphabetical order."""
    keys = sorted(before.rates.keys() | after.rates.keys())
    pairs = ((key, before.rates.get(key, []), after.rates.get(key, [])) for key in keys)
    return [Change(*key, old, new) for key, old, new in pairs if old != new]


def version_on(card: RateCard, month: date) -> CardVersion | None:
    """The version of a card in force in a month (its first day), or None."""
    found = CardVersion.objects.raw("SELECT * FROM billing_version(%s, %s)", [card.pk, month])
    return next(iter(found.prefetch_related("card")), None)


def make_draft(*, card: RateCard, sheet: Sheet, valid_from: date, **rules: object) -> CardVersion:
    """Store a sheet as a draft version with `rules`, the version's free rules.

    Raises CardError, and stores nothing, for a sheet with problems, prices outside floor and
    ceiling, or another currency.
    """
    _check_sheet(card, sheet)
    with system("rate cards belong to no business"):
        Market.objects.bulk_create(
            [Market(name=name) for name in sheet.markets], ignore_conflicts=True
        )
        version = CardVersion.objects.create(
            card=card,
            valid_from=valid_from,
            floor_micros=card.floor_micros,
            ceiling_micros=card.ceiling_micros,
            **rules,
        )
        rates = Rate.objects.bulk_create(
            Rate(version=version, market_id=market, category=category)
            for market, category in sheet.rates
        )
        Tier.objects.bulk_create(
            Tier(rate=rate, first=step.first, last=step.last, price_micros=step.price_micros)
            for rate in rates
            for step in sheet.rates[rate.market_id, rate.category]
        )
        return version


def _check_sheet(card: RateCard, sheet: Sheet) -> None:
    if sheet.problems:
        raise CardError(f"{len(sheet.problems)} problems, the first: {sheet.problems[0]}")
    if sheet.currency != card.currency:
        raise CardError(f"The file is in {sheet.currency}; {card.name} is in {card.currency}.")
    if not any(market == "Other" for market in sheet.markets):
        raise CardError(
            "The market 'Other' is missing: without it some messages would have no price."
        )
    for (market, category), steps in sheet.rates.items():
        for step in steps:
            if not card.floor_micros <= step.price_micros <= card.ceiling_micros:
                low, high = (
                    money.show_micros(n, card.currency)
                    for n in (card.floor_micros, card.ceiling_micros)
                )
                price = money.show_micros(step.price_micros, card.currency)
                raise CardError(
                    f"{market}, {category}: {price} is outside the card's floor {low} and "
                    f"ceiling {high}."
                )


def schedule(version: CardVersion, *, today: date) -> CardVersion:
    """Schedule a draft; from its first month on it replaces the version before it and is final.

    Raises CardError for a month that has begun under another version, for a month already taken,
    and for a version that is no draft.
    """
    with system("rate cards belong to no business"):
        card = RateCard.objects.select_for_update().get(pk=version.card_id)
        version = CardVersion.objects.select_for_update().get(pk=version.pk)
        if version.state != VersionState.DRAFT:
            raise CardError("Only a draft can be scheduled.")
        earlier = version_on(card, version.valid_from)
        if earlier and version.valid_from <= today.replace(day=1):
            raise CardError(
                f"{version.valid_from:%Y-%m} has begun under the version in force: choose a "
                "later month."
            )
        later = card.versions.exclude(state=VersionState.DRAFT).filter(
            valid_from__gte=version.valid_from
        )
        if later.exists():
            raise CardError("A version for this month, or a later one, is scheduled already.")
        if earlier:
            CardVersion.objects.filter(pk=earlier.pk).update(valid_to=version.valid_from)
        version.state = VersionState.SCHEDULED
        version.save(update_fields=["state"])
        return version


def withdraw(version: CardVersion) -> None:
    """Delete a draft; raises CardError for a scheduled version."""
    with system("rate cards belong to no business"):
        if version.state != VersionState.DRAFT:
            raise CardError("Only a draft can be thrown away.")
        version.delete()


def rerate(
    version: CardVersion, month: date, *, business_ids: Iterable[int] | None = None
) -> list[RerateResult]:
    """What each business's month would have cost under `version`, in one query.

    A month's total depends only on how many messages each market and category had, so of the ledger
    only reversals are read: their messages cost nothing and keep their positions. What the ledger
    has free stays free. Businesses that follow another card are left out. Under the version that
    the month was metered with it is what was charged.
    """
    parameters = {
        "version_id": version.pk,
        "card_id": version.card_id,
        "month": month,
        "businesses": None if business_ids is None else list(business_ids),
    }
    with system("re-rating looks at every business"):
        return [RerateResult(**row) for row in select("billing", "rerate", parameters)]


def describe_tiers(steps: list[Step]) -> str:
    """Tiers as text."""
    return (
        ", ".join(f"from {s.first:,} {money.micro_amount(s.price_micros):f}" for s in steps)
        or "nothing"
    )


def rules_of(version: CardVersion) -> dict[str, str]:
    """The version's free rules: name -> value."""
    return {
        str(label): (str(_("yes")) if value else str(_("no")))
        if isinstance(value, bool)
        else f"{value:,}"
        for label, value in ((label, getattr(version, name)) for name, label in RULES.items())
    }


CATEGORIES = frozenset(RateCategory.values)
# The fields of a version that are its rules, and what each says.
RULES = {
    "service_free_in_window": _("Service is free in the 24-hour window"),
    "utility_free_in_window": _("Utility is free in the 24-hour window"),
    "free_entry_hours": _("Free-entry window, hours"),
    "free_messages": _("Free service messages"),
    "reactions_free": _("Reactions are free"),
    "failed_charged": _("Failed messages are charged"),
    "reported_prices": _("Marketing costs what the network reports, at most these prices"),
}
