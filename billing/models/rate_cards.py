"""Rate cards: price lists by market and category with volume tiers, versioned by month."""

from datetime import date
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from billing.models.markets import Market
from core import widths
from hosting.models import Category


class RateCategory(models.TextChoices):
    """Categories a card has prices for: message categories, and authentication sent from another
    market.
    """

    MARKETING = Category.MARKETING.value, Category.MARKETING.label
    UTILITY = Category.UTILITY.value, Category.UTILITY.label
    AUTHENTICATION = Category.AUTHENTICATION.value, Category.AUTHENTICATION.label
    AUTHENTICATION_INTERNATIONAL = (
        "authentication-international",
        _("Authentication, international"),
    )
    SERVICE = Category.SERVICE.value, Category.SERVICE.label


class RateCard(models.Model):
    """A price list in one currency. New versions begin with its floor and ceiling and keep their
    own.
    """

    name = models.CharField(max_length=80, unique=True)
    currency = models.CharField(max_length=widths.CURRENCY, default="USD")
    floor_micros = models.BigIntegerField()
    ceiling_micros = models.BigIntegerField()
    is_cost = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "What the upstream charges us; nobody is billed by it. The front page shows the margin."
        ),
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(floor_micros__gte=0, ceiling_micros__gte=F("floor_micros")),
                name="card_floor_below_ceiling",
            ),
            models.UniqueConstraint(
                fields=["currency"], condition=Q(is_cost=True), name="one_cost_card_per_currency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class DefaultCard(models.Model):
    """The card that businesses of a currency follow from a month on, until the next one's month.

    The database refuses a change for a month in which a business that follows it has charges.
    """

    currency = models.CharField(max_length=widths.CURRENCY, default="USD")
    card = models.ForeignKey(RateCard, on_delete=models.PROTECT, related_name="default_from")
    valid_from = models.DateField(help_text=_("First day of a month."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["currency", "valid_from"], name="one_default_card_per_currency_and_month"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__day=1), name="default_card_starts_a_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.card} from {self.valid_from:%Y-%m}"


class VersionState(models.TextChoices):
    """State of a version: a draft can be edited, a scheduled one is final."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")


class CardVersion(models.Model):
    """Prices and free rules of a card from one month on; versions of a card never overlap."""

    card = models.ForeignKey(RateCard, on_delete=models.PROTECT, related_name="versions")
    state = models.CharField(
        max_length=10, choices=VersionState.choices, default=VersionState.DRAFT
    )
    valid_from = models.DateField(help_text=_("First day of a month."))
    valid_to = models.DateField(null=True, blank=True, help_text=_("First day it no longer holds."))
    floor_micros = models.BigIntegerField(
        blank=True, help_text=_("No price is lower, discounts included; empty: as the card says.")
    )
    ceiling_micros = models.BigIntegerField(
        blank=True, help_text=_("No price is higher; empty: as the card says.")
    )
    service_free_in_window = models.BooleanField(default=False)
    utility_free_in_window = models.BooleanField(default=False)
    free_entry_hours = models.PositiveIntegerField(
        default=72,
        help_text=_(
            "How long after a free-entry window opened a message is free; 0 switches it off."
        ),
    )
    reactions_free = models.BooleanField(default=True, db_default=True)
    free_messages = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text=_("Service messages that are free for each number and month."),
    )
    failed_charged = models.BooleanField(
        _("failed messages are charged"),
        default=False,
        db_default=False,
        help_text=_("At the price that they would have had, had they been delivered."),
    )
    reported_prices = models.BooleanField(
        _("marketing costs what the network reports"),
        default=False,
        db_default=False,
        help_text=_(
            "Where the network reports a price for a message: that, not below the floor, and at "
            "most the tier's."
        ),
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(valid_from__day=1) & (Q(valid_to=None) | Q(valid_to__day=1)),
                name="card_version_starts_a_month",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="card_version_dates_in_order",
            ),
            models.CheckConstraint(
                condition=Q(floor_micros__gte=0, ceiling_micros__gte=F("floor_micros")),
                name="version_floor_below_ceiling",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.card.name} from {self.valid_from:%Y-%m}"

    def phase(self, today: date) -> str:
        """`draft`, `scheduled`, `in force` or `retired` on that day."""
        if self.state == VersionState.DRAFT:
            return "draft"
        if today < self.valid_from:
            return "scheduled"
        return "retired" if self.valid_to and self.valid_to <= today else "in force"


class Rate(models.Model):
    """A version's prices for one market and category, as tiers."""

    version = models.ForeignKey(CardVersion, on_delete=models.CASCADE, related_name="rates")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=widths.CATEGORY, choices=RateCategory.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "market", "category"], name="one_rate_per_market_and_category"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market_id} {self.category}"


class Tier(models.Model):
    """Price of the messages in positions `first` to `last` (inclusive; NULL is unbounded) of a
    month.
    """

    rate = models.ForeignKey(Rate, on_delete=models.CASCADE, related_name="tiers")
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField(null=True, blank=True)
    price_micros = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["rate", "first"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rate", "first"], name="one_tier_per_first_position"),
            models.CheckConstraint(condition=Q(first__gte=1), name="tier_first_is_positive"),
            models.CheckConstraint(
                condition=Q(last=None) | Q(last__gte=F("first")), name="tier_positions_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first}–{self.last or '∞'} at {self.price_micros}"


class CardChoice(models.Model):
    """Terms agreed with a business from a month on: a card, a discount, or both.

    The database refuses a change to the terms of a month with charges.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="card_choices")
    card = models.ForeignKey(
        RateCard,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="followers",
        help_text=_("Empty: the default card of the business's currency."),
    )
    discount_percent = models.DecimalField(
        max_digits=4,
        decimal_places=2,
        default=Decimal(0),
        help_text=_(
            "Off every tier's price, rounded half-even to a micro-unit; never below the card's "
            "floor."
        ),
    )
    valid_from = models.DateField(default=date(2025, 1, 1), help_text=_("First day of a month."))
    valid_to = models.DateField(null=True, blank=True, help_text=_("First day it no longer holds."))

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0, discount_percent__lt=100),
                name="discount_below_all",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__day=1) & (Q(valid_to=None) | Q(valid_to__day=1)),
                name="card_choice_starts_a_month",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="card_choice_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        terms = f"{self.card or 'default card'} −{self.discount_percent} %"
        return f"{self.business} from {self.valid_from:%Y-%m}: {terms}"
