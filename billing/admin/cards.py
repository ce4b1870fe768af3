"""Rate cards in the admin: looked at, uploaded, compared, scheduled, exported; never edited once scheduled."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.backstage import HouseAdmin, HouseInline, ReadOnlyAdmin, ReadOnlyInline
from billing import money
from billing.models import CallingCode, CardChoice, CardVersion, Market, Rate, RateCard, Tier, VersionState


class DraftOnly:
    """Rows of a rate card version can be edited while it is a draft; the database refuses it afterwards."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts, by Django's permission."""
        return _is_draft(obj) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts, by Django's permission."""
        return _is_draft(obj) and super().has_delete_permission(request, obj)  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To drafts, by Django's permission."""
        allowed = super().has_add_permission  # type: ignore[misc]
        return _is_draft(obj) and bool(allowed(request, obj) if isinstance(self, HouseInline) else allowed(request))


def _is_draft(obj: Any) -> bool:
    version = obj.version if isinstance(obj, Rate) else obj.rate.version if isinstance(obj, Tier) else obj
    return not isinstance(version, CardVersion) or version.pk is None or version.state == VersionState.DRAFT


@admin.register(Market)
class MarketAdmin(HouseAdmin):
    """Pricing regions."""

    list_display = ("name",)
    search_fields = ("name",)


@admin.register(CallingCode)
class CallingCodeAdmin(HouseAdmin):
    """Which prefix belongs to which market, from when to when."""

    list_display = ("prefix", "country", "market", "valid_from", "valid_to")
    list_filter = ("market", "valid_from")
    search_fields = ("prefix", "country__iexact")
    autocomplete_fields = ("market",)
    ordering = ("prefix", "valid_from")


class VersionInline(ReadOnlyInline):
    """The versions, on a card's page."""

    model = CardVersion
    fields = ("valid_from", "valid_to", "state", "service_free_in_window", "utility_free_in_window")


@admin.register(RateCard)
class RateCardAdmin(HouseAdmin):
    """Price lists."""

    list_display = ("name", "currency", "floor", "ceiling", "is_default")
    list_filter = ("currency", "is_default")
    search_fields = ("name",)
    inlines = (VersionInline,)

    @display(description=_("floor"))
    def floor(self, card: RateCard) -> str:
        """Lowest price a tier may have."""
        return money.show_micros(card.floor_micros, card.currency)

    @display(description=_("ceiling"))
    def ceiling(self, card: RateCard) -> str:
        """Highest price a tier may have."""
        return money.show_micros(card.ceiling_micros, card.currency)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Cards that priced something stay."""
        return False


@admin.register(CardVersion)
class CardVersionAdmin(DraftOnly, HouseAdmin):  # type: ignore[misc]
    """What a card says from one month on."""

    list_display = ("card", "valid_from", "valid_to", "state", "service_free_in_window", "utility_free_in_window")
    list_select_related = ("card",)
    list_filter = ("state", "card")
    search_fields = ("card__name",)
    autocomplete_fields = ("card",)
    readonly_fields = ("created_at",)


class TierInline(DraftOnly, HouseInline):
    """The tiers, on a rate's page."""

    model = Tier
    fields = ("first", "last", "price_micros")


@admin.register(Rate)
class RateAdmin(DraftOnly, HouseAdmin):  # type: ignore[misc]
    """A version's price of one market and category."""

    list_display = ("market", "category", "version")
    list_select_related = ("version__card", "market")
    list_filter = ("category", "version", "market")
    search_fields = ("market__name",)
    autocomplete_fields = ("market", "version")
    inlines = (TierInline,)


@admin.register(Tier)
class TierAdmin(ReadOnlyAdmin):
    """All tiers in one list; edited on their rate's page."""

    list_display = ("rate", "first", "last", "price")
    list_select_related = ("rate__version__card",)
    list_filter = ("rate__category",)

    @display(description=_("price"))
    def price(self, tier: Tier) -> str:
        """Of one message."""
        return money.show_micros(tier.price_micros, tier.rate.version.card.currency)


@admin.register(CardChoice)
class CardChoiceAdmin(HouseAdmin):
    """Businesses with a card of their own."""

    list_display = ("business", "card")
    list_select_related = ("business", "card")
    search_fields = ("business__name", "card__name")
    autocomplete_fields = ("business", "card")
