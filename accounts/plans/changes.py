"""Planning: which plan a business is on, and from when; apps above do what follows, in the same transaction.

A plan that costs more begins at once; one that costs less, or the same, with the next month in the business's zone.
Every day is charged to the plan in force at its end.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business, Plan, PlanTerm
from core.errors import ParleyError
from core.tenancy import system

# Called with the business's id, or None when a plan itself was changed and any business may be concerned; across businesses.
changed: list[Callable[[int | None], object]] = []
# Called before a business takes a plan; refuses by raising a ParleyError. Within the business's scope.
checks: list[Callable[[Business, Plan], None]] = []


class Refused(ParleyError):
    """The plan cannot be taken."""

    code = "plan_refused"
    status = 409


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of one month, both ends counted, on one plan."""

    plan: Plan
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def of_days(self) -> int:
        """How many the month has."""
        return calendar.monthrange(self.first.year, self.first.month)[1]

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole month."""
        return self.days == self.of_days


def stretches(business: Business, month: date) -> list[Stretch]:
    """Which plan the business was on, by days of a month (its first day); what is to come is as it is now."""
    zone = ZoneInfo(business.timezone)
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    found: list[Stretch] = []
    for term in PlanTerm.objects.filter(business=business).select_related("plan").order_by("id"):
        start = max(term.started_at.astimezone(zone).date(), month) if found else month
        if start > last:
            break
        # The last change of a day holds for the day.
        found = [
            Stretch(one.plan, one.first, min(one.last, start - timedelta(1)))
            for one in found
            if one.first < start
        ]
        found.append(Stretch(term.plan, start, last))
    return merged(found) or [Stretch(business.plan, month, last)]


def merged(found: list[Stretch]) -> list[Stretch]:
    """Neighbours on the same plan as one."""
    joined: list[Stretch] = []
    for one in found:
        if joined and joined[-1].plan == one.plan:
            one = Stretch(one.plan, joined.pop().first, one.last)
        joined.append(one)
    return joined


def next_month(business: Business) -> datetime:
    """When the business's next month begins."""
    zone = ZoneInfo(business.timezone)
    today = business.now().astimezone(zone).date()
    first = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    return datetime.combine(first, time(), zone)


def is_larger(plan: Plan, than: Plan) -> bool:
    """Whether a plan costs more than another, and so begins at once."""
    return plan.monthly_fee_micros > than.monthly_fee_micros


def choose(business: Business, plan: Plan) -> datetime | None:
    """Take a public plan, at once or from next month on; returns from when, None for at once.

    Raises Refused, or what a check raises. Call within the business's scope.
    """
    if plan.pk == business.plan_id:
        raise Refused(_("The business is on this plan already."))
    if not plan.is_public:
        raise Refused(_("This plan is given by agreement: ask us."))
    if plan.monthly_fee_micros and plan.currency != business.currency:
        raise Refused(_("This plan is charged in another currency than the business's: ask us."))
    for check in checks:
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
            action="business.next_plan", subject=held, business=held, before={"plan": held.plan_id},
            after={"plan": plan.pk, "from": start},
        )  # fmt: skip
        return start


def keep(business: Business) -> None:
    """Take back a change that was to come."""
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
    """Carry out the changes whose month has begun; returns how many."""
    with system("plans of every business"):
        due = Business.objects.filter(
            next_plan_at__lte=Coalesce(F("clock_at"), Now())
        ).select_related("next_plan")
        businesses = list(
            due.select_for_update(skip_locked=True, of=("self",)).order_by("id")[:200]
        )
        for business in businesses:
            assert business.next_plan is not None
            move(business, business.next_plan)
        return len(businesses)


def move(business: Business, plan: Plan) -> None:
    """Put a business on a plan from now on, and let go at once of what the old one held back.

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
    tell(business.pk)


def tell(business_id: int | None) -> None:
    """Let apps above follow a change that was made already."""
    for follow in changed:
        follow(business_id)


def offered(business: Business) -> list[Plan]:
    """The plans that the business may choose among, and its own; the cheapest first."""
    mine = Q(is_public=True) | Q(pk=business.plan_id)
    return list(Plan.objects.filter(mine).order_by("monthly_fee_micros", "code"))
