"""Sales report page: sales by day and product, conversion, cost of messages."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS, Role
from core import money
from shops import sales_report
from shops.models import Catalog
from shops.views.products import shop_required

DAY_SPANS = (7, 30, 90)


@require_GET
@member_page(*AGENTS, Role.FINANCE)
@shop_required
def sales(request: BusinessRequest, catalog: Catalog) -> HttpResponse:
    """Report on the last 7, 30 or 90 days."""
    asked = request.GET.get("days", "")
    span = int(asked) if asked in {str(one) for one in DAY_SPANS} else 30
    found = sales_report.sales_report(catalog, span)
    context = {
        "catalog": catalog,
        "report": found,
        "span": span,
        "spans": DAY_SPANS,
        "charts": _charts(found, catalog.currency),
    }
    return render(request, "shops/sales_report.html", context)


def _charts(found: sales_report.Report, currency: str) -> dict[str, Any]:
    values = [float(money.minor_amount(day.amount_minor, currency)) for day in found.days]
    labels = [day.day.isoformat() for day in found.days]
    series = [{"name": _("Sales"), "colour": "accent", "values": values}]
    return {"days": {"kind": "days", "labels": labels, "series": series, "currency": currency}}
