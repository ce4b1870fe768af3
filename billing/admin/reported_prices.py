"""Reported prices in the admin: what the network said that messages cost, beside their charges."""

from typing import Any

from django.contrib import admin
from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.confirmation import Question, Table, show
from billing.admin.ledger import BusinessRowsAdmin
from billing.models import Charge, Rule
from core import money
from core.sql import select
from hosting.models import ReportedPrice


class DiffersFilter(admin.SimpleListFilter):
    """Only rows whose charge is another than what was reported."""

    title = _("difference")
    parameter_name = "differs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """With a difference, or without."""
        return [("yes", _("Charged otherwise")), ("no", _("As reported"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows chosen; those without a charge differ as well."""
        same = queryset.filter(charged_micros=F("price_micros"))
        if self.value() == "no":
            return same
        return queryset.exclude(pk__in=same.values("pk")) if self.value() == "yes" else queryset


@admin.register(ReportedPrice)
class ReportedPriceAdmin(BusinessRowsAdmin):
    """What the network reported for messages, what they were charged, and why that differs."""

    list_display = ("message_id", "business_id", "reported", "charged", "why", "reported_at")
    list_filter = (DiffersFilter, "is_late", "currency")
    search_fields = ("message_id__exact",)
    ordering = ("-id",)
    actions_list = ("by_month",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows with what was charged, reversals taken off, and the rule of the charge."""
        charges = Charge.objects.filter(
            business_id=OuterRef("business_id"), message_id=OuterRef("message_id")
        ).order_by()
        charged = charges.values("message_id").annotate(n=Sum("price_micros")).values("n")
        rows: QuerySet[Any] = super().get_queryset(request)
        found: QuerySet[Any] = rows.annotate(
            charged_micros=Subquery(charged, output_field=BigIntegerField()),
            rule=Subquery(charges.filter(reverses_id=None).values("rule")[:1]),
        )
        return found

    @display(description=_("reported"), ordering="price_micros")
    def reported(self, row: Any) -> str:
        """What the network said."""
        return money.show_micros(row.price_micros, row.currency)

    @display(description=_("charged"))
    def charged(self, row: Any) -> str:
        """What the ledger says; empty without a charge."""
        return "" if row.charged_micros is None else f"{money.micro_amount(row.charged_micros):f}"

    @display(description=_("why it differs"))
    def why(self, row: Any) -> str:
        """Why the charge is another than what was reported; empty where it is the same."""
        if row.charged_micros is None:
            return str(_("Not charged yet"))
        if row.charged_micros == row.price_micros:
            return ""
        if row.rule == Rule.REPORTED:
            if row.charged_micros == 0:
                return str(_("Taken back"))
            return str(
                _("Above the card's price")
                if row.price_micros > row.charged_micros
                else _("Below the card's floor")
            )
        if row.is_late:
            return str(_("Reported after the delivery"))
        return str(Rule(row.rule).label)

    def has_by_month_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may see reported prices."""
        return request.user.has_perm("hosting.view_reportedprice")

    @action(description=_("By month"), url_path="by-month", permissions=["by_month"])
    def by_month(self, request: HttpRequest) -> HttpResponse:
        """Sums by month and currency, to hold beside the upstream's own bill."""
        rows = [
            (
                f"{row['month']:%Y-%m}",
                f"{row['messages']:,}",
                money.show_micros(row["reported_micros"], row["currency"]),
                money.show_micros(row["charged_micros"], row["currency"]),
                money.show_micros(row["charged_micros"] - row["reported_micros"], row["currency"]),
                f"{row['different']:,}",
            )
            for row in select("billing", "reported_differences", {})
        ]
        head = (
            _("Month"),
            _("Messages"),
            _("Reported"),
            _("Charged"),
            _("Difference"),
            _("Messages that differ"),
        )
        question = Question(
            _("Reported prices by month"),
            "",
            _("What the network reported, beside what these messages were charged."),
            [Table(_("By month"), head, rows)],
        )
        back = reverse("admin:hosting_reportedprice_changelist")
        return show(request, self, question, back=back)
