"""Rate cards in the admin: upload, compare, schedule, export; a scheduled version is final."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from accounts.admin_site.base import AuditedAdmin, EditableInline, ReadOnlyAdmin, ReadOnlyInline
from accounts.admin_site.confirmation import Question, StyledForm, Table, ask, show
from accounts.audit import record
from accounts.models import Business
from billing.admin.card_uploads import MAX_ROWS_SHOWN, UploadForm, problems_of, sheet_of_files
from billing.models import (
    CallingCode,
    CardChoice,
    CardVersion,
    DefaultCard,
    Market,
    Rate,
    RateCard,
    Tier,
    VersionState,
)
from billing.rate_cards import csv_export, versions
from billing.rate_cards.versions import Sheet
from core import money

RULES = tuple(versions.RULES)
PHASES = {
    "draft": _("Draft"),
    "scheduled": _("Scheduled"),
    "in force": _("In force"),
    "retired": _("Retired"),
}


def phase_of(version: CardVersion) -> str:
    """The word for where a version is today: the same one in every list."""
    return str(PHASES[version.phase(timezone.now().date())])


class DraftOnlyMixin:
    """Allow changes only while the rate card version is a draft; the database enforces it as
    well.
    """

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's permission, for drafts only."""
        return _is_draft(obj) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's permission, for drafts only."""
        return _is_draft(obj) and super().has_delete_permission(request, obj)  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's permission, for drafts only."""
        allowed = super().has_add_permission  # type: ignore[misc]
        return _is_draft(obj) and bool(
            allowed(request, obj) if isinstance(self, EditableInline) else allowed(request)
        )


def _is_draft(obj: Any) -> bool:
    version = (
        obj.version if isinstance(obj, Rate) else obj.rate.version if isinstance(obj, Tier) else obj
    )
    return (
        not isinstance(version, CardVersion)
        or version.pk is None
        or version.state == VersionState.DRAFT
    )


@admin.register(Market)
class MarketAdmin(AuditedAdmin):
    """Pricing regions."""

    list_display = ("name",)
    search_fields = ("name",)


@admin.register(CallingCode)
class CallingCodeAdmin(AuditedAdmin):
    """Calling codes and their markets by month."""

    list_display = ("prefix", "country", "market", "valid_from", "valid_to")
    list_filter = ("market", "valid_from")
    search_fields = ("prefix", "country__iexact")
    autocomplete_fields = ("market",)
    ordering = ("prefix", "valid_from")


class VersionInline(ReadOnlyInline):
    """Versions of a card."""

    model = CardVersion
    fields = ("valid_from", "valid_to", "phase", "service_free_in_window", "utility_free_in_window")

    @display(description=_("Status"))
    def phase(self, version: CardVersion) -> str:
        """Draft, scheduled, in force or retired, as in the list of versions."""
        return phase_of(version)


