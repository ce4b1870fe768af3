"""The home page's view of the money: the month so far, and invoices that are past due."""

from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Business
from accounts.panels import Attention
from billing import money
from billing.charts import usage_charts
from billing.models import Invoice, InvoiceStatus, Quarantine
from billing.templatetags.amounts import locale
from billing.usage import usage_of


def month(business: Business) -> dict[str, Any]:
    """Variables of the panel: `usage` of the present month and its `charts`."""
    today = business.now().astimezone(ZoneInfo(business.timezone)).date()
    usage = usage_of(business, today.replace(day=1))
    return {"usage": usage, "charts": usage_charts(usage)}


def attention(business: Business) -> list[Attention]:
    """Invoices past due, and delivered messages that could not be priced."""
    found = []
    due = Invoice.objects.filter(business=business, status=InvoiceStatus.OPEN, due_at__lt=business.now())
    for invoice in due.order_by("due_at")[:5]:
        amount = money.show_minor(invoice.total_minor, invoice.currency, locale())
        text = _("Invoice %(number)s over %(amount)s is past due.") % {"number": invoice.number, "amount": amount}
        found.append(Attention(text, reverse("invoice", args=[invoice.number]), "bad"))
    if waiting := Quarantine.objects.filter(business_id=business.pk).count():
        text = ngettext(
            "%(n)d delivered message could not be priced yet.",
            "%(n)d delivered messages could not be priced yet.",
            waiting,
        )
        found.append(Attention(text % {"n": waiting}, reverse("usage")))
    return found
