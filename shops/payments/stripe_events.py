"""Webhooks of sellers' Stripe accounts: stored once, then a worker looks the payment up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import stripe
from core.queue import Claimed, Failed, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool
from core.tenancy import system
from shops.models import LIVE, BuyerPayment, Catalog, PaymentStatus, PaymentWay, ShopGatewayEvent
from shops.payments import stripe_gateway
from shops.payments.stripe_collection import apply_outcome

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Question:
    """The payment that an event names, and the catalogue whose key looks it up."""

    payment: BuyerPayment
    catalog: Catalog


def receive_webhook(catalog_id: str, body: bytes, signature: str) -> bool:
    """Store an event once; returns whether it is new.

    Raises NoKey, BadSignature or Catalog.DoesNotExist.
    """
    with system("a webhook names the shop in its address"):
        catalog = Catalog.objects.get(catalog_id=catalog_id)
        event = stripe_gateway.read_webhook(body, signature, catalog)
        _event, is_new = ShopGatewayEvent.objects.get_or_create(
            catalog=catalog,
            event_id=event.event_id,
            defaults={
                "business_id": catalog.business_id,
                "kind": event.kind,
                "object_id": event.object_id,
            },
        )
    return is_new


def apply_due() -> int:
    """Look up the payments that events name, until none waits; returns how many look-ups.

    Events about anything else are done without one.
    """
    return POOL.run()


def _prepare(rows: Sequence[Claimed]) -> dict[int, Question]:
    """The payments that wait; an event about anything else is done."""
    found = ShopGatewayEvent.objects.filter(pk__in=[row.key for row in rows])
    named = {
        event.pk: (_payment_of(event), event.catalog) for event in found.select_related("catalog")
    }
    return {key: Question(payment, catalog) for key, (payment, catalog) in named.items() if payment}


def _payment_of(event: ShopGatewayEvent) -> BuyerPayment | None:
    if not event.object_id:
        return None
    waiting = BuyerPayment.objects.filter(
        way=PaymentWay.CARD, is_sandbox=False, status__in=LIVE, order__catalog=event.catalog
    )
    return waiting.filter(reference=event.object_id).first()


def _perform(question: Question) -> stripe.Outcome:
    return stripe_gateway.look_up(question.payment, question.catalog)


def _finish(results: Mapping[int, stripe.Outcome]) -> dict[int, Outcome]:
    found = ShopGatewayEvent.objects.filter(pk__in=results).select_related("catalog").order_by("pk")
    return {event.pk: _apply(event, results[event.pk]) for event in found}


def _apply(event: ShopGatewayEvent, outcome: stripe.Outcome) -> Outcome:
    if outcome.status == PaymentStatus.UNKNOWN:
        return Failed(stripe.NO_ANSWER)
    if payment := _payment_of(event):
        apply_outcome(payment, outcome)
    return None


QUEUE = Queue(
    name="shop_payment_events",
    about="Webhooks of sellers' payment networks whose payments are to be looked up.",
    model=ShopGatewayEvent,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_perform, finish=_finish),
    is_open=Q(applied_at=None),
    lease_seconds=300,
    backoff=stripe.BACKOFF,
    done={"applied_at": "statement_timestamp()"},
    # A seller's key is the seller's to mend.
    counts="attempts = 0",
    dead_title=_("Payment events of shops not applied"),
    is_urgent=False,
)
POOL = WorkerPool(QUEUE)
