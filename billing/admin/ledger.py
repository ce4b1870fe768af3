"""The ledger in the admin: to look at; quarantine is metered again, a charge is reversed, the books are recounted."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts import auditing
from accounts.backstage import ReadOnlyAdmin
from billing import metering
from billing.models import Charge, Period, Quarantine, Tally, Usage


class OfBusiness(ReadOnlyAdmin):
    """Ledger rows: they hold a business's id, and can be listed by it."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """By business, from its page."""
        return lookup in ("business_id__exact", "business__id__exact") or super().lookup_allowed(lookup, value, request)


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
