"""The index of the settings, and what the command menu finds among rows."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.dashboard import finders


@require_GET
@member_page()
def settings(request: BusinessRequest) -> HttpResponse:
    """Every page of the settings that the member may open, by section."""
    return render(request, "accounts/settings.html")


@require_GET
@member_page()
def find(request: BusinessRequest) -> HttpResponse:
    """Options of the command menu for `q`: customers, orders, invoices."""
    role, words = request.membership.role, request.GET.get("q", "")
    found = finders.find(request.business, role, words)
    return render(request, "accounts/_found.html", {"found": found})
