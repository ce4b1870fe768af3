"""Fulfilling: what the seller does with a confirmed order, step by step, with the money that belongs to a step."""

from shops.models import LIVE, Order, OrderState, PaymentStatus, PaymentWay
from shops.orders.place import step
from shops.payments import attempts, refunds


def pack(order: Order) -> Order:
    """The goods are picked; raises WrongState before it is paid, or where it cannot be."""
    return step(order, to=OrderState.PACKED)


def ship(order: Order, *, tracking: str = "") -> Order:
    """The goods are on their way; `tracking` is the carrier's number or address."""
    return step(order, to=OrderState.SHIPPED, tracking=tracking.strip()[:200])


def deliver(order: Order) -> Order:
    """The goods have arrived; what was to be paid at the door was."""
    delivered = step(order, to=OrderState.DELIVERED)
    if delivered.way == PaymentWay.CASH and not delivered.is_paid:
        attempts.record_money(delivered)
        delivered.refresh_from_db()
    return delivered


def cancel(order: Order, *, reason: str = "") -> Order:
    """Give the goods back to the stock, and what was paid to the buyer."""
    for payment in order.payments.filter(status__in=LIVE, is_sandbox=True):
        attempts.settle(payment, status=PaymentStatus.CANCELLED)
    cancelled = step(order, to=OrderState.CANCELLED, reason=reason.strip()[:200])
    if cancelled.left_minor:
        refunds.refund(cancelled, reason=reason)
        cancelled.refresh_from_db()
    return cancelled
