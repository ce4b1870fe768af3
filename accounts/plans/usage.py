"""Use of plan limits: how much of each limit of its plan a business uses, in one query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Business, Invitation, Membership, Plan
from core.registry import Registry

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """A limit that plans set.

    `field` is the plan's field, `name` what people read, `used` returns an expression over
    Business that counts its use, and `order` is its position on the page about the plan.
    """

    field: str
    name: StrOrPromise
    used: Callable[[], Combinable]
    order: int


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """How much of one limit a business uses: its name, the use, and the plan's field."""

    name: StrOrPromise
    used: int
    field: str

    def allowed(self, plan: Plan) -> int | None:
        """What a plan allows; None is no limit."""
        limit: int | None = getattr(plan, self.field)
        return limit


def count_of(rows: QuerySet[Any]) -> Combinable:
    """An expression over Business: how many of these rows belong to it."""
    counted = (
        rows.filter(business=OuterRef("pk")).order_by().values("business").annotate(n=Count("pk"))
    )
    return Coalesce(Subquery(counted.values("n")), 0)


def _seats() -> Combinable:
    return count_of(Membership.objects.all()) + count_of(Invitation.objects.open())


SEATS = UsageLimit("max_seats", _("Seats"), _seats, 30)

usage_limits: Registry[UsageLimit] = Registry(
    "accounts.plans.usage.usage_limits",
    "Limits of plans whose use is shown to owners and operators and compared with other plans.",
    key=lambda limit: limit.field,
    order=lambda limit: limit.order,
)


def usage_of(business: Business) -> list[LimitUsage]:
    """What a business uses of each limit; call within its scope."""
    used = Business.objects.annotate(**_used()).values(*_used()).get(pk=business.pk)
    return [LimitUsage(one.name, used[f"used_{one.field}"], one.field) for one in usage_limits]


def businesses_over(plan: Plan, limits: Mapping[str, int | None]) -> dict[str, int]:
    """How many businesses of a plan use more than these limits, by field.

    Limits that are None or not counted are left out. Call across businesses.
    """
    asked = {
        name: limit
        for name, limit in limits.items()
        if limit is not None and usage_limits.get(name) is not None
    }
    counts = {
        name: Count("pk", filter=Q(**{f"used_{name}__gt": limit})) for name, limit in asked.items()
    }
    return (
        Business.objects.filter(plan=plan).annotate(**_used()).aggregate(**counts) if asked else {}
    )


def _used() -> dict[str, Combinable]:
    return {f"used_{one.field}": one.used() for one in usage_limits}
