"""Money that arrived, in the admin: recorded, allocated to invoices, sent back; each once."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from accounts.admin_site.confirmation import OnceForm, Question, Table, ask
from accounts.audit import record
from accounts.models import Business
from billing.admin.held_money import HeldMoneyMixin
from billing.admin.invoices import minor_of
from billing.admin.ledger import BusinessRowsAdmin
from billing.models import CashReceipt, Invoice, Refund
from billing.payments import receipts, settlement
from core import money


class ReceiptForm(OnceForm):
    """A line of a bank statement. The fields of invoices are added by `receipt_form`."""

    amount = forms.DecimalField(
        label=_("Amount"), min_value=Decimal("0.001"), max_digits=15, decimal_places=3
    )
    reference = forms.CharField(
        label=_("Reference"), max_length=120, help_text=_("As the bank's statement has it.")
    )
    value_date = forms.DateField(
        label=_("Value date"), required=False, help_text=_("Empty: today.")
    )
    fee = forms.DecimalField(
        label=_("Kept by the bank"),
        required=False,
        min_value=Decimal(0),
        max_digits=15,
        decimal_places=3,
        help_text=_("The customer paid the amount; the fee is ours."),
    )


class AmountForm(OnceForm):
    """An amount that goes back."""

    amount = forms.DecimalField(
        label=_("Amount"), min_value=Decimal("0.001"), max_digits=15, decimal_places=3
    )


def _with_invoices(base: type[OnceForm], invoices: list[Invoice]) -> type[OnceForm]:
    """The form with a field for each unpaid invoice: what of the money pays it."""
    fields: dict[str, Any] = {
        f"invoice_{invoice.pk}": forms.DecimalField(
            label=str(invoice),
            required=False,
            min_value=Decimal(0),
            max_digits=15,
            decimal_places=3,
            help_text=_("Due: %(due)s")
            % {"due": money.show_minor(invoice.due_now(), invoice.currency)},
        )
        for invoice in invoices
    }
    return type("AllocationForm", (base,), fields)


def _allocations(data: dict[str, Any], currency: str) -> dict[int, int] | None:
    """Minor units by invoice id; None, the oldest first, where no field was filled in."""
    typed = {
        int(name.removeprefix("invoice_")): minor_of(value, currency)
        for name, value in data.items()
        if name.startswith("invoice_") and value
    }
    return typed or None


def _payable(business: Business, currency: str) -> list[Invoice]:
    found = Invoice.objects.filter(
        business=business, currency=currency, status__in=settlement.PAYABLE
    )
    return list(found.order_by("due_at", "id"))


@admin.register(CashReceipt)
class CashReceiptAdmin(HeldMoneyMixin, BusinessRowsAdmin):
    """Money that arrived; what pays no invoice yet is the customer's."""

    list_display = ("value_date", "business", "method", "amount", "left", "reference")
    list_select_related = ("business",)
    list_filter = ("method", "currency")
    search_fields = ("reference", "business__name")
    ordering = ("-id",)
    actions_list = ("note", "held", "pay_out")
    actions_detail = ("allocate", "send_back")
    applies: ClassVar = {
        "allocate": lambda receipt: settlement.unallocated_of(receipt) > 0,
        "send_back": lambda receipt: settlement.unallocated_of(receipt) > 0,
    }

    @display(description=_("amount"), ordering="amount_minor")
    def amount(self, receipt: CashReceipt) -> str:
        """Amount with currency."""
        return money.show_minor(receipt.amount_minor, receipt.currency)

    @display(description=_("not allocated"))
    def left(self, receipt: CashReceipt) -> str:
        """What pays no invoice and did not go back."""
        return money.show_minor(settlement.unallocated_of(receipt), receipt.currency)

    def has_note_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may add receipts."""
        return request.user.has_perm("billing.add_cashreceipt")

    @action(description=_("Note a transfer"), url_path="note", permissions=["note"])
    def note(self, request: HttpRequest) -> HttpResponse:
        """Record a transfer of a business (`?business=`) and what it pays."""
        chosen = request.GET.get("business", "")
        is_id = chosen.isdecimal() and len(chosen) < 19
        business = Business.objects.filter(pk=int(chosen)).first() if is_id else None
        if business is None:
            messages.info(request, _("Choose a business; its page has a link to its receipts."))
            return HttpResponseRedirect(reverse("admin:accounts_business_changelist"))
        currency = business.currency

        def write(data: dict[str, Any]) -> Any:
            receipt = receipts.record(
                business=business,
                amount_minor=minor_of(data["amount"], currency),
                currency=currency,
                reference=data["reference"],
                value_date=data["value_date"],
                fee_minor=minor_of(data["fee"] or Decimal(0), currency),
                allocations=_allocations(data, currency),
                key=data["deed"],
            )
            self._record("noted", receipt, {"amount_minor": receipt.amount_minor})
            return _("%(receipt)s is recorded.") % {"receipt": receipt}

        words = _(
            "Without amounts for invoices the oldest due ones are paid first. What is left stays "
            "the customer's and pays the next invoice."
        )
        title = _("Note a transfer of %(business)s") % {"business": business}
        question = Question(title, _("Record"), words, [self._held(business)])
        form = _with_invoices(ReceiptForm, _payable(business, currency))
        back = f"{reverse('admin:billing_cashreceipt_changelist')}?business__id__exact={chosen}"
        return ask(request, self, question, form=form, do=write, back=back)

    @action(description=_("Allocate"), url_path="allocate", permissions=["note"])
    def allocate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let what is left of it pay invoices."""
        receipt = get_object_or_404(CashReceipt.objects.select_related("business"), pk=object_id)

        def write(data: dict[str, Any]) -> Any:
            made = receipts.allocate(
                receipt=receipt, allocations=_allocations(data, receipt.currency)
            )
            paid = {str(one.invoice): one.allocated_minor for one in made}
            self._record("allocated", receipt, paid)
            return ngettext(
                "%(count)s invoice is paid by it.", "%(count)s invoices are paid by it.", len(made)
            ) % {"count": len(made)}

        form = _with_invoices(OnceForm, _payable(receipt.business, receipt.currency))
        return self._ask(request, receipt, _("Allocate"), form, write)

    @action(description=_("Send back"), url_path="send-back", permissions=["note"])
    def send_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send back what is not allocated of it."""
        receipt = get_object_or_404(CashReceipt.objects.select_related("business"), pk=object_id)

        def write(data: dict[str, Any]) -> Any:
            refund = receipts.send_back(
                receipt=receipt,
                amount_minor=minor_of(data["amount"], receipt.currency),
                key=data["deed"],
            )
            return self._sent_back(refund, receipt)

        return self._ask(request, receipt, _("Send back"), AmountForm, write)

    def _ask(
        self, request: HttpRequest, receipt: CashReceipt, title: Any, form: Any, do: Any
    ) -> HttpResponse:
        words = _("%(left)s are not allocated.") % {"left": self.left(receipt)}
        question = Question(title, title, words)
        back = reverse("admin:billing_cashreceipt_change", args=[receipt.pk])
        return ask(request, self, question, form=form, do=do, back=back)

    def _sent_back(self, refund: Refund, receipt: CashReceipt) -> Any:
        self._record("sent_back", receipt, {"amount_minor": refund.amount_minor})
        return _("%(amount)s go back; settle the refund once the bank has sent it.") % {
            "amount": money.show_minor(refund.amount_minor, refund.currency)
        }

    def _record(self, verb: str, receipt: CashReceipt, after: dict[str, Any]) -> None:
        record.record(
            action=f"receipt.{verb}",
            subject=receipt,
            business=receipt.business_id,
            after={"reference": receipt.reference, **after},
        )

    def _held(self, business: Business) -> Table:
        currency = business.currency
        rows = [
            (
                _("Credit balance"),
                money.show_minor(settlement.balance_minor(business, currency), currency),
            ),
            (
                _("Not allocated"),
                money.show_minor(settlement.unallocated_minor(business, currency), currency),
            ),
        ]
        return Table(_("What the customer has"), (_("What"), _("Amount")), rows)
