"""Retention settings of numbers: days kept, and legal holds."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import ADMINS
from core.wake import notify
from hosting import tasks
from hosting.models import Number
from hosting.privacy import legal_holds, retention

MAX_DAYS = 3650


@require_GET
@member_page(*ADMINS)
def page(request: BusinessRequest) -> HttpResponse:
    """Each number's retention: in force, announced, last run."""
    numbers = (
        Number.objects.filter(business=request.business).select_related("retention").order_by("id")
    )
    context = {
        "numbers": numbers,
        "plan": request.business.plan,
        "notice": retention.NOTICE_PERIOD.days,
    }
    return render(request, "hosting/privacy/retention.html", context)


@require_POST
@member_page(*ADMINS)
def change(request: BusinessRequest, phone_number_id: str) -> HttpResponse:
    """Change a number's retention and legal hold."""
    number = get_object_or_404(
        Number.objects.filter(business=request.business), phone_number_id=phone_number_id
    )
    days = request.POST.get("days", "").strip()
    if days and not (days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= MAX_DAYS):
        messages.error(
            request, _("Days are a whole number from 1 to %(most)d.") % {"most": MAX_DAYS}
        )
        return redirect("retention")
    legal_holds.set_days_kept(number, days=int(days) if days else None)
    legal_holds.set_hold(number, on=request.POST.get("held") == "1")
    notify(tasks.purge)
    return redirect("retention")
