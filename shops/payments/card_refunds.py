"""The queue of refunds to cards, sent to the seller's Stripe account and looked up there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import stripe
from core.queue import Claimed, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool
from shops.models import LIVE, BuyerRefund, Catalog, PaymentStatus
from shops.payments import stripe_gateway
from shops.payments.stripe_collection import FINAL_STATUSES

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Request:
    """A refund and the catalogue whose key sends it."""

    refund: BuyerRefund
    catalog: Catalog


def send_due() -> int:
    """Send and look up refunds until none is due; returns how many were tried."""
    return POOL.run()


def _prepare(rows: Sequence[Claimed]) -> dict[int, Request]:
    """The refunds; new ones are of unknown result before Stripe is called."""
    found = BuyerRefund.objects.filter(pk__in=[row.key for row in rows], status__in=LIVE)
    refunds = {
        row.pk: Request(row, row.payment.order.catalog)
        for row in found.select_related("payment__order__catalog")
    }
    found.filter(status=PaymentStatus.OPEN).update(status=PaymentStatus.UNKNOWN)
    return refunds


def _perform(request: Request) -> stripe.Outcome | None:
    return stripe_gateway.send_refund(request.refund, request.catalog)


def _finish(results: Mapping[int, stripe.Outcome | None]) -> dict[int, Outcome]:
    for refund in BuyerRefund.objects.filter(pk__in=results).select_related("business"):
        if (outcome := results[refund.pk]) is not None:
            _store(refund, outcome)
    return {key: stripe.refund_row_outcome(outcome) for key, outcome in results.items()}


def _store(refund: BuyerRefund, outcome: stripe.Outcome) -> None:
    BuyerRefund.objects.filter(pk=refund.pk, status__in=LIVE).update(
        status=outcome.status,
        reference=(outcome.reference or refund.reference)[:120],
        failure=outcome.failure[:200],
        settled_at=refund.business.now() if outcome.status in FINAL_STATUSES else None,
    )


QUEUE = Queue(
    name="shop_refunds",
    about="Refunds of orders to cards, to be sent or looked up.",
    model=BuyerRefund,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_perform, finish=_finish),
    is_open=Q(status__in=LIVE),
    is_dead=Q(dead_at__isnull=False, status__in=LIVE),
    lease_seconds=300,
    backoff=stripe.BACKOFF,
    done={},
    # A seller's key is the seller's to mend.
    counts="attempts = 0",
    dead_title=_("Refunds to buyers whose result is not known"),
)
POOL = WorkerPool(QUEUE)
