"""Page of the audit log, for owners."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.audit import history, words
from accounts.models import ADMINS, AuditEntry
from core.csv import csv_download

CSV_LIMIT = 100_000


@require_GET
@member_page(*ADMINS)
def audit(request: BusinessRequest) -> HttpResponse:
    """A page of the log, filtered by the query string; `?csv=1` downloads it as CSV."""
    filters = history.Filters.read(request.GET)
    found = history.matching(request.business, filters)
    if request.GET.get("csv"):
        return csv_download("audit", history.as_csv(found, CSV_LIMIT))
    rows, older = history.page(found, before=filters.before)
    own = AuditEntry.objects.filter(business=request.business)
    context: dict[str, Any] = {
        "rows": [
            (row, words.action(row.action), history.changes(row, request.business.currency))
            for row in rows
        ],
        "older": older,
        "filters": filters,
        "people": own.order_by("actor_name").values_list("actor_name", flat=True).distinct()[:200],
        "actions": sorted(
            (words.action(name), name)
            for name in own.order_by().values_list("action", flat=True).distinct()[:200]
        ),
    }
    return render(request, "accounts/audit.html", context)
