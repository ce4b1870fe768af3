"""Refunds in full, in part or by line, never more than was paid."""

from collections.abc import Mapping

from django.db.models import F
from django.utils.translation import gettext as _

from accounts.audit import record
from core.errors import BadInput
from shops.errors import TooMuch, WrongState
from shops.models import (
    BuyerPayment,
    BuyerRefund,
    Order,
    OrderLine,
    OrderState,
    PaymentStatus,
    PaymentWay,
)
from shops.orders.place import RELEASED_STATES, lock_order, return_goods
from shops.orders.totals import tax_of

# Goods of orders in these states were not sent, so refunded goods go back in stock.
UNSENT_STATES = (OrderState.CONFIRMED, OrderState.PACKED)


def refund(
    order: Order,
    *,
    lines: Mapping[int, int] | None = None,
    amount_minor: int | None = None,
    reason: str = "",
    restock: bool | None = None,
    once: str = "",
    expected_minor: int | None = None,
) -> BuyerRefund:
    """Refund what is left, an amount in minor units, or quantities of lines (by position).

    `restock` puts the refunded goods back in stock; by default only those that were not sent yet.
    A repeated `once` (a token of the form) returns the refund that it made.

    Raises WrongState where nothing was paid, the goods are back already, or another amount than
    `expected_minor` came out meanwhile; TooMuch beyond what is left, BadInput for an unknown line.
    A payment on delivery or by transfer is refunded by the seller by hand and only recorded here.
    Call inside the scope.
    """
    order = lock_order(order)
    if once and (made := BuyerRefund.objects.filter(key=_key(order, once)).first()):
        return made
    goods = _goods_to_restock(order, lines, amount_minor, restock)
    payment = payment_of(order)
    amount = amount_of(order, lines=lines, amount_minor=amount_minor)
    if expected_minor not in (None, amount):
        raise WrongState(_("What is left to refund has changed. Look at the amount again."))
    for position, count in (lines or {}).items():
        order.lines.filter(position=position).update(
            refunded_quantity=F("refunded_quantity") + count
        )
    Order.objects.filter(pk=order.pk).update(refunded_minor=F("refunded_minor") + amount)
    return_goods(order, goods, reason="refunded")
    key = _key(order, once) if once else f"{payment.key}-refund-{payment.refunds.count() + 1}"
    return _create_refund(order, payment, amount, lines or {}, reason, key)


def payment_of(order: Order) -> BuyerPayment:
    """The payment that was received; raises WrongState where none was."""
    payment: BuyerPayment | None = order.payments.filter(status=PaymentStatus.SUCCEEDED).first()
    if payment is None:
        raise WrongState(_("Nothing was paid for this order."))
    return payment


def amount_of(
    order: Order, *, lines: Mapping[int, int] | None = None, amount_minor: int | None = None
) -> int:
    """What `refund` would pay back, in minor units; raises as it does."""
    if lines:
        amount_minor = _lines_amount(order, lines)
    amount = order.refundable_minor if amount_minor is None else amount_minor
    if not 0 < amount <= order.refundable_minor:
        raise TooMuch(
            _("Between 1 and %(left)d can be refunded (in the smallest unit).")
            % {"left": order.refundable_minor}
        )
    return amount


def _key(order: Order, once: str) -> str:
    return f"shop-order-{order.pk}-refund-{once[:40]}"


def _create_refund(
    order: Order,
    payment: BuyerPayment,
    amount: int,
    lines: Mapping[int, int],
    reason: str,
    key: str,
) -> BuyerRefund:
    """Store the refund: open where the network sends it, else succeeded at once."""
    by_network = payment.way == PaymentWay.CARD and not payment.is_sandbox
    record.record(
        action="order.refunded",
        subject=f"order {order.pk}",
        business=order.business_id,
        after={"amount_minor": amount, "currency": payment.currency, "lines": dict(lines)},
    )
    return BuyerRefund.objects.create(
        business_id=order.business_id,
        payment=payment,
        status=PaymentStatus.OPEN if by_network else PaymentStatus.SUCCEEDED,
        amount_minor=amount,
        lines={str(position): count for position, count in lines.items()},
        reason=reason[:200],
        key=key,
        created_at=order.business.now(),
        settled_at=None if by_network else order.business.now(),
    )


def _goods_to_restock(
    order: Order, lines: Mapping[int, int] | None, amount_minor: int | None, restock: bool | None
) -> dict[int, int]:
    """Quantities to put back in stock by line position; raises where that is not possible."""
    if restock is None:
        restock = order.state in UNSENT_STATES and (bool(lines) or amount_minor is None)
    if not restock:
        return {}
    if order.state in RELEASED_STATES:
        raise WrongState(_("The goods of this order are back in stock already."))
    if lines:
        return dict(lines)
    if amount_minor is not None:
        raise BadInput(_("Goods go back in stock by line, not by amount."), field="restock")
    rows = order.lines.filter(refunded_quantity__lt=F("quantity"))
    return {line.position: line.refundable for line in rows}


def _lines_amount(order: Order, lines: Mapping[int, int]) -> int:
    """Amount of the lines' quantities, with tax where prices do not include it."""
    known = {line.position: line for line in order.lines.all()}
    total = 0
    for position, count in lines.items():
        line = known.get(position)
        if line is None:
            raise BadInput(_("There is no line %(n)d.") % {"n": position}, field="lines")
        if not 1 <= count <= line.refundable:
            raise TooMuch(
                _("%(left)d of %(line)s can be refunded.")
                % {"left": line.refundable, "line": line.title}
            )
        total += _with_tax(order, line, count)
    return min(total, order.refundable_minor) if order.refundable_minor else total


def _with_tax(order: Order, line: OrderLine, count: int) -> int:
    amount = line.unit_minor * count
    return (
        amount
        if order.tax_included
        else amount + tax_of(amount, line.tax_percent, tax_included=False)
    )
