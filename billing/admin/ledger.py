"""Ledger in the admin: read-only rows, with actions to meter again, to reverse and to recount."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from accounts.admin_site.base import AuditedAdmin, ReadOnlyAdmin
from accounts.admin_site.confirmation import Question, ReasonForm, StyledForm, Table, ask, show
from accounts.admin_site.queues import QueueAdmin
from accounts.audit import record
from accounts.models import Business
from billing import tasks
from billing.invoices.clock import advance_clock
from billing.metering import meter, reconciliation
from billing.metering.reversals import reverse_charge
from billing.models import Charge, Invoice, Period, Quarantine, Recount, SpendCap, Tally, Usage
from core import money
from core.wake import notify
from hosting.numbers.sandbox_clock import set_clock


class BusinessRowsAdmin(ReadOnlyAdmin):
    """Read-only rows of businesses that can be filtered by business."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow filtering by business."""
        return lookup in ("business_id__exact", "business__id__exact") or super().lookup_allowed(
            lookup, value, request
        )


@admin.register(Period)
class PeriodAdmin(BusinessRowsAdmin):
    """Months of businesses."""

    list_display = ("month", "business", "state", "starts_at", "ends_at", "closed_at")
    list_select_related = ("business",)
    list_filter = ("state", "month")
    search_fields = ("business__name",)
    ordering = ("-month", "-id")
    actions_list = ("clock",)

    def has_clock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change businesses."""
        return request.user.has_perm("accounts.change_business")

    @action(description=_("Test clock"), url_path="clock", permissions=["clock"])
    def clock(self, request: HttpRequest) -> HttpResponse:
        """Set the test clock of a sandbox business (`?business=`) and close the months that end."""
        chosen = request.GET.get("business", "")
        business = (
            Business.objects.filter(pk=int(chosen)).first()
            if chosen.isdecimal() and len(chosen) < 19
            else None
        )
        if business is None:
            messages.info(request, _("Choose a business; its page has a link to its test clock."))
            return HttpResponseRedirect(reverse("admin:accounts_business_changelist"))

        def set_time(data: dict[str, Any]) -> str:
            before = {"clock_at": business.clock_at}
            issued = _advance_clock(business, data["to"])
            after = {"clock_at": business.clock_at, "invoices": [str(one) for one in issued]}
            record.record(
                action="business.clock_set",
                subject=business,
                business=business,
                before=before,
                after=after,
            )
            return ngettext(
                "It is %(now)s now; %(count)s invoice was issued.",
                "It is %(now)s now; %(count)s invoices were issued.",
                len(issued),
            ) % {
                "now": f"{business.now():%Y-%m-%d %H:%M}",
                "count": len(issued),
            }

        question = _clock_question(business)
        return ask(
            request, self, question, form=ClockForm, do=set_time, back=request.get_full_path()
        )


@admin.register(Tally)
class TallyAdmin(BusinessRowsAdmin):
    """Positions taken."""

    list_display = ("business_id", "month", "market", "category", "rule", "positions")
    list_filter = ("category", "rule")
    search_fields = ("business_id__exact",)
    ordering = ("-id",)


@admin.register(Charge)
class ChargeAdmin(BusinessRowsAdmin):
    """Charges: one row per delivered message."""

    list_display = (
        "message_id",
        "business_id",
        "month",
        "billed_month",
        "market",
        "category",
        "rule",
        "position",
        "price_micros",
        "delivered_at",
    )
    list_filter = ("category", "rule")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)
    actions_detail = ("reverse_row",)
    applies: ClassVar = {
        "reverse_row": lambda row: (
            row.reverses_id is None and not Charge.objects.filter(reverses_id=row.pk).exists()
        )
    }

    def has_reverse_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may add charges."""
        return request.user.has_perm("billing.add_charge")

    @action(description=_("Reverse"), url_path="reverse", permissions=["reverse"])
    def reverse_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reverse a charge by a row with the negative amount."""
        charge = get_object_or_404(Charge, pk=object_id)

        def reversal(data: dict[str, Any]) -> str:
            back = reverse_charge(
                business_id=charge.business_id, charge_id=charge.pk, reason=data["reason"]
            )
            record.record(
                action="charge.reversed",
                subject=f"charge {charge.pk}",
                business=charge.business_id,
                after={
                    "reversal": back,
                    "price_micros": -charge.price_micros,
                    "reason": data["reason"],
                },
            )
            return _("Charge %(charge)s is taken back by %(back)s.") % {
                "charge": charge.pk,
                "back": back,
            }

        words = _(
            "A row of the opposite sign, in its own month while that is open, else in the "
            "earliest open one."
        )
        question = Question(
            _("Reverse charge %(id)s") % {"id": charge.pk}, _("Reverse"), words, is_danger=True
        )
        page = reverse("admin:billing_charge_change", args=[charge.pk])
        return ask(request, self, question, form=ReasonForm, do=reversal, back=page)


@admin.register(Usage)
class UsageAdmin(BusinessRowsAdmin):
    """The rollup that invoice lines are copied from."""

    list_display = (
        "business_id",
        "billed_month",
        "month",
        "market",
        "category",
        "rule",
        "messages",
        "amount_micros",
    )
    list_filter = ("category", "rule")
    search_fields = ("business_id__exact",)
    ordering = ("-id",)


@admin.register(Quarantine)
class QuarantineAdmin(BusinessRowsAdmin):
    """Deliveries that could not be priced; they go back in the queue after the fix."""

    list_display = (
        "message_id",
        "business_id",
        "reason",
        "error",
        "category",
        "recipient",
        "delivered_at",
        "quarantined_at",
    )
    list_filter = ("reason", "category")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)
    actions = ("requeue",)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        """Whether the user may change the quarantine."""
        return request.user.has_perm("billing.change_quarantine")

    @action(description=_("Meter again"), permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        """Put the selected deliveries back in the queue; those still without a price return
        here.
        """
        ids = list(queryset.values_list("pk", flat=True))
        count = meter.requeue(ids)
        record.record(
            action="quarantine.requeued", subject=f"{count} deliveries", after={"ids": ids[:1000]}
        )
        messages.success(
            request,
            ngettext(
                "%(count)s delivery is metered again.",
                "%(count)s deliveries are metered again.",
                count,
            )
            % {"count": count},
        )


@admin.register(SpendCap)
class SpendCapAdmin(AuditedAdmin):
    """Spend caps by month; a hard cap refuses sends, a soft one warns."""

    list_display = ("business", "limit", "is_hard")
    list_select_related = ("business",)
    list_filter = ("is_hard",)
    search_fields = ("business__name",)
    autocomplete_fields = ("business",)

    @display(description=_("limit"), ordering="limit_micros")
    def limit(self, cap: SpendCap) -> str:
        """Limit per month in the business's currency."""
        return money.show_micros(cap.limit_micros, cap.business.currency)


