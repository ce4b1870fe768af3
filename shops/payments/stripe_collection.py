"""Collection of payments through the seller's Stripe account; each result is applied once."""

from django.utils import timezone
from django.utils.translation import gettext as _

from core.queue.sweep import for_each
from core.stripe import Outcome
from core.tenancy import scope, system
from shops.models import (
    LIVE,
    BuyerPayment,
    BuyerRefund,
    Catalog,
    Order,
    PaymentStatus,
    PaymentWay,
    ShopGatewayEvent,
)
from shops.payments import attempts, stripe_gateway
from shops.payments.attempts import Declined

FINAL_STATUSES = (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELLED)


def open_card_page(order: Order, *, back: str) -> str:
    """URL of Stripe's page for the order; the open attempt's page where there is one.

    Raises WrongState, NoKey, or Declined where Stripe opens none. Call inside the business's scope.
    """
    order = attempts.lock_payable(order)
    if not order.catalog.stripe_key or not order.catalog.takes_card or not order.total_minor:
        raise stripe_gateway.NoKey
    live = order.payments.filter(status__in=LIVE).first()
    if live is not None and live.next_url and live.amount_minor == order.total_minor:
        return str(live.next_url)
    if live is not None:
        _close_page(live, order.catalog)
    # Created before the attempt is committed: an unused page takes no money.
    payment = attempts.new_attempt(order, way=PaymentWay.CARD, status=PaymentStatus.PENDING)
    name = _("Order %(order)s at %(shop)s") % {"order": order, "shop": order.catalog.name}
    outcome = stripe_gateway.create_payment_page(payment, order.catalog, name=name, back=back)
    if outcome.status != PaymentStatus.PENDING or not outcome.next_url:
        raise Declined(
            outcome.failure or _("The payment page could not be opened. Please try again.")
        )
    BuyerPayment.objects.filter(pk=payment.pk).update(
        reference=outcome.reference, next_url=outcome.next_url
    )
    return outcome.next_url


def _close_page(payment: BuyerPayment, catalog: Catalog) -> None:
    """Close a page for another amount.

    A payment made there meanwhile is settled, and the order cannot be paid again.
    """
    outcome = stripe_gateway.close_payment_page(payment, catalog)
    if outcome.status not in FINAL_STATUSES:
        raise Declined(_("The payment page could not be opened. Please try again."))
    _settle(payment, outcome)
    attempts.lock_payable(payment.order)


def refresh_attempt(order: Order) -> None:
    """Look up a waiting attempt when the buyer returns from the page; call inside the business's
    scope.
    """
    payment = order.payments.filter(status__in=LIVE, is_sandbox=False).exclude(reference="").first()
    if payment is not None:
        _settle(payment, stripe_gateway.look_up(payment, order.catalog))


def _settle(payment: BuyerPayment, outcome: Outcome) -> None:
    if outcome.status in FINAL_STATUSES:
        # The reference stays the page's id, because webhooks name the payment by it.
        attempts.settle(payment, status=PaymentStatus(outcome.status), failure=outcome.failure)


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


def apply_due(limit: int = 50) -> int:
    """Look up the payments of stored events, each in its own transaction.

    Returns how many were settled or set aside.
    """
    with system("events of every shop"):
        rows = list(
            ShopGatewayEvent.objects.filter(applied_at=None)
            .order_by("id")
            .values_list("pk", "business_id")[:limit]
        )
    return for_each(rows, lambda row: _apply(*row))


def _apply(event_id: int, business_id: int) -> int:
    with scope(business_id):
        open_events = ShopGatewayEvent.objects.filter(pk=event_id, applied_at=None)
        event = open_events.select_for_update(of=("self",)).select_related("catalog").first()
        if event is None:
            return 0
        named = BuyerPayment.objects.filter(
            reference=event.object_id, way=PaymentWay.CARD, is_sandbox=False
        )
        payment = named.exclude(reference="").select_related("order").first()
        if payment is not None and payment.status in LIVE:
            outcome = stripe_gateway.look_up(payment, event.catalog)
            if outcome.status == PaymentStatus.UNKNOWN:
                return 0  # looked up again by the next sweep
            _settle(payment, outcome)
        ShopGatewayEvent.objects.filter(pk=event_id).update(applied_at=timezone.now())
        return 1


def close_overdue_pages(limit: int = 50) -> int:
    """Close pages of orders whose reservation expired, or settle what was paid there.

    Returns how many ended.
    """
    with system("orders of every shop"):
        overdue = BuyerPayment.objects.filter(
            status__in=LIVE, is_sandbox=False, order__in=Order.objects.overdue()
        )
        rows = list(overdue.exclude(reference="").values_list("pk", "business_id")[:limit])
    return for_each(rows, lambda row: _close_overdue(*row))


def _close_overdue(payment_id: int, business_id: int) -> bool:
    with scope(business_id):
        payment = BuyerPayment.objects.select_related("order__catalog").get(pk=payment_id)
        outcome = stripe_gateway.close_payment_page(payment, payment.order.catalog)
        _settle(payment, outcome)
        return outcome.status in FINAL_STATUSES


def send_refunds_due(limit: int = 50) -> int:
    """Send open refunds to the network; returns how many were settled.

    A refund without a result is sent again.
    """
    with system("refunds of every shop"):
        waiting = BuyerRefund.objects.filter(status__in=LIVE).order_by("id")
        rows = list(waiting.values_list("pk", "business_id")[:limit])
    return for_each(rows, lambda row: _send_refund(*row))


def _send_refund(refund_id: int, business_id: int) -> int:
    with scope(business_id):
        found = BuyerRefund.objects.filter(pk=refund_id, status__in=LIVE)
        found = found.select_for_update(of=("self",))
        refund = found.select_related("business", "payment__order__catalog").first()
        if refund is None:
            return 0
        outcome = stripe_gateway.send_refund(refund, refund.payment.order.catalog)
        if outcome.status not in FINAL_STATUSES:
            return 0
        BuyerRefund.objects.filter(pk=refund_id).update(
            status=outcome.status,
            reference=outcome.reference[:120],
            failure=outcome.failure[:200],
            settled_at=refund.business.now(),
        )
        return 1
