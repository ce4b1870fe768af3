"""The terms that hold for one business in a month: card, version, discount, rules of what is free, and every tier."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Min, Q

from accounts.models import Business
from billing.models import CallingCode, CardChoice, CardVersion, Rate, RateCard, Tally, VersionState
from billing.rate_cards import versions
from core.sql import statement


@dataclass(frozen=True, slots=True)
class AgreedTier:
    """One step of one ladder, prices in micro-units; `is_next` where the business's next message falls."""

    category: str
    first: int
    last: int | None
    list_micros: int
    price_micros: int
    is_next: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds in `month`; `agreed_from` is None where nothing was agreed apart from the standard card."""

    month: date
    version: CardVersion
    discount_percent: Decimal
    agreed_from: date | None
    agreed_to: date | None
    changes_from: date | None

    @property
    def card(self) -> RateCard:
        """The card that the business follows."""
        return self.version.card

    @property
    def rules(self) -> dict[str, str]:
        """The version's rules in words."""
        return versions.rules_of(self.version)

    @property
    def markets(self) -> list[str]:
        """Markets that have a price."""
        return sorted(
            Rate.objects.filter(version=self.version).values_list("market_id", flat=True).distinct()
        )


def terms_of(business: Business, month: date) -> Terms | None:
    """The terms of a month (its first day), or None where no card holds; inside the business's scope."""
    holds = Q(valid_from__lte=month) & (Q(valid_to=None) | Q(valid_to__gt=month))
    choices = CardChoice.objects.filter(business=business)
    choice = choices.filter(holds).select_related("card").first()
    chosen = choice.card if choice else None
    card = chosen or RateCard.objects.filter(is_default=True, currency=business.currency).first()
    version = versions.version_on(card, month) if card else None
    if card is None or version is None:
        return None
    later = card.versions.exclude(state=VersionState.DRAFT).filter(valid_from__gt=month)
    starts = [
        found.filter(valid_from__gt=month).aggregate(n=Min("valid_from"))["n"]
        for found in (later, choices)
    ]
    ends = choice.valid_to if choice else None
    return Terms(
        month=month,
        version=version,
        discount_percent=choice.discount_percent if choice else Decimal(0),
        agreed_from=choice.valid_from if choice else None,
        agreed_to=ends,
        changes_from=min((day for day in (*starts, ends) if day), default=None),
    )


def tiers_of(business: Business, terms: Terms, market: str) -> list[AgreedTier]:
    """Every tier of a market under these terms, by category and position; one query."""
    parameters: dict[str, Any] = {
        "version_id": terms.version.pk, "market": market, "discount": terms.discount_percent,
        "floor": terms.card.floor_micros, "business_id": business.pk, "month": terms.month,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement("billing", "agreed_tiers"), parameters)
        return [AgreedTier(*row) for row in cursor.fetchall()]


def first_market(business: Business, terms: Terms) -> str:
    """The market to show first: the one with most messages of the month, else that of the business's country."""
    names = terms.markets
    used = Tally.objects.filter(
        business_id=business.pk, month=terms.month, market__in=names
    ).order_by("-positions")
    home = CallingCode.objects.filter(country=business.country, market__in=names).order_by("prefix")
    found = (
        used.values_list("market", flat=True).first()
        or home.values_list("market_id", flat=True).first()
    )
    return found or names[0]
