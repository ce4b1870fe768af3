"""Customers that the command menu finds, by name, alias or number."""

from django.urls import reverse

from accounts.dashboard.finders import MOST, Finder, Found
from accounts.models import AGENTS, Business
from hosting.models import Contact


def customers(business: Business, words: str) -> list[Found]:
    """Customers of the business whose name, alias or number holds `words`, the newest first."""
    found = Contact.objects.called(words).filter(business=business).order_by("-id")[:MOST]
    return [
        Found(str(one), reverse("contact", args=[one.pk]), "user", one.wa_id or "") for one in found
    ]


CUSTOMERS = Finder("customers", customers, frozenset(map(str, AGENTS)))
