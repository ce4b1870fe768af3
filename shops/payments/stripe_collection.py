"""Pages of the seller's Stripe account where buyers pay; each result is applied once.

No lock is held and no transaction is open while Stripe is called.
"""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from core.stripe import Outcome
from core.tenancy import scope
from shops.models import LIVE, BuyerPayment, Order, PaymentStatus, PaymentWay
from shops.payments import attempts, stripe_gateway
from shops.payments.attempts import Declined

FINAL_STATUSES = (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELLED)
# Within it the request that makes a payment page has its answer, or has died.
PAGE_TIME = timedelta(minutes=5)


def open_card_page(order: Order, *, back: str) -> str:
    """URL of Stripe's page for the order; the open attempt's page where there is one.

    Raises WrongState, NoKey, or Declined where Stripe opens none. Call outside of transactions.
    """
    with scope(order.business_id):
        order = _lock_payable_by_card(order)
        live = order.payments.filter(status__in=LIVE).first()
    if live is not None and live.next_url and live.amount_minor == order.total_minor:
        return str(live.next_url)
    if live is not None and live.reference:
        _close_page(live, order)
    payment = _page_attempt(order)
    name = _("Order %(order)s at %(shop)s") % {"order": order, "shop": order.catalog.name}
    # An unused page takes no money, and nobody sees it before its attempt has its reference.
    outcome = stripe_gateway.create_payment_page(payment, order.catalog, name=name, back=back)
    with scope(order.business_id):
        without_page = BuyerPayment.objects.filter(pk=payment.pk, reference="", status__in=LIVE)
        if outcome.status == PaymentStatus.PENDING and outcome.next_url:
            without_page.update(
                reference=outcome.reference, next_url=outcome.next_url, not_before=timezone.now()
            )
            return outcome.next_url
        without_page.delete()
    raise Declined(outcome.failure or _("The payment page could not be opened. Please try again."))


def _lock_payable_by_card(order: Order) -> Order:
    order = attempts.lock_payable(order)
    if not order.catalog.stripe_key or not order.catalog.takes_card or not order.total_minor:
        raise stripe_gateway.NoKey
    return order


def _page_attempt(order: Order) -> BuyerPayment:
    """The attempt of a page; one whose page is being made is taken again, by its key.

    Any other attempt without a page, such as one by test card, is ended.
    """
    with scope(order.business_id):
        order = _lock_payable_by_card(order)
        live = order.payments.filter(status__in=LIVE).first()
        if live is not None:
            if not live.is_sandbox and live.amount_minor == order.total_minor:
                return live
            attempts.settle(live, status=PaymentStatus.CANCELLED)
        payment = attempts.new_attempt(order, way=PaymentWay.CARD, status=PaymentStatus.PENDING)
        BuyerPayment.objects.filter(pk=payment.pk).update(not_before=timezone.now() + PAGE_TIME)
        return payment


def _close_page(payment: BuyerPayment, order: Order) -> None:
    """Close a page for another amount.

    A payment made there meanwhile is settled, and the order cannot be paid again.
    """
    outcome = stripe_gateway.close_payment_page(payment, order.catalog)
    if outcome.status not in FINAL_STATUSES:
        raise Declined(_("The payment page could not be opened. Please try again."))
    with scope(order.business_id):
        apply_outcome(payment, outcome)


def refresh_attempt(order: Order) -> None:
    """Look up a waiting attempt when the buyer returns from the page.

    Call outside of transactions.
    """
    with scope(order.business_id):
        waiting = order.payments.filter(status__in=LIVE, is_sandbox=False)
        payment = waiting.exclude(reference="").first()
    if payment is not None:
        outcome = stripe_gateway.look_up(payment, order.catalog)
        with scope(order.business_id):
            apply_outcome(payment, outcome)


def apply_outcome(payment: BuyerPayment, outcome: Outcome) -> bool:
    """Settle a payment where its outcome is final; returns whether it is.

    Call inside the business's scope.
    """
    if outcome.status not in FINAL_STATUSES:
        return False
    # The reference stays the page's id, because webhooks name the payment by it.
    attempts.settle(payment, status=PaymentStatus(outcome.status), failure=outcome.failure)
    return True
