"""First steps of a new business, on its home page until all are done; apps register their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import BaseExpression, Combinable
from django.utils.functional import Promise
from django.utils.translation import gettext_noop as _

from accounts.models import ADMINS, Business, Invitation, Membership
from core.registry import Registry

ROLES = frozenset(map(str, ADMINS))


@dataclass(frozen=True)
class Step:
    """A first step: its title, a note, the page it leads to, and a query that says if it is done.

    `done` returns a condition on `Business`. A step whose page is an action is one button, which
    posts to it. Others than `roles` see the step without a way to it.
    """

    title: str
    note: str | Promise
    url_name: str
    order: int
    done: Callable[[], BaseExpression | Combinable | Q]
    is_action: bool = False
    roles: frozenset[str] = ROLES


@dataclass(frozen=True)
class StepState:
    """A step and whether it is done."""

    step: Step
    is_done: bool


steps: Registry[Step] = Registry(
    "accounts.dashboard.checklist.steps",
    "First steps of a new business, shown on its home page to who may do them.",
    key=lambda step: step.url_name,
    order=lambda step: step.order,
)


def load(business: Business) -> dict[str, Any]:
    """The steps with their states and how many are left; one query."""
    columns = {f"step_{step.order}": step.done() for step in steps}
    row = Business.objects.filter(pk=business.pk).annotate(**columns).values(*columns).get()
    states = [StepState(step, bool(row[f"step_{step.order}"])) for step in steps]
    return {"steps": states, "left": sum(not one.is_done for one in states)}


def _has_company() -> Q:
    invited = Invitation.objects.filter(business=OuterRef("pk"))
    others = Membership.objects.filter(business=OuterRef("pk")).order_by("id")[1:2]
    return Exists(invited) | Exists(others)


INVITE = Step(
    _("Invite a colleague"),
    _("Agents answer, finance sees invoices, viewers read."),
    "team",
    30,
    _has_company,
)
