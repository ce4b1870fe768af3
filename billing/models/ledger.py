"""The ledger: periods, tallies, charges, the usage rollup, and the quarantine."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths


class Period(models.Model):
    """A calendar month of a business in its time zone; its edges are stored and never
    recomputed.
    """

    class State(models.TextChoices):
        """State of a period; only open ones take charges."""

        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="periods")
    month = models.DateField(help_text=_("First day of the month."))
    currency = models.CharField(
        max_length=widths.CURRENCY,
        blank=True,
        default="",
        editable=False,
        help_text=_(
            "What the month is billed in: the business's when it began; filled in by the database."
        ),
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "month"], name="one_period_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="period_starts_a_month"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="period_edges_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} of business {self.business_id}"


class Rule(models.TextChoices):
    """The rule of a rate card that priced a message.

    Messages of test numbers have rules of their own, and so positions, tallies and usage of their
    own: they move no price of a live one and are on no invoice that is owed.
    """

    TIER = "tier", _("Tier of the rate card")
    SERVICE_IN_WINDOW = "service_in_window", _("Service is free in the 24-hour window")
    UTILITY_IN_WINDOW = "utility_in_window", _("Utility is free in the 24-hour window")
    FREE_ENTRY = "free_entry", _("Free-entry window")
    REACTION = "reaction", _("Reactions are free")
    ALLOWANCE = "allowance", _("Within the month's free messages of its number")
    FAILED = "failed", _("Failed messages are charged")
    REPORTED = "reported", _("As the network reported, at most the tier's price")
    TEST = "test", _("Of a test number: priced for show")
    TEST_FREE = "test_free", _("Of a test number, free by a rule of the card")


TEST_RULES = (Rule.TEST, Rule.TEST_FREE)


class Tally(models.Model):
    """Number of positions taken by business, month, market, category and rule.

    Failed messages that are charged, and those at reported prices, count under `tier`.
    """

    business_id = models.BigIntegerField()
    month = models.DateField()
    market = models.CharField(max_length=widths.MARKET)
    category = models.CharField(max_length=widths.CATEGORY)
    rule = models.CharField(max_length=widths.RULE, choices=Rule.choices)
    positions = models.PositiveBigIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business_id", "month", "market", "category", "rule"], name="one_tally"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.positions} {self.category} to {self.market}"


class NumberTally(models.Model):
    """Messages of a number in a month that were counted against the card's free messages."""

    business_id = models.BigIntegerField()
    month = models.DateField()
    number_id = models.BigIntegerField()
    messages = models.PositiveBigIntegerField()

    class Meta:
        verbose_name_plural = "number tallies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business_id", "month", "number_id"], name="one_number_tally"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.messages} of number {self.number_id} in {self.month:%Y-%m}"


class Charge(models.Model):
    """The price of one delivered message; triggers refuse changes and deletion. No foreign keys,
    for bulk inserts.

    A reversal is a row of its own with the negative price, the reversed row's id and the operator's
    reason.
    """

    message_id = models.BigIntegerField()
    business_id = models.BigIntegerField()
    month = models.DateField(
        help_text=_("The month it was delivered in; decides tier and card version.")
    )
    billed_month = models.DateField(help_text=_("The month whose invoice carries it."))
    market = models.CharField(max_length=widths.MARKET)
    category = models.CharField(max_length=widths.CATEGORY)
    rule = models.CharField(max_length=widths.RULE, choices=Rule.choices)
    position = models.PositiveBigIntegerField()
    tier_id = models.BigIntegerField(null=True, blank=True)
    version_id = models.BigIntegerField()
    price_micros = models.BigIntegerField()
    delivered_at = models.DateTimeField()
    charged_at = models.DateTimeField(default=timezone.now)
    reverses_id = models.BigIntegerField(
        null=True, blank=True, help_text=_("The ledger row that this one takes back.")
    )
    note = models.CharField(
        max_length=widths.REASON,
        blank=True,
        default="",
        db_default="",
        help_text=_("Why it was reversed."),
    )

    class Meta:
        constraints: ClassVar = [
            # A message has one charge, and a charge one reversal.
            models.UniqueConstraint(
                fields=["message_id", "reverses_id"],
                name="one_charge_per_message",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                F("business_id"),
                F("month"),
                F("market"),
                F("category"),
                # A charged failed message takes a tier position, like a delivered one, and so does
                # one at a reported price.
                Case(When(rule__in=["failed", "reported"], then=Value("tier")), default=F("rule")),
                F("position"),
                F("reverses_id"),
                name="one_charge_per_position",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(reverses_id=None) | ~Q(note=""), name="reversal_has_a_reason"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business_id", "month"],
                condition=Q(reverses_id__isnull=False),
                name="charge_reversals",
            ),
        ]

    def __str__(self) -> str:
        return f"charge of message {self.message_id}"


