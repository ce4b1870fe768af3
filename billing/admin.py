"""Admin of billing: rate cards are drafted here; the ledger and what was issued are to look at."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts import auditing
from accounts.backstage import (
    HouseAdmin,
    HouseInline,
    Item,
    ReadOnlyAdmin,
    ReadOnlyInline,
    attention,
    figures,
    links,
)
from billing import metering, money
from billing.models import (
    CallingCode,
    CardChoice,
    CardVersion,
    Charge,
    Invoice,
    InvoiceLine,
    Market,
    NumberSeries,
    Period,
    Quarantine,
    Rate,
    RateCard,
    Seller,
    Tally,
    Tier,
    Usage,
    VersionState,
)

LONG_SECONDS = 60

links += [
    (_("Periods"), "billing_period_changelist", "business__id__exact"),
    (_("Usage"), "billing_usage_changelist", "business_id__exact"),
    (_("Charges"), "billing_charge_changelist", "business_id__exact"),
    (_("Invoices"), "billing_invoice_changelist", "business__id__exact"),
    (_("Quarantine"), "billing_quarantine_changelist", "business_id__exact"),
]


class OfBusiness(ReadOnlyAdmin):
    """Ledger rows: they hold a business's id, and can be listed by it."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """By business, from its page."""
        return lookup in ("business_id__exact", "business__id__exact") or super().lookup_allowed(lookup, value, request)


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


@admin.register(Seller)
class SellerAdmin(HouseAdmin):
    """Who issues invoices; each invoice keeps a copy of what it said then."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Invoices need one."""
        return False


@admin.register(Period)
class PeriodAdmin(OfBusiness):
    """Months of businesses."""

    list_display = ("month", "business", "state", "starts_at", "ends_at", "closed_at")
    list_select_related = ("business",)
    list_filter = ("state", "month")
    search_fields = ("business__name",)
    ordering = ("-month", "-id")


@admin.register(Tally)
class TallyAdmin(OfBusiness):
    """Positions taken."""

    list_display = ("business_id", "month", "market", "category", "rule", "positions")
    list_filter = ("category", "rule")
    search_fields = ("business_id__exact",)
    ordering = ("-id",)


@admin.register(Charge)
class ChargeAdmin(OfBusiness):
    """The ledger: one row a delivered message."""

    list_display = (
        "message_id", "business_id", "month", "billed_month", "market", "category", "rule", "position",
        "price_micros", "delivered_at",
    )  # fmt: skip
    list_filter = ("category", "rule")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)


@admin.register(Usage)
class UsageAdmin(OfBusiness):
    """The rollup that invoices are copied from."""

    list_display = ("business_id", "billed_month", "month", "market", "category", "rule", "messages", "amount_micros")
    list_filter = ("category", "rule")
    search_fields = ("business_id__exact",)
    ordering = ("-id",)


@admin.register(Quarantine)
class QuarantineAdmin(OfBusiness):
    """Deliveries that could not be priced; put back into the queue once the card is mended."""

    list_display = ("message_id", "business_id", "reason", "category", "recipient", "delivered_at", "quarantined_at")
    list_filter = ("reason", "category")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)
    actions = ("requeue",)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        """Whoever may change the quarantine."""
        return request.user.has_perm("billing.change_quarantine")

    @action(description=_("Meter again"), permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        """Put the chosen deliveries back; what still has no price comes here again."""
        ids = list(queryset.values_list("pk", flat=True))
        count = metering.requeue(ids)
        auditing.record(action="quarantine.requeued", subject=f"{count} deliveries", after={"ids": ids[:1000]})
        messages.success(request, _("%(count)s deliveries are metered again.") % {"count": count})


class LineInline(ReadOnlyInline):
    """The lines, on an invoice's page."""

    model = InvoiceLine
    fields = ("position", "kind", "description", "quantity", "unit_price_micros", "amount_minor")


@admin.register(Invoice)
class InvoiceAdmin(OfBusiness):
    """What was issued, and whether it is paid."""

    list_display = ("number", "business", "status", "issued_at", "due_at", "total")
    list_select_related = ("business",)
    list_filter = ("status", "currency")
    search_fields = ("number", "business__name")
    inlines = (LineInline,)

    @display(description=_("total"), ordering="total_minor")
    def total(self, invoice: Invoice) -> str:
        """With the currency's sign."""
        return money.show_minor(invoice.total_minor, invoice.currency)


@admin.register(InvoiceLine)
class InvoiceLineAdmin(OfBusiness):
    """All lines in one list."""

    list_display = ("invoice", "position", "kind", "description", "quantity", "amount_minor")
    list_select_related = ("invoice",)
    list_filter = ("kind", "category")
    search_fields = ("invoice__number",)
    ordering = ("-id",)


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin):
    """Where invoice numbers stand."""

    list_display: ClassVar = ("prefix", "year", "last")


def unpriced() -> list[Item]:
    """Quarantine, and the age of the metering queue."""
    count = metering.waiting_in_quarantine()
    age = metering.oldest_waiting_seconds()
    return [
        Item((_("In quarantine")), f"{count:,}", reverse("admin:billing_quarantine_changelist"),
             (_("delivered, not priced")), count > 0),
        Item((_("Oldest delivery waiting for its price")), f"{age:.0f} s",
             reverse("admin:hosting_delivery_changelist"),
             is_urgent=age > LONG_SECONDS),
    ]  # fmt: skip


_SPENDERS = """
    SELECT b.id, b.name, b.currency, sum(u.amount_micros)::bigint, sum(u.messages)::bigint
      FROM billing_usage u JOIN accounts_business b ON b.id = u.business_id
     WHERE u.billed_month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
     GROUP BY 1, 2, 3 ORDER BY 4 DESC
"""
TOP = 5


def money_this_month() -> list[Item]:
    """Revenue of the running month by currency, then the businesses that spend most; read from the rollup."""
    with connection.cursor() as cursor:
        cursor.execute(_SPENDERS)
        spenders = cursor.fetchall()
    totals: dict[str, tuple[int, int]] = {}
    for _id, _name, currency, micros, count in spenders:
        amount, number = totals.get(currency, (0, 0))
        totals[currency] = (amount + micros, number + count)
    usage = reverse("admin:billing_usage_changelist")
    revenue = [
        Item(_("Message revenue this month"), _amount(micros, currency), usage, _priced(count))
        for currency, (micros, count) in totals.items()
    ]
    return revenue + [
        Item(name, _amount(micros, currency), reverse("admin:accounts_business_change", args=[pk]), _priced(count))
        for pk, name, currency, micros, count in spenders[:TOP]
    ]


def _priced(count: int) -> str:
    return _("%(count)s messages priced") % {"count": f"{count:,}"}


def _amount(micros: Any, currency: str) -> str:
    return money.show_minor(money.to_minor(int(micros), currency), currency)


attention.append(unpriced)
figures.append(money_this_month)
