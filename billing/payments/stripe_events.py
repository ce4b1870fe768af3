"""Webhooks of Stripe: stored once, then the object that each names is looked up by a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import BillingDetails, GatewayEvent, Payment, PaymentMethod
from billing.models.payments import LIVE
from billing.payments import outcomes, saved_methods, stripe_gateway
from billing.payments.stripe_gateway import Outcome, SavedMethod
from core import stripe
from core.queue import NOBODY, Claimed, Failed, InThreads, Queue
from core.queue import Outcome as RowOutcome
from core.queue.pool import WorkerPool
from core.queue.rows import opened_again
from core.tenancy import system

AT_ONCE = 4
INTENT = "pi_"


@dataclass(frozen=True, slots=True)
class Question:
    """What an event names: its object, and the payment with that reference where there is one."""

    kind: str
    object_id: str
    payment: Payment | None
    details: BillingDetails | None


@dataclass(slots=True)
class Answer:
    """What the network says: a saved method, an outcome, and the payment's key where that was not
    known; or an error.
    """

    saved: SavedMethod | None = None
    outcome: Outcome | None = None
    key: str = ""
    error: str = ""


def receive_webhook(body: bytes, signature: str) -> bool:
    """Verify and store an event once; returns True while it is not applied.

    The worker fetches the object itself.
    """
    webhook = stripe_gateway.read_event(body, signature)
    event = GatewayEvent(event_id=webhook.event_id, kind=webhook.kind, object_id=webhook.object_id)
    with system("the network does not know businesses"):
        GatewayEvent.objects.bulk_create([event], ignore_conflicts=True)
        return GatewayEvent.objects.filter(event_id=webhook.event_id, applied_at=None).exists()


def _prepare(rows: Sequence[Claimed]) -> dict[int, Question]:
    found = GatewayEvent.objects.filter(pk__in=[row.key for row in rows])
    return {event.pk: _question(event) for event in found}


def _question(event: GatewayEvent) -> Question:
    named = Payment.objects.filter(method=PaymentMethod.STRIPE, reference=event.object_id)
    payment = named.exclude(reference="").select_related("business").first()
    details = BillingDetails.of(payment.business) if payment else None
    return Question(event.kind, event.object_id, payment, details)


def _perform(question: Question) -> Answer:
    answer = Answer()
    try:
        if question.object_id.startswith(stripe_gateway.CHECKOUT) and question.kind.startswith(
            "checkout.session.completed"
        ):
            answer.saved = stripe_gateway.saved_method(question.object_id, stripe_gateway.NOBODY)
        if question.payment is not None and question.details is not None:
            answer.outcome = stripe_gateway.look_up(question.payment, question.details)
        elif question.object_id.startswith(INTENT):
            answer.key, outcome = stripe_gateway.look_up_intent(question.object_id)
            answer.outcome = outcome if answer.key else None
    except stripe_gateway.Refused as error:
        answer.error = error.message
    if question.payment is not None and answer.outcome == stripe.UNKNOWN:
        answer.error = stripe.NO_ANSWER
    return answer


def _finish(answers: Mapping[int, Answer]) -> dict[int, RowOutcome]:
    events = GatewayEvent.objects.in_bulk(list(answers))
    return {key: _apply(events[key], answer) for key, answer in answers.items()}


def _apply(event: GatewayEvent, answer: Answer) -> RowOutcome:
    if answer.saved is not None:
        saved_methods.store(answer.saved)
    if answer.error:
        return Failed(answer.error)
    if answer.outcome is not None:
        _apply_to_payments(event, answer.key, answer.outcome)
    return None


def _apply_to_payments(event: GatewayEvent, key: str, outcome: Outcome) -> None:
    """Apply an outcome to the payment that the event's object is, or that its key names."""
    named = Payment.objects.filter(key=key)
    is_it = Q(key=key, reference="") if key else Q(reference=event.object_id)
    for payment in Payment.objects.filter(is_it, method=PaymentMethod.STRIPE):
        outcomes.apply_outcome(payment, outcome)
    # The intent of a payment page says less than the page, which is looked up at once.
    pages = named.filter(reference__startswith=stripe_gateway.CHECKOUT, status__in=LIVE)
    pages.filter(leased_until=None).update(**opened_again())


QUEUE = Queue(
    name="payment_events",
    about="Webhooks of the payment network whose objects are to be looked up.",
    model=GatewayEvent,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_perform, finish=_finish),
    is_open=Q(applied_at=None),
    owner=NOBODY,
    scoped=False,
    lease_seconds=300,
    backoff=stripe.BACKOFF,
    done={"applied_at": "statement_timestamp()"},
    counts="attempts = 0",
    dead_title=_("Payment events not applied"),
)
POOL = WorkerPool(QUEUE)