class Usage(models.Model):
    """Rollup: count and amount per future invoice line.

    A late delivery has `month` before `billed_month`.
    """

    business_id = models.BigIntegerField()
    billed_month = models.DateField()
    month = models.DateField()
    market = models.CharField(max_length=widths.MARKET)
    category = models.CharField(max_length=widths.CATEGORY)
    rule = models.CharField(max_length=widths.RULE, choices=Rule.choices)
    version_id = models.BigIntegerField()
    # 0 where a rule made the message free, because NULLs are not unique.
    tier_id = models.BigIntegerField(default=0)
    price_micros = models.BigIntegerField(help_text=_("Of each; 0 where prices differ: reported."))
    messages = models.BigIntegerField()
    amount_micros = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "usage"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=[
                    "business_id",
                    "billed_month",
                    "month",
                    "market",
                    "category",
                    "rule",
                    "version_id",
                    "tier_id",
                ],
                name="one_usage_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.messages} {self.category} to {self.market} in {self.billed_month:%Y-%m}"


class MeterBatch(models.Model):
    """Deliveries that are being priced together: of each business those with ids from a first to a
    last one.

    It is written before the work begins and deleted with it, so that what a worker was doing when
    it vanished is known. What fails is split into smaller batches.
    """

    businesses = ArrayField(models.BigIntegerField())
    firsts = ArrayField(models.BigIntegerField(), help_text=_("Ids of deliveries, by business."))
    lasts = ArrayField(models.BigIntegerField(), help_text=_("Ids of deliveries, by business."))
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(default=timezone.now, db_default=Now())
    leased_until = models.DateTimeField(null=True, blank=True)
    leased_by = models.IntegerField(null=True, blank=True, help_text=_("Database session."))

    class Meta:
        verbose_name_plural = "meter batches"

    def __str__(self) -> str:
        return f"deliveries of {len(self.businesses)} businesses"


class Quarantine(models.Model):
    """A delivery that could not be priced, with the reason; an operator puts it back in the queue
    after the fix.
    """

    class Reason(models.TextChoices):
        """What was missing, or what happened."""

        NO_CARD = "no_card", _("No rate card version for this business and month")
        NO_RATE = "no_rate", _("The rate card has no price for this market and category")
        NO_PERIOD = "no_period", _("No open period to bill it in")
        ERROR = "error", _("Pricing it failed with an error")
        WORKER_LOST = "worker_lost", _("Each worker that priced it ended without a word")

    message_id = models.BigIntegerField(unique=True)
    business_id = models.BigIntegerField()
    number_id = models.BigIntegerField()
    recipient = models.CharField(max_length=widths.PERSON_ID)
    category = models.CharField(max_length=widths.CATEGORY)
    window_open = models.BooleanField()
    free_entry = models.BooleanField()
    free_entry_at = models.DateTimeField(null=True, blank=True)
    kind = models.CharField(max_length=widths.MESSAGE_KIND, blank=True, db_default="")
    accepted_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField()
    failed = models.BooleanField(default=False, db_default=False)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    error = models.TextField(
        blank=True, default="", db_default="", help_text=_("What the database said, if it failed.")
    )
    quarantined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "quarantine"
        indexes: ClassVar = [
            models.Index(fields=["message_id"], condition=Q(failed=True), name="quarantine_failed")
        ]

    def __str__(self) -> str:
        return f"message {self.message_id}: {self.get_reason_display()}"
