"""The page about the plan: what is used of it, which others there are, and what a change would do."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import Plan, Role
from accounts.plans import changes, usage
from accounts.plans.usage import Meter
from core.errors import ParleyError


@dataclass(frozen=True)
class Reading:
    """A meter beside a plan's limit."""

    meter: Meter
    allowed: int | None

    @property
    def is_over(self) -> bool:
        """Whether more is used than the plan allows."""
        return self.allowed is not None and self.meter.used > self.allowed

    @property
    def is_nearly(self) -> bool:
        """Whether four fifths are used."""
        return self.allowed is not None and self.meter.used * 100 >= self.allowed * 80


@dataclass(frozen=True)
class Offer:
    """A plan that can be chosen: what it limits, and what would be over it."""

    plan: Plan
    is_larger: bool
    over: list[Reading]


@require_GET
@member_page(Role.OWNER)
def plan(request: BusinessRequest) -> HttpResponse:
    """What is used of the plan, and the other plans."""
    return _page(request)


def _page(request: BusinessRequest, error: str = "", status: int = 200) -> HttpResponse:
    business = request.business
    found = usage.meters(business)
    offers = [
        Offer(
            one,
            changes.is_larger(one, business.plan),
            [reading for meter in found if (reading := Reading(meter, meter.allowed(one))).is_over],
        )
        for one in changes.offered(business)
    ]
    context = {
        "plan": business.plan,
        "readings": [Reading(meter, meter.allowed(business.plan)) for meter in found],
        "offers": offers,
        "next_plan": business.next_plan,
        "next_month": changes.next_month(business),
        "error": error,
    }
    return render(request, "accounts/plan.html", context, status=status)


@require_POST
@member_page(Role.OWNER)
def choose(request: BusinessRequest) -> HttpResponse:
    """Take another plan: a larger one at once, a smaller one from next month on."""
    wanted = next(
        (one for one in changes.offered(request.business) if one.pk == request.POST.get("plan")),
        None,
    )
    if wanted is None:
        raise Http404
    try:
        start = changes.choose(request.business, wanted)
    except ParleyError as refused:
        return _page(request, refused.message, refused.status)
    if start is None:
        messages.success(request, _("You are on the %(plan)s plan now.") % {"plan": wanted})
    else:
        words = {"plan": wanted, "day": date_format(start.date())}
        messages.success(request, _("The %(plan)s plan begins on %(day)s.") % words)
    return redirect("plan")


@require_POST
@member_page(Role.OWNER)
def keep(request: BusinessRequest) -> HttpResponse:
    """Stay on the plan after all."""
    changes.keep(request.business)
    messages.success(request, _("Nothing changes: you keep your plan."))
    return redirect("plan")
