"""The queue of payment pages: those of orders whose reservation expired are closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import stripe
from core.queue import Claimed, Failed, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool
from shops.models import LIVE, BuyerPayment, Catalog, PaymentStatus, PaymentWay
from shops.payments import attempts, stripe_gateway
from shops.payments.stripe_collection import apply_outcome

AT_ONCE = 4
ORDER = """FROM shops_order o JOIN accounts_business b ON b.id = o.business_id
            WHERE o.business_id = q.business_id AND o.id = q.order_id"""
IS_OVERDUE = f"""EXISTS (SELECT {ORDER} AND o.state = 'placed'
    AND o.expires_at <= coalesce(b.clock_at, statement_timestamp()))"""


@dataclass(frozen=True, slots=True)
class Page:
    """A payment and the catalogue whose key opened its page."""

    payment: BuyerPayment
    catalog: Catalog


def close_overdue() -> int:
    """Close pages of orders whose reservation expired, or settle what was paid there.

    Returns how many were tried.
    """
    return POOL.run()


def _prepare(rows: Sequence[Claimed]) -> dict[int, Page]:
    found = BuyerPayment.objects.filter(pk__in=[row.key for row in rows], status__in=LIVE)
    pages = {}
    for payment in found.select_related("order__catalog").order_by("pk"):
        if payment.reference:
            pages[payment.pk] = Page(payment, payment.order.catalog)
        else:
            # Nobody was shown its page, because the request that made it died.
            attempts.settle(payment, status=PaymentStatus.CANCELLED)
    return pages


def _perform(page: Page) -> stripe.Outcome:
    return stripe_gateway.close_payment_page(page.payment, page.catalog)


def _finish(results: Mapping[int, stripe.Outcome]) -> dict[int, Outcome]:
    found = BuyerPayment.objects.filter(pk__in=results).select_related("order").order_by("pk")
    return {
        payment.pk: None
        if apply_outcome(payment, results[payment.pk])
        else Failed(stripe.NO_ANSWER)
        for payment in found
    }


QUEUE = Queue(
    name="card_pages",
    about="Payment pages of orders that were not paid in time, to be closed.",
    model=BuyerPayment,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_perform, finish=_finish),
    is_open=Q(way=PaymentWay.CARD, is_sandbox=False, status__in=LIVE),
    is_dead=Q(dead_at__isnull=False, status__in=LIVE),
    ready=IS_OVERDUE,
    due_since=f"greatest(not_before, (SELECT o.expires_at {ORDER}))",
    lease_seconds=300,
    backoff=stripe.BACKOFF,
    done={},
    # A seller's key is the seller's to mend.
    counts="attempts = 0",
    dead_title=_("Payment pages not closed"),
    is_urgent=False,
)
POOL = WorkerPool(QUEUE)
