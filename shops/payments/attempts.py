"""Paying: an order is paid once, by card, at the door or by transfer; what the network says twice happens once."""

from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.models import Transport
from shops.errors import ShopError, WrongState
from shops.models import LIVE, BuyerPayment, Catalog, Order, OrderState, PaymentStatus, PaymentWay
from shops.orders import place
from shops.orders.place import locked, mark_paid
from shops.payments import refunds, sandbox_cards


class Declined(ShopError):
    """The bank has refused."""

    code = "declined"
    status = 402


def has_test_form(catalog: Catalog) -> bool:
    """Whether buyers pay by test cards: on a sandbox number, while the seller has no key of a payment network."""
    return catalog.number.transport == Transport.SANDBOX and not catalog.stripe_key


def lacks_delivery(order: Order) -> bool:
    """Whether the buyer must still say how or where the goods go."""
    methods = order.catalog.delivery_methods.filter(is_active=True)
    if not order.delivery_name:
        return methods.exists()
    chosen = order.catalog.delivery_methods.filter(name=order.delivery_name).first()
    return chosen is not None and chosen.needs_address and not order.address.get("street")


def payable(order: Order) -> Order:
    """The order, locked; raises WrongState where it is not to be paid now."""
    order = locked(order)
    if order.state == OrderState.EXPIRED:
        raise WrongState(_("This order was not paid in time. Please send your cart again."))
    if order.state == OrderState.CANCELLED:
        raise WrongState(_("This order was cancelled."))
    if order.is_paid and order.total_minor:
        raise WrongState(_("This order is paid already."))
    if lacks_delivery(order):
        raise WrongState(_("Please say first how your order shall come to you."))
    return order


def pay_by_test_card(order: Order, *, number: str, expiry: str, code: str) -> BuyerPayment:
    """Pay with a test card of the sandbox; the payment is settled, declined, or waits for the bank's question.

    Raises BadInput naming the field, or WrongState. Another card ends an attempt that waits. Call inside the scope.
    """
    order = payable(order)
    if not (has_test_form(order.catalog) and order.catalog.takes_card):
        raise WrongState(_("This shop takes no cards here."))
    if order.total_minor == 0:
        raise WrongState(_("There is nothing to pay."))
    verdict = sandbox_cards.judge(
        number=number, expiry=expiry, code=code, today=order.business.now().date()
    )
    for waiting in order.payments.filter(status__in=LIVE):
        settle(waiting, status=PaymentStatus.CANCELLED)
    payment = new_attempt(order, way=PaymentWay.CARD, is_sandbox=True)
    if verdict == sandbox_cards.Verdict.ASKS:
        BuyerPayment.objects.filter(pk=payment.pk).update(status=PaymentStatus.PENDING)
        payment.refresh_from_db()
        return payment
    return _answered(payment, verdict == sandbox_cards.Verdict.PAYS)


def answer_bank(order: Order, *, accepted: bool) -> BuyerPayment:
    """What the buyer answers to the bank's question in the sandbox; raises WrongState where none waits."""
    order = locked(order)
    payment = order.payments.filter(status=PaymentStatus.PENDING, is_sandbox=True).first()
    if payment is None:
        raise WrongState(_("No payment waits for your answer."))
    return _answered(payment, accepted)


def _answered(payment: BuyerPayment, accepted: bool) -> BuyerPayment:
    if accepted:
        return settle(payment, status=PaymentStatus.SUCCEEDED, reference=f"test_{payment.key}")
    return settle(payment, status=PaymentStatus.FAILED, failure=_("The card was declined."))


def new_attempt(
    order: Order,
    *,
    way: PaymentWay,
    is_sandbox: bool = False,
    status: PaymentStatus = PaymentStatus.OPEN,
) -> BuyerPayment:
    """The next attempt of a locked order, with its idempotency key; the database refuses a second live one."""
    return BuyerPayment.objects.create(
        business_id=order.business_id,
        order=order,
        way=way,
        is_sandbox=is_sandbox,
        status=status,
        amount_minor=order.total_minor,
        currency=order.currency,
        key=f"shop-order-{order.pk}-{order.payments.count() + 1}",
        created_at=order.business.now(),
    )


def settle(
    payment: BuyerPayment, *, status: PaymentStatus, reference: str = "", failure: str = ""
) -> BuyerPayment:
    """Write how an attempt ended; told again, or after its end, nothing happens. Call inside the business's scope.

    Money for an order whose goods were sold meanwhile goes straight back.
    """
    payment = (
        BuyerPayment.objects.select_for_update(of=("self",))
        .select_related("business")
        .get(pk=payment.pk)
    )
    if payment.status not in LIVE:
        return payment
    known = {"reference": reference[:120]} if reference else {}
    BuyerPayment.objects.filter(pk=payment.pk).update(
        status=status, failure=failure[:200], settled_at=payment.business.now(), **known
    )
    payment.refresh_from_db()
    if status == PaymentStatus.SUCCEEDED:
        order = mark_paid(payment.order, way=PaymentWay(payment.way))
        if order.state in (OrderState.EXPIRED, OrderState.CANCELLED):
            refunds.refund(order, reason=_("The goods were sold before the payment came."))
    return payment


def give_up_due() -> int:
    """End questions of the sandbox's bank that nobody answered while the goods were held; returns how many.

    An order with a payment under way is not expired, so this comes first. Call across businesses.
    """
    overdue = Order.objects.overdue()
    waiting = BuyerPayment.objects.filter(status__in=LIVE, is_sandbox=True, order__in=overdue)
    return waiting.update(status=PaymentStatus.CANCELLED, settled_at=timezone.now())


def pay_later(order: Order, *, way: PaymentWay) -> Order:
    """Confirm an order that is paid at the door or by transfer; raises WrongState where that cannot be."""
    order = payable(order)
    for waiting in order.payments.filter(status__in=LIVE, is_sandbox=True):
        settle(waiting, status=PaymentStatus.CANCELLED)
    return place.choose_way(order, way=way)


def confirm_free(order: Order) -> Order:
    """Confirm an order that costs nothing; raises WrongState for any other."""
    order = payable(order)
    if order.total_minor:
        raise WrongState(_("This order is not free."))
    return mark_paid(order, way=PaymentWay.CARD)


def record_money(order: Order, *, reference: str = "") -> BuyerPayment:
    """Note that the money of a confirmed order came at the door or by transfer; raises WrongState for any other."""
    order = locked(order)
    if order.way not in (PaymentWay.CASH, PaymentWay.TRANSFER) or order.state in (
        OrderState.CANCELLED,
        OrderState.EXPIRED,
    ):
        raise WrongState(_("No money is expected for this order."))
    if order.is_paid:
        raise WrongState(_("This order is paid already."))
    payment = new_attempt(order, way=PaymentWay(order.way))
    return settle(payment, status=PaymentStatus.SUCCEEDED, reference=reference)
