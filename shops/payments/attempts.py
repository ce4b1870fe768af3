"""Payment attempts of orders: by card, on delivery or by transfer; each result is applied once."""

from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.models import Transport
from shops.errors import ShopError, WrongState
from shops.models import LIVE, BuyerPayment, Catalog, Order, OrderState, PaymentStatus, PaymentWay
from shops.orders import place
from shops.orders.place import lock_order, mark_paid
from shops.payments import refunds, sandbox_cards


class Declined(ShopError):
    """The payment was declined."""

    code = "declined"
    status = 402


def accepts_test_cards(catalog: Catalog) -> bool:
    """Whether buyers pay by test cards: on a sandbox number without a Stripe key of the seller."""
    return catalog.number.transport == Transport.SANDBOX and not catalog.stripe_key


def lacks_delivery(order: Order) -> bool:
    """Whether the buyer must still choose a delivery method or give an address."""
    methods = order.catalog.delivery_methods.filter(is_active=True)
    if not order.delivery_name:
        return methods.exists()
    chosen = order.catalog.delivery_methods.filter(name=order.delivery_name).first()
    return chosen is not None and chosen.needs_address and not order.address.get("street")


def lock_payable(order: Order) -> Order:
    """The order, locked; raises WrongState where it cannot be paid now."""
    order = lock_order(order)
    if order.state == OrderState.EXPIRED:
        raise WrongState(_("This order was not paid in time. Please send your cart again."))
    if order.state == OrderState.CANCELLED:
        raise WrongState(_("This order was cancelled."))
    if order.is_paid and order.total_minor:
        raise WrongState(_("This order is paid already."))
    if lacks_delivery(order):
        raise WrongState(_("Please choose first how your order is delivered."))
    return order


def pay_by_test_card(order: Order, *, number: str, expiry: str, code: str) -> BuyerPayment:
    """Pay with a test card of the sandbox: the payment succeeds, fails, or waits for a
    confirmation.

    Raises BadInput naming the field, or WrongState. Another card ends a waiting attempt. Call
    inside the scope.
    """
    order = lock_payable(order)
    if not (accepts_test_cards(order.catalog) and order.catalog.takes_card):
        raise WrongState(_("This shop takes no cards here."))
    if order.total_minor == 0:
        raise WrongState(_("There is nothing to pay."))
    result = sandbox_cards.card_outcome(
        number=number, expiry=expiry, code=code, today=order.business.now().date()
    )
    for waiting in order.payments.filter(status__in=LIVE):
        settle(waiting, status=PaymentStatus.CANCELLED)
    payment = new_attempt(order, way=PaymentWay.CARD, is_sandbox=True)
    if result == sandbox_cards.CardOutcome.NEEDS_CONFIRMATION:
        BuyerPayment.objects.filter(pk=payment.pk).update(status=PaymentStatus.PENDING)
        payment.refresh_from_db()
        return payment
    return _settle_card(payment, result == sandbox_cards.CardOutcome.PAID)


def answer_bank(order: Order, *, accepted: bool) -> BuyerPayment:
    """Apply the buyer's answer to the simulated 3-D Secure question.

    Raises WrongState where none waits.
    """
    order = lock_order(order)
    payment = order.payments.filter(status=PaymentStatus.PENDING, is_sandbox=True).first()
    if payment is None:
        raise WrongState(_("No payment waits for your answer."))
    return _settle_card(payment, accepted)


def _settle_card(payment: BuyerPayment, accepted: bool) -> BuyerPayment:
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
    """Create the next attempt of a locked order with its idempotency key.

    The database refuses a second live one.
    """
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
    """Store the result of an attempt; a repeated result, or one after its end, changes nothing.

    A payment for an order whose goods were sold meanwhile is refunded at once. Call inside the
    business's scope.
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
        order = mark_paid(
            payment.order, way=PaymentWay(payment.way), amount_minor=payment.amount_minor
        )
        if order.state in (OrderState.EXPIRED, OrderState.CANCELLED):
            refunds.refund(order, reason=_("The goods were sold before the payment came."))
    return payment


def cancel_overdue() -> int:
    """Cancel sandbox attempts that were not confirmed before the order's reservation expired.

    Returns their number. An order with a live payment is not expired, so this runs first. Call
    across businesses.
    """
    overdue = Order.objects.overdue()
    waiting = BuyerPayment.objects.filter(status__in=LIVE, is_sandbox=True, order__in=overdue)
    return waiting.update(status=PaymentStatus.CANCELLED, settled_at=timezone.now())


def pay_later(order: Order, *, way: PaymentWay) -> Order:
    """Confirm an order to be paid on delivery or by transfer; raises WrongState where that is not
    possible.
    """
    order = lock_payable(order)
    for waiting in order.payments.filter(status__in=LIVE, is_sandbox=True):
        settle(waiting, status=PaymentStatus.CANCELLED)
    return place.confirm_unpaid(order, way=way)


def confirm_free(order: Order) -> Order:
    """Confirm an order with total 0; raises WrongState for any other."""
    order = lock_payable(order)
    if order.total_minor:
        raise WrongState(_("This order is not free."))
    return mark_paid(order, way=PaymentWay.CARD, amount_minor=0)


def record_payment(order: Order, *, reference: str = "") -> BuyerPayment:
    """Record the payment of an order paid on delivery or by transfer; raises WrongState for any
    other.
    """
    order = lock_order(order)
    if order.way not in (PaymentWay.CASH, PaymentWay.TRANSFER) or order.state in (
        OrderState.CANCELLED,
        OrderState.EXPIRED,
    ):
        raise WrongState(_("No money is expected for this order."))
    if order.is_paid:
        raise WrongState(_("This order is paid already."))
    payment = new_attempt(order, way=PaymentWay(order.way))
    return settle(payment, status=PaymentStatus.SUCCEEDED, reference=reference)
