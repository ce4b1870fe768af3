"""Page about the plan: use of its limits, other plans, and what a change would mean."""

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
from accounts.plans.changes import Stretch
from accounts.plans.usage import LimitUsage
from core.errors import ParleyError


@dataclass(frozen=True)
class LimitState:
    """The use of a limit beside what a plan allows; `allowed` None is no limit."""

    usage: LimitUsage
    allowed: int | None

    @property
    def is_over(self) -> bool:
        """Whether more is used than the plan allows."""
        return self.allowed is not None and self.usage.used > self.allowed

    @property
    def is_nearly(self) -> bool:
        """Whether at least 80 per cent are used."""
        return self.allowed is not None and self.usage.used * 100 >= self.allowed * 80


@dataclass(frozen=True)
class Offer:
    """A plan that can be chosen, the limits of it that the business already exceeds, and what the
    rest of the month would cost on it (`rest`) instead of on the present plan (`instead`).
    """

    plan: Plan
    is_larger: bool
    over: list[LimitState]
    rest: Stretch
    instead: Stretch


@require_GET
@member_page(Role.OWNER)
def plan(request: BusinessRequest) -> HttpResponse:
    """Show the use of the plan and the other plans."""
    return _page(request)


def _page(request: BusinessRequest, error: str = "", status: int = 200) -> HttpResponse:
    business = request.business
    found = usage.usage_of(business)
    offers = [
        Offer(
            one,
            changes.is_larger(one, business.plan),
            [state for used in found if (state := LimitState(used, used.allowed(one))).is_over],
            changes.rest_of_month(business, one),
            changes.rest_of_month(business, business.plan),
        )
        for one in changes.offered(business)
    ]
    context = {
        "plan": business.plan,
        "limits": [LimitState(used, used.allowed(business.plan)) for used in found],
        "offers": offers,
        "next_plan": business.next_plan,
        "next_month": changes.next_month(business),
        "error": error,
    }
    return render(request, "accounts/plan.html", context, status=status)


@require_POST
@member_page(Role.OWNER)
def choose(request: BusinessRequest) -> HttpResponse:
    """Choose a plan: a more expensive one now, another from the next month on."""
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
    """Cancel the scheduled plan change."""
    changes.cancel(request.business)
    messages.success(request, _("Nothing changes: you keep your plan."))
    return redirect("plan")
