"""Fulfilment of confirmed orders: pack, ship, deliver, cancel, with the payments that follow."""

from shops.models import LIVE, Order, OrderState, PaymentStatus, PaymentWay
from shops.orders.place import change_state
from shops.payments import attempts, refunds


def pack(order: Order) -> Order:
    """Mark an order as packed; raises WrongState where it is unpaid or in another state."""
    return change_state(order, to=OrderState.PACKED)


def ship(order: Order, *, tracking: str = "") -> Order:
    """Mark an order as shipped; `tracking` is the carrier's number or URL."""
    return change_state(order, to=OrderState.SHIPPED, tracking=tracking.strip()[:200])


def deliver(order: Order) -> Order:
    """Mark an order as delivered; cash on delivery is recorded as paid."""
    delivered = change_state(order, to=OrderState.DELIVERED)
    if delivered.way == PaymentWay.CASH and not delivered.is_paid:
        attempts.record_payment(delivered)
        delivered.refresh_from_db()
    return delivered


def cancel(order: Order, *, reason: str = "") -> Order:
    """Cancel an order: release its goods and refund what was paid."""
    for payment in order.payments.filter(status__in=LIVE, is_sandbox=True):
        attempts.settle(payment, status=PaymentStatus.CANCELLED)
    cancelled = change_state(order, to=OrderState.CANCELLED, reason=reason.strip()[:200])
    if cancelled.refundable_minor:
        refunds.refund(cancelled, reason=reason)
        cancelled.refresh_from_db()
    return cancelled
