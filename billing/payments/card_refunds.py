"""The queue of refunds to cards: sent to Stripe, and looked up until they have a result."""

from collections.abc import Mapping, Sequence

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import PaymentMethod, PaymentStatus, Refund
from billing.models.payments import LIVE
from billing.payments import outcomes, stripe_gateway
from core import stripe
from core.queue import Claimed, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool

AT_ONCE = 4


def _prepare(rows: Sequence[Claimed]) -> dict[int, Refund]:
    """The refunds; new ones are of unknown result before the network is called."""
    found = Refund.objects.filter(pk__in=[row.key for row in rows], status__in=LIVE)
    refunds = {
        row.pk: row
        for row in found.select_related("payment__receipt", "receipt", "card_payment__receipt")
    }
    found.filter(status=PaymentStatus.OPEN).update(status=PaymentStatus.UNKNOWN)
    return refunds


def _finish(results: Mapping[int, stripe.Outcome | None]) -> dict[int, Outcome]:
    for refund in Refund.objects.filter(pk__in=results).order_by("pk"):
        if (outcome := results[refund.pk]) is not None:
            outcomes.apply_refund_outcome(refund, outcome)
    return {key: stripe.refund_row_outcome(outcome) for key, outcome in results.items()}


QUEUE = Queue(
    name="refunds",
    about="Refunds of invoices to cards, to be sent or looked up.",
    model=Refund,
    work=InThreads(
        size=AT_ONCE, prepare=_prepare, perform=stripe_gateway.send_refund, finish=_finish
    ),
    is_open=Q(method=PaymentMethod.STRIPE, status__in=LIVE),
    is_dead=Q(dead_at__isnull=False, status__in=LIVE),
    scoped=False,
    lease_seconds=300,
    backoff=stripe.BACKOFF,
    done={},
    counts="attempts = 0",
    dead_title=_("Refunds whose result is not known"),
)
POOL = WorkerPool(QUEUE)
