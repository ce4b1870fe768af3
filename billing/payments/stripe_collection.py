"""Collection by Stripe: one live attempt per invoice, stored before the network is called, settled
with its result.
"""

from datetime import timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Business
from billing import emails
from billing.errors import NotConfigured, PaymentUnderWay, WrongStatus
from billing.journal import post
from billing.models import (
    BillingDetails,
    CashReceipt,
    GatewayEvent,
    Invoice,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
)
from billing.payments import settlement, stripe_gateway
from billing.payments.stripe_gateway import Outcome
from core.tenancy import system

log = structlog.get_logger(__name__)

# Stripe remembers an idempotency key for 24 hours; later, repeating a request is not safe.
KEY_LIFETIME = timedelta(hours=23)
RETRY_AFTER = timedelta(minutes=1)


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
    """URL of Stripe's page where the invoice is paid; the open attempt's page while there is
    one.
    """
    if not stripe_gateway.is_configured():
        raise NotConfigured
    with system("the page belongs to the invoice"):
        due = settlement.lock_payable(invoice)
        live = invoice.payments.live().first()
        if live and live.next_url:
            return str(live.next_url)
        details = ensure_customer(invoice.business)
        # Created before the attempt is committed: an unused page takes no money.
        payment = _attempt(invoice, due, PaymentStatus.PENDING, is_automatic=False)
        outcome = stripe_gateway.create_payment_page(payment, details, back)
        if outcome.status != PaymentStatus.PENDING:
            raise NotConfigured(
                outcome.failure or "The payment page could not be opened; try again."
            )
        Payment.objects.filter(pk=payment.pk).update(
            reference=outcome.reference, next_url=outcome.next_url, asked_at=timezone.now()
        )
        return outcome.next_url


def save_method(*, business: Business, method_id: str) -> BillingDetails:
    """Save a payment method for automatic payments."""
    details = ensure_customer(business)
    label = stripe_gateway.attach(details, method_id)
    with system("the customer's method"):
        BillingDetails.objects.filter(pk=details.pk).update(method_id=method_id, method_label=label)
        details.refresh_from_db()
    return details


def setup_page_url(*, business: Business, back: str) -> str:
    """URL of a page where a payment method is saved; raises NotConfigured or Refused."""
    if not stripe_gateway.is_configured():
        raise NotConfigured
    return stripe_gateway.create_setup_page(ensure_customer(business), back)


def store_method(
    session_id: str, business_id: int = stripe_gateway.NOBODY
) -> BillingDetails | None:
    """Store the payment method saved in a session, asked for by a business; safe to call twice.

    Returns the billing details of its customer, or None for a session that saved none of ours.
    """
    saved = stripe_gateway.saved_method(session_id, business_id)
    if saved is None:
        return None
    with system("the network names its customer, not our business"):
        details = (
            BillingDetails.objects.filter(customer_id=saved.customer_id)
            .exclude(customer_id="")
            .first()
        )
        if details is not None:
            BillingDetails.objects.filter(pk=details.pk).update(
                method_id=saved.method_id, method_label=saved.label
            )
            details.refresh_from_db()
    return details


def remove_method(*, business: Business) -> None:
    """Remove the saved payment method, here before at the network, so that it is never charged
    again.
    """
    with system("the customer's method"):
        details = BillingDetails.of(business)
        BillingDetails.objects.filter(pk=details.pk).update(method_id="", method_label="")
    if details.method_id and stripe_gateway.is_configured():
        stripe_gateway.detach(details.method_id, business.pk)


def refresh_attempt(*, invoice: Invoice) -> None:
    """Look up a pending attempt when the customer returns from the page; the worker does it as
    well.
    """
    with system("the page belongs to the invoice"):
        payment = (
            invoice.payments.filter(status=PaymentStatus.PENDING).exclude(reference="").first()
        )
    if payment is None or not stripe_gateway.is_configured():
        return
    outcome = stripe_gateway.look_up(payment, _details_of(payment))
    if outcome is not None and outcome.status != PaymentStatus.UNKNOWN:
        apply_outcome(payment, outcome)


def ensure_customer(business: Business) -> BillingDetails:
    """The saved billing details, with a customer at the network."""
    with system("billing details come before the first payment"):
        details = BillingDetails.of(business)
        if details.pk is None:
            details.save()
        if not details.customer_id:
            BillingDetails.objects.filter(pk=details.pk).update(
                customer_id=stripe_gateway.create_customer(details)
            )
            details.refresh_from_db()
    return details


