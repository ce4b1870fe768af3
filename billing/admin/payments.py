"""Payments and refunds in the admin; results the network does not know are settled manually."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.confirmation import Question, ReasonForm, ask
from accounts.admin_site.queues import QueueAdmin, QueueStateFilter
from accounts.audit import record
from billing import tasks
from billing.admin.ledger import BusinessRowsAdmin
from billing.models import Payment, Refund
from billing.payments import outcomes
from core import money

MOVED, NEVER = "moved", "never"


class SettleForm(ReasonForm):
    """Result found at the bank or in the network's dashboard."""

    result = forms.ChoiceField(
        label=_("What became of it"),
        choices=[("", "—"), (MOVED, _("The money has moved")), (NEVER, _("It never moved"))],
    )
    reference = forms.CharField(
        label=_("Reference"),
        max_length=120,
        required=False,
        help_text=_("The network's id, or the bank's text."),
    )

    field_order = ("result", "reference", "reason")

    def clean(self) -> dict[str, Any]:
        """Require a reference for money that moved."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("result") == MOVED and not data.get("reference"):
            self.add_error("reference", _("Money that moved has a reference: write it here."))
        return data


class SettlementAdmin(QueueAdmin, BusinessRowsAdmin):
    """Base of payments and refunds, with manual settlement."""

    task = tasks.collect
    ordering = ("-id",)
    applies: ClassVar = {"settle": outcomes.may_settle}

    def has_settle_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change such rows; the rows themselves are never edited."""
        return request.user.has_perm(f"billing.change_{self.opts.model_name}")

    @display(description=_("amount"), ordering="amount_minor")
    def amount(self, row: Any) -> str:
        """Amount with currency."""
        return money.show_minor(row.amount_minor, row.currency)

    def _settle(
        self, request: HttpRequest, row: Payment | Refund, question: Question
    ) -> HttpResponse:
        kind = str(self.opts.model_name)

        def settle(data: dict[str, Any]) -> Any:
            before = {"status": row.status, "reference": row.reference}
            outcomes.settle_manually(
                row, moved=data["result"] == MOVED, reference=data["reference"]
            )
            row.refresh_from_db()
            after = {"status": row.status, "reference": row.reference, "reason": data["reason"]}
            record.record(
                action=f"{kind}.settled",
                subject=row,
                business=row.business_id,
                before=before,
                after=after,
            )
            return _("%(what)s: %(status)s.") % {"what": row, "status": row.get_status_display()}

        back = reverse(f"admin:billing_{kind}_change", args=[row.pk])
        return ask(request, self, question, form=SettleForm, do=settle, back=back)


@admin.register(Payment)
class PaymentAdmin(SettlementAdmin):
    """Payment attempts."""

    list_display = (
        "invoice",
        "business",
        "method",
        "status",
        "amount",
        "reference",
        "failure",
        "last_error",
        "created_at",
    )
    list_select_related = ("invoice", "business")
    list_filter = (QueueStateFilter, "status", "method")
    search_fields = ("reference__exact", "invoice__number")
    actions_detail = ("settle",)

    @action(description=_("Settle by hand"), url_path="settle", permissions=["settle"])
    def settle(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Store the result of an attempt that the network does not know."""
        words = _(
            "Look the payment up at the network by its key %(key)s first. While its result is "
            "unknown nothing else is "
            "tried for its invoice; once it never moved, the next attempt may be made."
        )
        payment = get_object_or_404(Payment, pk=object_id)
        return self._settle(
            request,
            payment,
            Question(_("Settle a payment by hand"), _("Settle"), words % {"key": payment.key}),
        )


@admin.register(Refund)
class RefundAdmin(SettlementAdmin):
    """Refunds: cards by the network, bank transfers by the operator."""

    list_display = (
        "payment",
        "receipt",
        "credit_note",
        "business",
        "status",
        "amount",
        "reference",
        "failure",
        "last_error",
        "created_at",
    )
    list_select_related = ("payment__invoice", "receipt", "credit_note", "business")
    list_filter = (QueueStateFilter, "status", "method")
    search_fields = ("reference__exact", "credit_note__number")
    actions_detail = ("settle",)

    @action(description=_("Settle by hand"), url_path="settle", permissions=["settle"])
    def settle(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Store whether a refund was sent."""
        words = _(
            "A refund of a bank transfer is sent from your bank and noted here. One of a card "
            "whose result the network "
            "does not tell is looked up there first, by its key %(key)s."
        )
        refund = get_object_or_404(Refund.objects.select_related("payment"), pk=object_id)
        return self._settle(
            request,
            refund,
            Question(_("Settle a refund by hand"), _("Settle"), words % {"key": refund.key}),
        )