@admin.register(RateCard)
class RateCardAdmin(AuditedAdmin):
    """Price lists."""

    list_display = ("name", "currency", "floor", "ceiling", "is_cost")
    list_filter = ("currency", "is_cost")
    search_fields = ("name",)
    inlines = (VersionInline,)
    actions_detail = ("upload",)

    def has_upload_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may add versions."""
        return request.user.has_perm("billing.add_cardversion")

    @action(description=_("Upload CSV"), url_path="upload", permissions=["upload"])
    def upload(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Read files into a draft; problems are listed by row and column, and nothing is stored
        then.
        """
        card = get_object_or_404(RateCard, pk=object_id)
        words = _(
            "Nothing holds yet: the draft is compared with the card in force before it is "
            "scheduled."
        )
        question = Question(_("Upload a version of %(card)s") % {"card": card}, _("Check"), words)
        made: list[CardVersion] = []

        def draft(data: dict[str, Any]) -> str:
            sheet = sheet_of_files(data)
            if sheet.problems:
                question.tables.append(problems_of(sheet))
            rules = {name: data[name] for name in RULES}
            version = versions.make_draft(
                card=card, sheet=sheet, valid_from=data["valid_from"], **rules
            )
            record.record(
                action="cardversion.uploaded", subject=version, after={"rates": len(sheet.rates)}
            )
            made.append(version)
            return _("%(version)s is a draft: compare it, then schedule it.") % {"version": version}

        answer = ask(request, self, question, form=UploadForm, do=draft, back=request.path)
        if made:
            answer["Location"] = reverse("admin:billing_cardversion_compare", args=[made[0].pk])
        return answer

    @display(description=_("floor"))
    def floor(self, card: RateCard) -> str:
        """Lowest price a tier may have."""
        return money.show_micros(card.floor_micros, card.currency)

    @display(description=_("ceiling"))
    def ceiling(self, card: RateCard) -> str:
        """Highest price a tier may have."""
        return money.show_micros(card.ceiling_micros, card.currency)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: charges refer to cards."""
        return False


@admin.register(CardVersion)
class CardVersionAdmin(DraftOnlyMixin, AuditedAdmin):
    """Versions of cards; a draft is compared and scheduled, a scheduled one is final."""

    list_display = (
        "card",
        "valid_from",
        "valid_to",
        "phase",
        "service_free_in_window",
        "utility_free_in_window",
    )
    list_select_related = ("card",)
    list_filter = ("state", "card")
    search_fields = ("card__name",)
    autocomplete_fields = ("card",)
    readonly_fields = ("created_at", "state")
    applies: ClassVar = {"schedule": _is_draft}
    actions_detail = (
        "compare",
        "schedule",
        {"title": _("Download"), "items": ["own", "rates", "tiers"]},
    )

    @display(
        description=_("Status"),
        label={
            "draft": "info",
            "scheduled": "warning",
            "in force": "success",
            "retired": "default",
        },
    )
    def phase(self, version: CardVersion) -> tuple[str, str]:
        """Draft, scheduled, in force or retired."""
        return version.phase(timezone.now().date()), phase_of(version)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change versions."""
        return request.user.has_perm("billing.change_cardversion")

    @action(description=_("Compare"), url_path="compare")
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Changes to the version in force, and cost of last month under the draft."""
        version = get_object_or_404(CardVersion, pk=object_id)
        question = Question(
            _("%(version)s, compared") % {"version": version}, "", tables=_comparison(version)
        )
        return show(request, self, question, back=_admin_url(version))

    @action(description=_("Schedule"), url_path="schedule", permissions=["act"])
    def schedule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Schedule a draft; it is final then."""
        version = get_object_or_404(CardVersion, pk=object_id)

        def fix(data: dict[str, Any]) -> str:
            versions.schedule(version, today=timezone.now().date())
            record.record(
                action="cardversion.scheduled",
                subject=version,
                after={"valid_from": version.valid_from},
            )
            return _("%(version)s is scheduled.") % {"version": version}

        words = _(
            "From its first month on it replaces the version before it. It can never be edited "
            "again."
        )
        question = Question(
            _("Schedule %(version)s") % {"version": version},
            _("Schedule"),
            words,
            _comparison(version),
        )
        return ask(request, self, question, form=StyledForm, do=fix, back=_admin_url(version))

    @action(description=_("Our layout (CSV)"), url_path="own")
    def own(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Download in our layout."""
        return _file(object_id, "card", csv_export.write_own)

    @action(description=_("Meta's rate sheet (CSV)"), url_path="rates")
    def rates(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Download base rates in Meta's layout."""
        return _file(object_id, "rates", csv_export.write_rates)

    @action(description=_("Meta's tier sheet (CSV)"), url_path="tiers")
    def tiers(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Download tiers in Meta's layout."""
        return _file(object_id, "tiers", csv_export.write_tiers)


def _admin_url(version: CardVersion) -> str:
    return reverse("admin:billing_cardversion_change", args=[version.pk])


def _file(object_id: str, name: str, write: Callable[[Sheet], str]) -> HttpResponse:
    version = get_object_or_404(CardVersion, pk=object_id)
    filename = f"{name}-{version.pk}-{version.valid_from:%Y-%m}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return HttpResponse(
        write(versions.sheet_of(version)), content_type="text/csv; charset=utf-8", headers=headers
    )


def _comparison(version: CardVersion) -> list[Table]:
    """Tables of price and rule changes, and cost of last month under the version."""
    month = (
        version.valid_from
        if version.state == VersionState.DRAFT
        else _month_before(version.valid_from)
    )
    held = versions.version_on(version.card, month)
    before = versions.sheet_of(held) if held else Sheet(version.card.currency)
    changes = versions.diff(before, versions.sheet_of(version))
    rows = [
        (
            one.market,
            one.category,
            versions.describe_tiers(one.before),
            versions.describe_tiers(one.after),
        )
        for one in changes
    ]
    title = ngettext(
        "%(count)s change to %(held)s", "%(count)s changes to %(held)s", len(changes)
    ) % {
        "count": len(changes),
        "held": held or _("nothing"),
    }
    diff = Table(
        title, (_("Market"), _("Category"), _("Now"), _("New")), rows, _("The prices are the same.")
    )
    was, now = (versions.rules_of(one) if one else {} for one in (held, version))
    changed = [
        (name, was.get(name, ""), value) for name, value in now.items() if was.get(name) != value
    ]
    rules = Table(
        _("Rules"), (_("Rule"), _("Now"), _("New")), changed, _("The rules are the same.")
    )
    return [diff, rules, _cost(version, _month_before(timezone.now().date()))]


def _cost(version: CardVersion, month: date) -> Table:
    found, currency = versions.rerate(version, month), version.card.currency
    names = dict(
        Business.objects.filter(pk__in=[one.business_id for one in found]).values_list("pk", "name")
    )
    rows = [
        (
            names[one.business_id],
            f"{one.messages:,}",
            money.show_micros(one.charged_micros, currency),
            money.show_micros(one.would_be_micros, currency),
            f"{one.unpriced:,}",
        )
        for one in sorted(found, key=lambda one: -one.charged_micros)[:MAX_ROWS_SHOWN]
    ]
    was, would = sum(one.charged_micros for one in found), sum(one.would_be_micros for one in found)
    title = _("%(month)s under it: %(would)s instead of %(was)s") % {
        "month": f"{month:%Y-%m}",
        "was": money.show_micros(was, currency),
        "would": money.show_micros(would, currency),
    }
    head = (_("Business"), _("Messages"), _("Charged"), _("Would be"), _("Without a price"))
    return Table(title, head, rows, _("No business that follows the card was charged."))


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


class TierInline(DraftOnlyMixin, EditableInline):
    """Tiers of a rate."""

    model = Tier
    fields = ("first", "last", "price_micros")


@admin.register(Rate)
class RateAdmin(DraftOnlyMixin, AuditedAdmin):
    """Prices of a version for one market and category."""

    list_display = ("market", "category", "version")
    list_select_related = ("version__card", "market")
    list_filter = ("category", "version", "market")
    search_fields = ("market__name",)
    autocomplete_fields = ("market", "version")
    inlines = (TierInline,)


@admin.register(Tier)
class TierAdmin(ReadOnlyAdmin):
    """All tiers; edited on their rate's page."""

    list_display = ("rate", "first", "last", "price")
    list_select_related = ("rate__version__card",)
    list_filter = ("rate__category",)

    @display(description=_("price"))
    def price(self, tier: Tier) -> str:
        """Price of one message."""
        return money.show_micros(tier.price_micros, tier.rate.version.card.currency)


@admin.register(DefaultCard)
class DefaultCardAdmin(AuditedAdmin):
    """Which card the businesses of a currency follow from which month on; the database keeps months
    with charges as they are.
    """

    list_display = ("currency", "card", "valid_from")
    list_select_related = ("card",)
    list_filter = ("currency",)
    search_fields = ("card__name",)
    autocomplete_fields = ("card",)
    ordering = ("currency", "-valid_from")


@admin.register(CardChoice)
class CardChoiceAdmin(AuditedAdmin):
    """Terms agreed with businesses; the database protects months with charges."""

    list_display = ("business", "card", "discount_percent", "valid_from", "valid_to")
    list_select_related = ("business", "card")
    search_fields = ("business__name", "card__name")
    autocomplete_fields = ("business", "card")
