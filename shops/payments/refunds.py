"""Refunding: money goes back in full, in part or by line, and never more than was paid."""

from collections.abc import Mapping

from django.db.models import F
from django.utils.translation import gettext as _

from core.errors import BadInput
from shops.errors import TooMuch, WrongState
from shops.models import BuyerRefund, Order, OrderLine, OrderState, PaymentStatus, PaymentWay
from shops.orders.place import GIVEN_BACK, locked, return_goods
from shops.orders.totals import tax_of

# While an order is in one of these its goods have not left, so what is paid back goes on the shelf again.
NOT_SENT = (OrderState.CONFIRMED, OrderState.PACKED)


def refund(
    order: Order,
    *,
    lines: Mapping[int, int] | None = None,
    amount_minor: int | None = None,
    reason: str = "",
    restock: bool | None = None,
) -> BuyerRefund:
    """Send money back: what is left, an amount in minor units, or so many of each line (by position).

    `restock` puts the goods that are paid back on the shelf again; untold, those that were not sent. Raises WrongState
    where nothing was paid or the goods are back already, TooMuch beyond what is left, BadInput for a line that is not
    there. What was paid at the door or by transfer the seller pays back by hand; it is noted here. Call inside the scope.
    """
    order = locked(order)
    goods = _goods_of(order, lines, amount_minor, restock)
    payment = order.payments.filter(status=PaymentStatus.SUCCEEDED).first()
    if payment is None:
        raise WrongState(_("Nothing was paid for this order."))
    if lines:
        amount_minor = _price_of(order, lines)
    amount = order.left_minor if amount_minor is None else amount_minor
    if not 0 < amount <= order.left_minor:
        raise TooMuch(
            _("Between 1 and %(left)d can be paid back (in the smallest unit).")
            % {"left": order.left_minor}
        )
    for position, count in (lines or {}).items():
        order.lines.filter(position=position).update(
            refunded_quantity=F("refunded_quantity") + count
        )
    Order.objects.filter(pk=order.pk).update(refunded_minor=F("refunded_minor") + amount)
    return_goods(order, goods, reason="refunded")
    by_network = payment.way == PaymentWay.CARD and not payment.is_sandbox
    return BuyerRefund.objects.create(
        business_id=order.business_id,
        payment=payment,
        status=PaymentStatus.OPEN if by_network else PaymentStatus.SUCCEEDED,
        amount_minor=amount,
        lines={str(position): count for position, count in (lines or {}).items()},
        reason=reason[:200],
        key=f"{payment.key}-refund-{payment.refunds.count() + 1}",
        created_at=order.business.now(),
        settled_at=None if by_network else order.business.now(),
    )


def _goods_of(
    order: Order, lines: Mapping[int, int] | None, amount_minor: int | None, restock: bool | None
) -> dict[int, int]:
    """What goes on the shelf again: line position -> how many; raises where that cannot be."""
    if restock is None:
        restock = order.state in NOT_SENT and (bool(lines) or amount_minor is None)
    if not restock:
        return {}
    if order.state in GIVEN_BACK:
        raise WrongState(_("The goods of this order are on the shelf already."))
    if lines:
        return dict(lines)
    if amount_minor is not None:
        raise BadInput(_("Goods go on the shelf by line, not by amount."), field="restock")
    rows = order.lines.filter(refunded_quantity__lt=F("quantity"))
    return {line.position: line.refundable for line in rows}


def _price_of(order: Order, lines: Mapping[int, int]) -> int:
    """What so many of each line cost, with the tax on top where prices hold none."""
    known = {line.position: line for line in order.lines.all()}
    total = 0
    for position, count in lines.items():
        line = known.get(position)
        if line is None:
            raise BadInput(_("There is no line %(n)d.") % {"n": position}, field="lines")
        if not 1 <= count <= line.refundable:
            raise TooMuch(
                _("%(left)d of %(line)s can be paid back.")
                % {"left": line.refundable, "line": line.title}
            )
        total += _with_tax(order, line, count)
    return min(total, order.left_minor) if order.left_minor else total


def _with_tax(order: Order, line: OrderLine, count: int) -> int:
    amount = line.unit_minor * count
    return (
        amount
        if order.tax_included
        else amount + tax_of(amount, line.tax_percent, tax_included=False)
    )
