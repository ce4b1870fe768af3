"""Terms of a business in a month: card, version, discount, free rules, and every tier."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Min

from accounts.models import Business
from billing.models import CardChoice, CardVersion, Rate, RateCard, Tally, VersionState
from billing.rate_cards import versions as rate_cards_versions
from core.sql import select


@dataclass(frozen=True, slots=True)
class AgreedTier:
    """A tier with list price and agreed price in micro-units; `is_next` marks the tier of the next
    message.
    """

    category: str
    first: int
    last: int | None
    list_micros: int
    price_micros: int
    is_next: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms in `month`; `agreed_from` is None where only the standard card applies."""

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
        """The version's rules as labels and values."""
        return rate_cards_versions.rules_of(self.version)

    @property
    def markets(self) -> list[str]:
        """Markets that have a price."""
        return sorted(
            Rate.objects.filter(version=self.version).values_list("market_id", flat=True).distinct()
        )


def terms_of(business: Business, month: date) -> Terms | None:
    """Terms of a month (its first day), or None without a card; call inside the business's
    scope.
    """
    held = next(
        iter(select("billing", "terms_of", {"business_id": business.pk, "month": month})), None
    )
    if held is None:
        return None
    version = CardVersion.objects.select_related("card").get(pk=held["version_id"])
    agreed = CardChoice.objects.filter(pk=held["agreed_id"]).first()
    ends = agreed.valid_to if agreed else None
    return Terms(
        month=month,
        version=version,
        discount_percent=held["discount_percent"],
        agreed_from=agreed.valid_from if agreed else None,
        agreed_to=ends,
        changes_from=min(
            (day for day in (*_next_changes(business, version.card, month), ends) if day),
            default=None,
        ),
    )


def _next_changes(business: Business, card: RateCard, month: date) -> list[date | None]:
    """Start of the next version of the card and of the next agreement after a month."""
    versions = card.versions.exclude(state=VersionState.DRAFT)
    later = (versions, CardChoice.objects.filter(business=business))
    return [
        found.filter(valid_from__gt=month).aggregate(n=Min("valid_from"))["n"] for found in later
    ]


def tiers_of(business: Business, terms: Terms, market: str) -> list[AgreedTier]:
    """Every tier of a market under these terms, by category and position; one query."""
    parameters = {"business_id": business.pk, "month": terms.month, "market": market}
    return [AgreedTier(**row) for row in select("billing", "agreed_tiers", parameters)]


def first_market(business: Business, terms: Terms) -> str:
    """The market to show first: the one with most messages in the month, else that of the
    business's country.
    """
    names = terms.markets
    used = Tally.objects.filter(
        business_id=business.pk, month=terms.month, market__in=names
    ).order_by("-positions")
    found = used.values_list("market", flat=True).first()
    home = [
        row["market"]
        for row in select(
            "billing", "home_market", {"country": business.country, "month": terms.month}
        )
    ]
    return next((name for name in (found, *home) if name in names), names[0])
