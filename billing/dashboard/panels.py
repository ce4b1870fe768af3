"""Billing on the home page: the month so far, invoices past due, banners about unpaid invoices."""

from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.dashboard.panels import Attention, Banner
from accounts.models import FINANCE, Business, Plan
from billing.errors import NotConfigured
from billing.metering.charts import usage_charts
from billing.metering.usage import MonthUsage, has_only_test_numbers, usage_of
from billing.models import BillingDetails, Invoice, InvoiceStatus, Quarantine
from billing.payments import dunning, settlement, stripe_gateway
from core import money
from core.territories import locale


def month(business: Business) -> dict[str, Any]:
    """Template variables of the panel: `usage` of the current month and its `charts`."""
    usage = month_usage(business)
    return {"usage": usage, "charts": usage_charts(usage)}


def month_usage(business: Business) -> MonthUsage:
    """Usage of the business's current month."""
    today = business.now().astimezone(ZoneInfo(business.timezone)).date()
    is_test = has_only_test_numbers(business)
    return usage_of(business, today.replace(day=1), is_test=is_test)


def attention(business: Business) -> list[Attention]:
    """Invoices past due, and delivered messages that could not be priced."""
    found = []
    due = Invoice.objects.filter(
        business=business, status=InvoiceStatus.OPEN, due_at__lt=business.now()
    )
    for invoice in due.order_by("due_at")[:5]:
        amount = money.show_minor(invoice.total_minor, invoice.currency, locale())
        text = _("Invoice %(number)s over %(amount)s is past due.") % {
            "number": invoice.number,
            "amount": amount,
        }
        found.append(Attention(text, reverse("invoice", args=[invoice.number]), "bad"))
    if waiting := Quarantine.objects.filter(business_id=business.pk).count():
        text = ngettext(
            "%(n)d delivered message could not be priced yet.",
            "%(n)d delivered messages could not be priced yet.",
            waiting,
        )
        found.append(Attention(text % {"n": waiting}, reverse("usage")))
    return found


def banners(business: Business, role: str) -> list[Banner]:
    """Banners that sending is stopped or will be, with a pay button for those who may pay."""
    if business.suspended_at is not None and business.suspended_reason != settlement.UNPAID_REASON:
        return []
    oldest = business.invoices.past_due(business.now()).order_by("due_at").first()
    if oldest is None:
        return []
    url, action = "", ""
    if role in FINANCE:
        url, action = reverse("invoice", args=[oldest.number]), _("Pay now")
    if business.suspended_at is not None:
        text = _("Sending is stopped: invoice %(number)s is unpaid. What you host stays readable.")
        return [Banner(text % {"number": oldest.number}, "bad", url, action)]
    if role not in FINANCE:
        return []
    text = _("Invoice %(number)s is past due. Sending stops on %(day)s unless it is paid.")
    return [
        Banner(
            text % {"number": oldest.number, "day": date_format(dunning.suspends_at(oldest))},
            "warn",
            url,
            action,
        )
    ]


def check_payable(business: Business, plan: Plan) -> None:
    """Raise NotConfigured for a plan with a fee while cards are accepted and none is saved.

    Without card payments the fee comes on the invoice.
    """
    if (
        plan.monthly_fee_micros
        and stripe_gateway.is_configured()
        and not BillingDetails.of(business).method_id
    ):
        raise NotConfigured(
            _("Save a card under billing details first: this plan has a monthly fee.")
        )
