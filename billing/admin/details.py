"""Discounts, billing details and ledger accounts in the admin: each change is audited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_site.base import AuditedAdmin
from billing.admin.ledger import BusinessRowsAdmin
from billing.models import BillingDetails, Discount, LedgerAccount, MinimumCommitment, Posting
from core import money


@admin.register(Discount)
class DiscountAdmin(AuditedAdmin):
    """Discounts agreed with businesses, from one month to another.

    The database keeps the months that are closed: a discount ends, or another begins.
    """

    list_display = ("business", "description", "percent", "first_month", "last_month")
    list_select_related = ("business",)
    search_fields = ("business__name", "description")
    autocomplete_fields = ("business",)
    ordering = ("-first_month", "-id")


@admin.register(MinimumCommitment)
class MinimumCommitmentAdmin(AuditedAdmin):
    """What businesses' messages cost a month at least.

    The database keeps the months that are closed: a commitment ends, or another begins.
    """

    list_display = ("business", "minimum", "first_month", "last_month")
    list_select_related = ("business",)
    search_fields = ("business__name",)
    autocomplete_fields = ("business",)
    ordering = ("-first_month", "-id")

    @display(description=_("minimum a month"), ordering="amount_micros")
    def minimum(self, commitment: MinimumCommitment) -> str:
        """The amount with its currency."""
        return money.show_micros(commitment.amount_micros, commitment.currency)


@admin.register(BillingDetails)
class BillingDetailsAdmin(AuditedAdmin):
    """What a business's invoices say, and whether an operator approves each first.

    Issued invoices keep their copy.
    """

    list_display = ("business", "name", "country", "vat_id", "needs_approval")
    list_select_related = ("business",)
    list_filter = ("needs_approval", "country")
    search_fields = ("business__name", "name", "vat_id")
    autocomplete_fields = ("business",)
    readonly_fields = ("customer_id", "method_id", "method_label")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: what an invoice says is changed, not taken away."""
        return False


@admin.register(LedgerAccount)
class LedgerAccountAdmin(AuditedAdmin):
    """Accounts of the journal's exports: numbers and names by what they are for."""

    list_display = ("chart", "role", "number", "name")
    list_filter = ("chart",)


@admin.register(Posting)
class PostingAdmin(BusinessRowsAdmin):
    """The journal."""

    list_display = ("posted_on", "event", "role", "amount", "document", "business")
    list_select_related = ("business",)
    list_filter = ("role", "currency")
    search_fields = ("event", "document", "reference")
    ordering = ("-id",)

    @display(description=_("amount"), ordering="amount_minor")
    def amount(self, posting: Posting) -> str:
        """Amount with currency, debit positive."""
        return money.show_minor(posting.amount_minor, posting.currency)
