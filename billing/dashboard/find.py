"""Invoices that the command menu finds, by number."""

from django.urls import reverse
from django.utils.formats import date_format

from accounts.dashboard.finders import MOST, Finder, Found
from accounts.models import FINANCE, Business
from billing.models import Invoice


def invoices(business: Business, words: str) -> list[Found]:
    """Issued invoices of the business whose number holds `words`, the newest first."""
    found = Invoice.objects.filter(business=business, number__icontains=words).order_by("-id")
    return [
        Found(
            str(one.number),
            reverse("invoice", args=[one.number]),
            "invoice",
            date_format(one.issued_at, "SHORT_DATE_FORMAT") if one.issued_at else "",
        )
        for one in found[:MOST]
    ]


INVOICES = Finder("invoices", invoices, frozenset(map(str, FINANCE)))