@admin.register(Recount)
class RecountAdmin(QueueAdmin):
    """Recounts of the books, nightly and requested ones."""

    task = tasks.recount
    hidden: ClassVar[tuple[str, ...]] = ("differences", "leased_by")
    list_display = ("asked_at", "month", "asked_by", "finished_at", "found", "last_error")
    ordering = ("-id",)
    actions_list = ("run_now",)
    actions_detail = ("show_differences",)

    @display(description=_("found"), label={"ok": "success", "bad": "danger", "waiting": "info"})
    def found(self, recount: Recount) -> tuple[str, str]:
        """Number of differences as a label."""
        if recount.finished_at is None:
            return "waiting", str(_("Waiting"))
        count = len(recount.differences)
        return (
            (
                "bad",
                str(
                    ngettext(
                        "%(count)s difference",
                        "%(count)s differences",
                        count,
                    )
                    % {"count": count}
                ),
            )
            if count
            else ("ok", str(_("All agrees")))
        )

    def has_run_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may see recounts."""
        return request.user.has_perm("billing.view_recount")

    @action(description=_("Recount now"), url_path="run", permissions=["run"])
    def run_now(self, request: HttpRequest) -> HttpResponse:
        """Request a recount; the worker runs it."""

        def order(data: dict[str, Any]) -> Any:
            month = data["month"] and data["month"].replace(day=1)
            recount = reconciliation.request_recount(month=month, by=str(request.user))
            record.record(action="recount.asked", subject=recount)
            notify(tasks.recount)
            return _("The books are recounted; the result is here in a moment.")

        words = _(
            "Messages, prices, positions, rollup and invoices are counted anew, in the background."
        )
        back = reverse("admin:billing_recount_changelist")
        question = Question(_("Recount the books"), _("Recount now"), words)
        return ask(request, self, question, form=MonthForm, do=order, back=back)

    @action(description=_("Differences"), url_path="differences", permissions=["run"])
    def show_differences(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Differences of a recount, by check: since when, and what an operator does about each."""
        recount = get_object_or_404(Recount, pk=object_id)
        table_of = [
            Table(
                words,
                (_("Business"), _("What"), _("Expected"), _("Found"), _("Since"), _("Mended by")),
                [
                    (
                        one["business_id"] or "",
                        one["what"],
                        one["expected"],
                        one["found"],
                        one["since"][:16].replace("T", " "),
                        reconciliation.ACTIONS[check],
                    )
                    for one in recount.differences
                    if one["check"] == check
                ],
                _("Agrees."),
            )
            for check, words in reconciliation.CHECKS.items()
        ]
        question = Question(str(recount), "", tables=table_of)
        return show(request, self, question, back=reverse("admin:billing_recount_changelist"))


class MonthForm(StyledForm):
    """A month, or all of them."""

    month = forms.DateField(
        label=_("Month"), required=False, help_text=_("Any day of it; empty: all months.")
    )


class ClockForm(StyledForm):
    """New time of the test clock."""

    to = forms.DateField(
        label=_("Go to"), required=False, help_text=_("00:00 UTC of that day; empty: real time.")
    )


def _advance_clock(business: Business, day: date | None) -> list[Invoice]:
    if day is None:
        set_clock(business=business, at=None)
        return []
    return advance_clock(business=business, to=datetime(day.year, day.month, day.day, tzinfo=UTC))


def _clock_question(business: Business) -> Question:
    invoices = business.invoices.order_by("-id")[:12]
    rows = [
        (
            str(one),
            f"{one.period.month:%Y-%m}",
            one.get_status_display(),
            money.show_minor(one.total_minor, one.currency),
        )
        for one in invoices.select_related("period")
    ]
    shown = f"{business.clock_at:%Y-%m-%d %H:%M} UTC" if business.clock_at else _("real time")
    words = _(
        "The clock of %(business)s shows %(shown)s. Months that are over by more than the grace "
        "are closed."
    )
    table = Table(
        _("Invoices"), (_("Number"), _("Month"), _("State"), _("Total")), rows, _("None yet.")
    )
    title = _("Test clock of %(business)s") % {"business": business}
    return Question(title, _("Go"), words % {"business": business, "shown": shown}, [table])
