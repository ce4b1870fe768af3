"""Measuring: how much of each limit of its plan a business uses; one query for all limits, and for all businesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Business, Invitation, Membership, Plan

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Gauge:
    """A limit of plans: the plan's field, what people call it, and what counts its use by a row of Business."""

    field: str
    name: StrOrPromise
    used: Callable[[], Combinable]


@dataclass(frozen=True, slots=True)
class Meter:
    """How much of one limit of a plan is used: its name, what is used, and the plan's field that limits it."""

    name: StrOrPromise
    used: int
    field: str

    def allowed(self, plan: Plan) -> int | None:
        """What a plan allows; None is no limit."""
        limit: int | None = getattr(plan, self.field)
        return limit


def count_of(rows: QuerySet[Any]) -> Combinable:
    """How many of these rows belong to each business."""
    counted = (
        rows.filter(business=OuterRef("pk")).order_by().values("business").annotate(n=Count("pk"))
    )
    return Coalesce(Subquery(counted.values("n")), 0)


def _seats() -> Combinable:
    return count_of(Membership.objects.all()) + count_of(Invitation.objects.open())


# In the order of the page about the plan; apps above add theirs.
gauges: list[Gauge] = [Gauge("seats", _("Seats"), _seats)]


def meters(business: Business) -> list[Meter]:
    """What a business uses of each limit; call within its scope."""
    used = Business.objects.annotate(**_used()).values(*_used()).get(pk=business.pk)
    return [Meter(gauge.name, used[f"used_{gauge.field}"], gauge.field) for gauge in gauges]


def businesses_over(plan: Plan, limits: Mapping[str, int | None]) -> dict[str, int]:
    """How many businesses of a plan use more than these limits (field -> limit); call across businesses."""
    asked = {
        name: limit
        for name, limit in limits.items()
        if limit is not None and f"used_{name}" in _used()
    }
    counts = {
        name: Count("pk", filter=Q(**{f"used_{name}__gt": limit})) for name, limit in asked.items()
    }
    return (
        Business.objects.filter(plan=plan).annotate(**_used()).aggregate(**counts) if asked else {}
    )


def _used() -> dict[str, Combinable]:
    return {f"used_{gauge.field}": gauge.used() for gauge in gauges}
