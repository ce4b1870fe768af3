"""Hosting's first steps of a new business."""

from django.db.models import Exists, OuterRef
from django.db.models.expressions import BaseExpression, Combinable
from django.utils.translation import gettext_noop as _

from accounts.dashboard.checklist import Step, steps
from hosting.models import Direction, Message, Number, Transport


def _wrote(direction: str) -> BaseExpression | Combinable:
    return Exists(Message.objects.filter(business=OuterRef("pk"), direction=direction))


def _has_channel() -> BaseExpression | Combinable:
    real = Number.objects.filter(business=OuterRef("pk"), transport=Transport.CLOUDAPI)
    return Exists(real)


def register() -> None:
    """Register all of them."""
    for step in (
        Step(
            _("Send your first message"),
            _("A template to the test phone. It costs nothing."),
            "first_message",
            10,
            lambda: _wrote(Direction.OUT),
            is_action=True,
        ),
        Step(
            _("Answer it from the test phone"),
            _("You are the customer; the answer appears in the inbox."),
            "phones",
            20,
            lambda: _wrote(Direction.IN),
        ),
        Step(
            _("Connect WhatsApp"),
            _("Until then numbers are for tests, and talk to test phones."),
            "upstreams",
            40,
            _has_channel,
        ),
    ):
        steps.register(step)
