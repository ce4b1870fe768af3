"""The queue of charges: attempts to be charged, or whose result is to be looked up, at Stripe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import BillingDetails, Payment, PaymentMethod, PaymentStatus
from billing.models.payments import LIVE
from billing.payments import outcomes, stripe_gateway
from billing.payments.stripe_gateway import Outcome
from core import stripe
from core.queue import Again, Claimed, Failed, InThreads, Queue
from core.queue import Outcome as RowOutcome
from core.queue.pool import WorkerPool

AT_ONCE = 4
# A payment that waits for its customer or the network is looked up so often (seconds).
LOOK_UP_EVERY = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """A payment with its customer's details; `is_new` before the network was ever called."""

    payment: Payment
    details: BillingDetails
    is_new: bool


def _prepare(rows: Sequence[Claimed]) -> dict[int, Attempt]:
    """What each row needs; new attempts are of unknown result before the network is called."""
    found = Payment.objects.filter(pk__in=[row.key for row in rows])
    _cancel_without_page(found)
    live = found.filter(status__in=LIVE).select_related("business")
    attempts = {
        payment.pk: Attempt(
            payment,
            BillingDetails.of(payment.business),
            is_new=payment.status == PaymentStatus.OPEN,
        )
        for payment in live
    }
    found.filter(status=PaymentStatus.OPEN).update(status=PaymentStatus.UNKNOWN)
    return attempts


def _cancel_without_page(payments: QuerySet[Payment]) -> None:
    """End attempts whose payment page nobody was shown, because the request that made it died."""
    payments.filter(status=PaymentStatus.PENDING, reference="").update(
        status=PaymentStatus.CANCELLED, settled_at=timezone.now()
    )


def _perform(attempt: Attempt) -> Outcome:
    """Charge a new attempt; look up any other, and charge again only while that is safe."""
    payment, details = attempt.payment, attempt.details
    if attempt.is_new:
        return stripe_gateway.charge(payment, details)
    found = stripe_gateway.look_up(payment, details)
    if found is not None:
        return found
    if timezone.now() - payment.created_at < stripe.KEY_LIFETIME:
        return stripe_gateway.charge(payment, details)
    return Outcome(PaymentStatus.FAILED, failure="The network has no trace of this payment.")


def _finish(results: Mapping[int, Outcome]) -> dict[int, RowOutcome]:
    for payment in Payment.objects.filter(pk__in=results).order_by("pk"):
        outcomes.apply_outcome(payment, results[payment.pk])
    return {key: _outcome_of(outcome) for key, outcome in results.items()}


def _outcome_of(outcome: Outcome) -> RowOutcome:
    if outcome.status == PaymentStatus.PENDING:
        return Again(LOOK_UP_EVERY)
    if outcome.status == PaymentStatus.UNKNOWN:
        return Failed(stripe.NO_ANSWER)
    return None


QUEUE = Queue(
    name="payments",
    about="Attempts to pay invoices by card, to be charged or looked up.",
    model=Payment,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_perform, finish=_finish),
    is_open=Q(method=PaymentMethod.STRIPE, status__in=LIVE),
    # Settled later, by the network's webhook or by hand, it is no dead letter any more.
    is_dead=Q(dead_at__isnull=False, status__in=LIVE),
    scoped=False,
    lease_seconds=300,
    backoff=stripe.BACKOFF,
    done={},
    # A network that does not answer says nothing about our workers.
    counts="attempts = 0",
    dead_title=_("Payments whose result is not known"),
)
POOL = WorkerPool(QUEUE)
