"""Collection by Stripe: one live attempt per invoice, stored before the network is called, settled
with its result.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.errors import NotConfigured, PaymentUnderWay
from billing.models import BillingDetails, Invoice, Payment, PaymentMethod, PaymentStatus
from billing.payments import (
    card_refunds,
    charges,
    outcomes,
    saved_methods,
    settlement,
    stripe_events,
    stripe_gateway,
)
from core.tenancy import system

# Within it the request that makes a payment page has its answer, or has died.
PAGE_TIME = timedelta(minutes=5)


def start_charge(*, invoice: Invoice, is_automatic: bool = False) -> Payment:
    """Store the next attempt to charge the saved method.

    Raises PaymentUnderWay, WrongStatus or NotConfigured.
    """
    with system("the worker that charges crosses businesses"):
        due = settlement.lock_payable(invoice)
        if not BillingDetails.of(invoice.business).method_id:
            raise NotConfigured("There is no saved payment method.")
        return _attempt(invoice, due, PaymentStatus.OPEN, is_automatic=is_automatic)


def pay_by_link(*, invoice: Invoice, back: str) -> str:
    """URL of Stripe's page where the invoice is paid; the open attempt's page while there is one.

    Raises NotConfigured, Refused, WrongStatus or PaymentUnderWay. Call outside of transactions: no
    lock is held while the network is called.
    """
    if not stripe_gateway.is_configured():
        raise NotConfigured
    with system("the page belongs to the invoice"):
        settlement.lock_payable(invoice)
        if live := invoice.payments.live().exclude(next_url="").first():
            return str(live.next_url)
        business = invoice.business
    details = saved_methods.ensure_customer(business)
    payment = _page_attempt(invoice)
    # An unused page takes no money, and nobody sees it before its attempt has its reference.
    outcome = stripe_gateway.create_payment_page(payment, details, back)
    with system("the page belongs to the invoice"):
        without_page = Payment.objects.filter(
            pk=payment.pk, status=PaymentStatus.PENDING, reference=""
        )
        if outcome.status == PaymentStatus.PENDING and outcome.next_url:
            without_page.update(
                reference=outcome.reference,
                next_url=outcome.next_url,
                not_before=timezone.now() + timedelta(seconds=charges.LOOK_UP_EVERY),
            )
            return outcome.next_url
        without_page.delete()
    raise NotConfigured(outcome.failure or "The payment page could not be opened; try again.")


def _page_attempt(invoice: Invoice) -> Payment:
    """The attempt of a payment page; one whose page is being made is taken again, by its key."""
    with system("the page belongs to the invoice"):
        due = settlement.lock_payable(invoice)
        made = invoice.payments.filter(status=PaymentStatus.PENDING, reference="", next_url="")
        if payment := made.first():
            return payment
        payment = _attempt(invoice, due, PaymentStatus.PENDING, is_automatic=False)
        Payment.objects.filter(pk=payment.pk).update(not_before=timezone.now() + PAGE_TIME)
        return payment


def refresh_attempt(*, invoice: Invoice) -> None:
    """Look up a pending attempt when the customer returns from the page; the worker does it as
    well.
    """
    with system("the page belongs to the invoice"):
        waiting = invoice.payments.filter(status=PaymentStatus.PENDING).exclude(reference="")
        payment = waiting.first()
        details = BillingDetails.of(invoice.business)
    if payment is None or not stripe_gateway.is_configured():
        return
    outcome = stripe_gateway.look_up(payment, details)
    if outcome is not None and outcome.status != PaymentStatus.UNKNOWN:
        outcomes.apply_outcome(payment, outcome)


def collect_due() -> int:
    """Charge and look up payments, send refunds, apply events, until none is due.

    Returns how many rows were worked on.
    """
    if not stripe_gateway.is_configured():
        return 0
    return charges.POOL.run() + card_refunds.POOL.run() + stripe_events.POOL.run()


def _attempt(invoice: Invoice, due: int, status: PaymentStatus, *, is_automatic: bool) -> Payment:
    try:
        with transaction.atomic():
            return settlement.new_attempt(
                invoice,
                method=PaymentMethod.STRIPE,
                amount_minor=due,
                status=status,
                is_automatic=is_automatic,
            )
    except IntegrityError:
        raise PaymentUnderWay from None