def collect_due(limit: int = 20) -> int:
    """Charge open attempts, look up unknown ones, send refunds, apply events; returns how many were
    handled.
    """
    if not stripe_gateway.is_configured():
        return 0
    handled = 0
    while handled < limit and (_collect_one() or _refund_one()):
        handled += 1
    return handled + _apply_events()


def receive_webhook(body: bytes, signature: str) -> bool:
    """Verify and store an event once; returns True while it is not applied.

    The worker fetches the object itself.
    """
    webhook = stripe_gateway.read_event(body, signature)
    event = GatewayEvent(event_id=webhook.event_id, kind=webhook.kind, object_id=webhook.object_id)
    with system("the network does not know businesses"):
        GatewayEvent.objects.bulk_create([event], ignore_conflicts=True)
        return GatewayEvent.objects.filter(event_id=webhook.event_id, applied_at=None).exists()


def apply_outcome(payment: Payment, outcome: Outcome) -> None:
    """Store the result of a payment; results may repeat and come in any order, success is final."""
    with system("outcomes come without a tenant"):
        # Lock order everywhere: invoice before payment.
        invoice = Invoice.objects.select_for_update().get(pk=payment.invoice_id)
        now = Payment.objects.select_for_update().get(pk=payment.pk)
        if now.status == PaymentStatus.SUCCEEDED:
            return
        settled = outcome.status not in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
        was_live = now.status in (PaymentStatus.OPEN, PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
        if not settled and not was_live:
            return
        now.status = outcome.status
        now.reference = outcome.reference or now.reference
        now.failure = outcome.failure
        now.next_url = "" if settled else outcome.next_url or now.next_url
        now.settled_at = timezone.now() if settled else None
        if now.status == PaymentStatus.SUCCEEDED:
            _receive(now, invoice)
        now.save()
        if now.allocated_minor:
            post.payment_allocated(now, post.day_of(invoice))
        if outcome.status == PaymentStatus.FAILED and was_live:
            emails.queue_invoice_email(
                invoice,
                "payment_failed",
                step=now.attempt,
                failure=outcome.failure or "no reason given",
            )
        settlement.settle(invoice)


def _receive(payment: Payment, invoice: Invoice) -> None:
    """The money of a successful payment: what the locked invoice still owes is paid, the rest is
    the customer's and not allocated.
    """
    payment.receipt = CashReceipt.objects.create(
        business_id=payment.business_id,
        method=payment.method,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        value_date=post.day_of(invoice),
        reference=payment.reference,
        key=payment.key,
    )
    payment.allocated_minor = max(min(payment.amount_minor, invoice.due_now()), 0)
    post.receipt_recorded(payment.receipt)


def settle_manually(row: Payment | Refund, *, moved: bool, reference: str) -> None:
    """Store an operator's finding about a payment or refund; raises WrongStatus where the network
    knows the result.

    Allowed are a payment or card refund of unknown result, a failed refund, and one of a bank
    transfer.
    """
    status = PaymentStatus.SUCCEEDED if moved else PaymentStatus.FAILED
    outcome = Outcome(status, reference, "" if moved else "The network has no trace of it.")
    with system("operators look across businesses"):
        if isinstance(row, Payment):
            _lock_unsettled(row, [PaymentStatus.UNKNOWN])
            apply_outcome(row, outcome)
            return
        by_card = row.method == PaymentMethod.STRIPE
        open_ones = [PaymentStatus.UNKNOWN, PaymentStatus.FAILED] + (
            [] if by_card else [PaymentStatus.OPEN]
        )
        _lock_unsettled(row, open_ones)
        _store_refund_outcome(row, outcome)


def _lock_unsettled(row: Payment | Refund, statuses: list[PaymentStatus]) -> None:
    payment = row if isinstance(row, Payment) else row.payment
    if payment is not None:
        Invoice.objects.select_for_update().get(pk=payment.invoice_id)
    now = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if now.status not in statuses:
        raise WrongStatus(f"{row} is not of unknown result but: {now.get_status_display()}.")


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


def _collect_one() -> bool:
    payment = _claim()
    if payment is None:
        return False
    apply_outcome(payment, _result(payment, _details_of(payment)))
    return True


def _details_of(payment: Payment) -> BillingDetails:
    with system("the payment names its business"):
        return BillingDetails.of(payment.business)


def _claim() -> Payment | None:
    """Claim one payment; it is marked unknown and committed before the network is called."""
    look = Q(
        status__in=[PaymentStatus.UNKNOWN, PaymentStatus.PENDING],
        asked_at__lt=timezone.now() - RETRY_AFTER,
    )
    with system("payments of every business"):
        payment = (
            Payment.objects.select_for_update(of=("self",))
            .filter(Q(status=PaymentStatus.OPEN) | look, method=PaymentMethod.STRIPE)
            .select_related("business")
            .order_by("id")
            .first()
        )
        if payment is None:
            return None
        status = PaymentStatus.UNKNOWN if payment.status == PaymentStatus.OPEN else payment.status
        Payment.objects.filter(pk=payment.pk).update(status=status, asked_at=timezone.now())
        return payment


def _result(payment: Payment, details: BillingDetails) -> Outcome:
    if payment.status == PaymentStatus.OPEN:
        return stripe_gateway.charge(payment, details)
    found = stripe_gateway.look_up(payment, details)
    if found is not None:
        return found
    if timezone.now() - payment.created_at < KEY_LIFETIME:
        return stripe_gateway.charge(payment, details)
    return Outcome(PaymentStatus.FAILED, failure="The network has no trace of this payment.")


def _refund_one() -> bool:
    by_card = Q(payment__method=PaymentMethod.STRIPE) | Q(receipt__method=PaymentMethod.STRIPE)
    due = Refund.objects.filter(by_card, Q(status=PaymentStatus.OPEN) | _retryable_refunds())
    with system("refunds of every business"):
        refund = (
            due.select_for_update(of=("self",))
            .select_related("payment", "receipt")
            .order_by("id")
            .first()
        )
        if refund is None:
            return False
        Refund.objects.filter(pk=refund.pk).update(
            status=PaymentStatus.UNKNOWN, settled_at=timezone.now()
        )
    outcome = stripe_gateway.send_refund(refund)
    with system("refunds of every business"):
        _store_refund_outcome(refund, outcome)
    return True


def _store_refund_outcome(refund: Refund, outcome: Outcome) -> None:
    stored = (
        Refund.objects.filter(pk=refund.pk)
        .exclude(status=PaymentStatus.SUCCEEDED)
        .update(
            status=outcome.status,
            reference=outcome.reference,
            failure=outcome.failure,
            settled_at=timezone.now(),
        )
    )
    if stored and outcome.status == PaymentStatus.SUCCEEDED:
        refund.refresh_from_db()
        post.refund_sent(refund, post.day_of(refund))


def _retryable_refunds() -> Q:
    """Refunds of unknown result to send again, while the network remembers their key."""
    now = timezone.now()
    return Q(
        status=PaymentStatus.UNKNOWN,
        settled_at__lt=now - RETRY_AFTER,
        created_at__gt=now - KEY_LIFETIME,
    )


def _apply_events(limit: int = 50) -> int:
    with system("the network does not know businesses"):
        events = list(GatewayEvent.objects.filter(applied_at=None).order_by("id")[:limit])
    for event in events:
        _apply_event(event)
    return len(events)


def _apply_event(event: GatewayEvent) -> None:
    if event.object_id.startswith(stripe_gateway.CHECKOUT) and event.kind.startswith(
        "checkout.session.completed"
    ):
        try:
            store_method(event.object_id)
        except stripe_gateway.Refused:
            return
    with system("the network does not know businesses"):
        payment = Payment.objects.filter(reference=event.object_id).exclude(reference="").first()
    if payment is None:
        key = stripe_gateway.key_of(event.object_id)
        if key is None:
            return
        with system("the network does not know businesses"):
            payment = Payment.objects.filter(key=key).first()
    if payment is not None and payment.method == PaymentMethod.STRIPE:
        details = _details_of(payment)
        outcome = stripe_gateway.look_up(payment, details)
        if outcome is None or outcome.status == PaymentStatus.UNKNOWN:
            return
        apply_outcome(payment, outcome)
    with system("the network does not know businesses"):
        GatewayEvent.objects.filter(pk=event.pk).update(applied_at=F("received_at"))
