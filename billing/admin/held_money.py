"""What customers have with the seller, in the admin: credit balances and money that pays no invoice
yet, and the deed that pays a balance out.
"""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.admin_site.confirmation import OnceForm, Question, Table, ask, show
from accounts.audit import record
from accounts.models import Business
from billing.admin.invoices import minor_of
from billing.models import Payment
from billing.payments import receipts, settlement
from core import money


class HeldMoneyMixin:
    """Pages of the receipts about what customers have: a list of all, and paying out."""

    def has_pay_out_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may add refunds."""
        return request.user.has_perm("billing.add_refund")

    @action(description=_("What customers have"), url_path="held", permissions=["note"])
    def held(self, request: HttpRequest) -> HttpResponse:
        """Credit balances and unallocated money of all customers, by currency."""
        may_pay = self.has_pay_out_permission(request)
        rows = [
            (
                row.business,
                money.show_minor(row.balance_minor, row.currency),
                money.show_minor(row.unallocated_minor, row.currency),
                _link(row) if may_pay and row.balance_minor > 0 else "",
            )
            for row in settlement.held_money()
        ]
        head = (_("Business"), _("Credit balance"), _("Not allocated"), "")
        words = _(
            "It pays each customer's next invoice. Money that is not allocated goes back from the "
            "page of its receipt."
        )
        question = Question(
            _("What customers have"), "", words, [Table(_("By customer"), head, rows)]
        )
        back = reverse("admin:billing_cashreceipt_changelist")
        return show(request, self, question, back=back)  # type: ignore[arg-type]

    @action(description=_("Pay out a balance"), url_path="pay-out", permissions=["pay_out"])
    def pay_out(self, request: HttpRequest) -> HttpResponse:
        """Pay out a balance (`?business=`, `?currency=`) by bank or to a card that paid before."""
        business = _chosen_business(request)
        if business is None:
            messages.info(request, _("Choose the customer whose balance is paid out."))
            return HttpResponseRedirect(reverse("admin:billing_cashreceipt_held"))
        currency = request.GET.get("currency", "")[:3] or business.currency
        cards = settlement.refundable_cards(business, currency)

        def pay(data: dict[str, Any]) -> Any:
            card = next((one for one, _left in cards if str(one.pk) == data["way"]), None)
            return _paid_out(business, currency, card, data)

        left = settlement.balance_minor(business, currency)
        words = _(
            "%(business)s has a credit balance of %(left)s. What goes by bank is sent from your "
            "bank; settle the refund then."
        ) % {"business": business, "left": money.show_minor(left, currency)}
        question = Question(_("Pay out a balance"), _("Pay out"), words)
        back = reverse("admin:billing_cashreceipt_held")
        return ask(request, self, question, form=_form(cards), do=pay, back=back)  # type: ignore[arg-type]


def _chosen_business(request: HttpRequest) -> Business | None:
    chosen = request.GET.get("business", "")
    is_id = chosen.isdecimal() and len(chosen) < 19
    return Business.objects.filter(pk=int(chosen)).first() if is_id else None


def _paid_out(business: Business, currency: str, card: Payment | None, data: dict[str, Any]) -> str:
    """Pay out what the form says, record it, and return the message for the operator."""
    refund = receipts.pay_out_balance(
        business=business,
        currency=currency,
        amount_minor=minor_of(data["amount"], currency),
        key=data["deed"],
        card=card,
    )
    record.record(
        action="balance.paid_out",
        subject=refund,
        business=business,
        after={"amount_minor": refund.amount_minor, "way": refund.method},
    )
    shown = money.show_minor(refund.amount_minor, currency)
    return _("%(amount)s are paid out.") % {"amount": shown}


def _link(row: Any) -> Any:
    query = urlencode({"business": row.business_id, "currency": row.currency})
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}?{}">{}</a>',
        reverse("admin:billing_cashreceipt_pay_out"),
        query,
        _("Pay out"),
    )


def _form(cards: list[tuple[Payment, int]]) -> type[OnceForm]:
    """The amount, and the ways in which it can go."""
    ways = [
        ("bank", _("Bank transfer")),
        *(
            (
                str(payment.pk),
                _("Card that paid %(invoice)s, at most %(left)s")
                % {
                    "invoice": payment.invoice,
                    "left": money.show_minor(left, payment.currency),
                },
            )
            for payment, left in cards
        ),
    ]
    fields = {
        "amount": forms.DecimalField(
            label=_("Amount"), min_value=Decimal("0.001"), max_digits=15, decimal_places=3
        ),
        "way": forms.ChoiceField(label=_("How"), choices=ways),
    }
    return type("PayOutForm", (OnceForm,), fields)
