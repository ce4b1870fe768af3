"""Plan changes: which plan a business is on, and from when.

A plan that costs more takes effect at once; one that costs the same or less with the next month in
the business's time zone. Every day is charged to the plan in force at its end.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business, Plan, PlanTerm
from core.errors import ParleyError
from core.queue.sweep import for_each
from core.registry import Registry
from core.tenancy import system

# The id of the business, or None where a plan itself was changed and any business may be concerned.
PlanChanged = Callable[[int | None], object]
# Refuses the plan by raising a ParleyError.
PlanCheck = Callable[[Business, Plan], None]

plan_changed: Registry[PlanChanged] = Registry(
    "accounts.plans.changes.plan_changed",
    "Functions called after the plan of a business has changed, across businesses.",
)
plan_checks: Registry[PlanCheck] = Registry(
    "accounts.plans.changes.plan_checks",
    "Functions that may refuse a plan before a business takes it, within the business's scope.",
)


class Refused(ParleyError):
    """The plan cannot be taken."""

    code = "plan_refused"
    status = 409


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of one month on one plan at one fee (a month, in micro-units of the plan's currency);
    `first` and `last` are included.
    """

    plan: Plan
    first: date
    last: date
    fee_micros: int

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    @property
    def of_days(self) -> int:
        """The number of days of the month."""
        return calendar.monthrange(self.first.year, self.first.month)[1]

    @property
    def is_whole(self) -> bool:
        """Whether these are all days of the month."""
        return self.days == self.of_days

    @property
    def share_micros(self) -> int:
        """The fee of these days, pro rata and rounded half-even."""
        share = Decimal(self.fee_micros) * self.days / self.of_days
        return int(share.quantize(Decimal(1), ROUND_HALF_EVEN))


def stretches(business: Business, month: date) -> list[Stretch]:
    """The plans of a business in a month (given by its first day), in order of days.

    Future days count as on the current plan. Days before the business began are in none.
    """
    zone = ZoneInfo(business.timezone)
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    found: list[Stretch] = []
    for term in PlanTerm.objects.filter(business=business).select_related("plan").order_by("id"):
        start = max(term.started_at.astimezone(zone).date(), month)
        if start > last:
            continue
        # The last change of a day applies to the whole day.
        found = [
            replace(one, last=min(one.last, start - timedelta(1)))
            for one in found
            if one.first < start
        ]
        found.append(Stretch(term.plan, start, last, term.fee_micros))
    return merged(found)


def rest_of_month(business: Business, plan: Plan) -> Stretch:
    """From today to the end of the month on a plan, by the business's own clock."""
    first = business.now().astimezone(ZoneInfo(business.timezone)).date()
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return Stretch(plan, first, last, plan.monthly_fee_micros)


def merged(found: list[Stretch]) -> list[Stretch]:
    """Adjacent stretches on the same plan at the same fee, joined."""
    joined: list[Stretch] = []
    for one in found:
        if joined and (joined[-1].plan, joined[-1].fee_micros) == (one.plan, one.fee_micros):
            one = replace(one, first=joined.pop().first)
        joined.append(one)
    return joined


def next_month(business: Business) -> datetime:
    """When the next month begins in the business's time zone, by its own clock."""
    zone = ZoneInfo(business.timezone)
    today = business.now().astimezone(zone).date()
    first = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    return datetime.combine(first, time(), zone)


def is_larger(plan: Plan, than: Plan) -> bool:
    """Whether a plan costs more than another, and so takes effect at once."""
    return plan.monthly_fee_micros > than.monthly_fee_micros


def choose(business: Business, plan: Plan) -> datetime | None:
    """Choose a public plan; returns when it takes effect, None for at once.

    Raises Refused, or what a plan check raises. Call within the business's scope.
    """
    if plan.pk == business.plan_id:
        raise Refused(_("The business is on this plan already."))
    if not plan.is_public:
        raise Refused(_("This plan is given by agreement: ask us."))
    if plan.monthly_fee_micros and plan.currency != business.currency:
        raise Refused(_("This plan is charged in another currency than the business's: ask us."))
    for check in plan_checks:
        check(business, plan)
    at_once = is_larger(plan, business.plan)
    with system("what follows from a plan crosses tables of every app"):
        held = Business.objects.select_for_update().get(pk=business.pk)
        if at_once:
            move(held, plan)
            return None
        start = next_month(held)
        Business.objects.filter(pk=held.pk).update(next_plan=plan, next_plan_at=start)
        record.record(
            action="business.next_plan",
            subject=held,
            business=held,
            before={"plan": held.plan_id},
            after={"plan": plan.pk, "from": start},
        )
        return start


def cancel(business: Business) -> None:
    """Cancel a scheduled plan change; does nothing where none is scheduled."""
    with system("a business's own plan"):
        held = Business.objects.select_for_update().get(pk=business.pk)
        if held.next_plan_id is None:
            return
        Business.objects.filter(pk=held.pk).update(next_plan=None, next_plan_at=None)
        record.record(
            action="business.next_plan",
            subject=held,
            business=held,
            before={"plan": held.next_plan_id},
            after={},
        )


def apply_due() -> int:
    """Apply scheduled changes whose month has begun; returns how many."""
    with system("plans of every business"):
        keys = list(_due().order_by("id").values_list("pk", flat=True))
    return for_each(keys, _apply)


def _due() -> QuerySet[Business]:
    due = Business.objects.filter(next_plan_at__lte=Coalesce(F("clock_at"), Now()))
    return due.select_related("next_plan")


def _apply(business_id: int) -> bool:
    with system("plans of every business"):
        business = _due().select_for_update(of=("self",)).filter(pk=business_id).first()
        if business is None:
            return False
        assert business.next_plan is not None
        move(business, business.next_plan)
        return True


def move(business: Business, plan: Plan) -> None:
    """Put a business on a plan now, record it and notify `plan_changed`.

    Call across businesses (`tenancy.system`).
    """
    held = Business.objects.select_for_update().get(pk=business.pk)
    Business.objects.filter(pk=held.pk).update(plan=plan, next_plan=None, next_plan_at=None)
    business.plan, business.next_plan, business.next_plan_at = plan, None, None
    if held.plan_id == plan.pk:
        return
    record.record(
        action="business.plan",
        subject=held,
        business=held,
        before={"plan": held.plan_id},
        after={"plan": plan.pk},
    )
    notify_changed(business.pk)


def notify_changed(business_id: int | None) -> None:
    """Call every `plan_changed` function after a change; None concerns all businesses."""
    for notify in plan_changed:
        notify(business_id)


def offered(business: Business) -> list[Plan]:
    """Plans that the business may choose, and its own; the cheapest first."""
    mine = Q(is_public=True) | Q(pk=business.plan_id)
    return list(Plan.objects.filter(mine).order_by("monthly_fee_micros", "code"))
