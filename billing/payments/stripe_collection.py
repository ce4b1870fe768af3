"""Collecting: one live attempt an invoice, written before the network is asked, settled when its
result is known.
"""

from datetime import timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Business
from billing import emails
from billing.errors import NotConfigured, NotIssuable, PaymentUnderWay
from billing.models import (
    BillingDetails,
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

# Stripe remembers an idempotency key for 24 hours: within them asking again is safe, later only
# looking up is.
KEY_LIVES = timedelta(hours=23)
LOOK_AGAIN = timedelta(minutes=1)


def start(*, invoice: Invoice, is_automatic: bool = False) -> Payment:
    """Write the next attempt to charge the saved method; raises PaymentUnderWay, NotIssuable or
    NotConfigured.
    """
    with system("the worker that charges crosses businesses"):
        due = settlement.lock_payable(invoice)
        if not BillingDetails.of(invoice.business).method_id:
            raise NotConfigured("There is no saved payment method.")
        return _attempt(invoice, due, PaymentStatus.OPEN, is_automatic=is_automatic)


def pay_by_link(*, invoice: Invoice, back: str) -> str:
    """The address of a page where the invoice is paid by hand; the same attempt's while it is
    open.
    """
    if not stripe_gateway.is_on():
        raise NotConfigured
    with system("the page belongs to the invoice"):
        due = settlement.lock_payable(invoice)
        live = invoice.payments.live().first()
        if live and live.next_url:
            return str(live.next_url)
        details = with_customer(invoice.business)
        # Asked before it is committed: a page that nobody was sent to takes no money.
        payment = _attempt(invoice, due, PaymentStatus.PENDING, is_automatic=False)
        outcome = stripe_gateway.payment_page(payment, details, back)
        if outcome.status != PaymentStatus.PENDING:
            raise NotConfigured(
                outcome.failure or "The payment page could not be opened; try again."
            )
        Payment.objects.filter(pk=payment.pk).update(
            reference=outcome.reference, next_url=outcome.next_url, asked_at=timezone.now()
        )
        return outcome.next_url


def save_method(*, business: Business, method_id: str) -> BillingDetails:
    """Keep a payment method for automatic payments."""
    details = with_customer(business)
    label = stripe_gateway.attach(details, method_id)
    with system("the customer's method"):
        BillingDetails.objects.filter(pk=details.pk).update(method_id=method_id, method_label=label)
        details.refresh_from_db()
    return details


def method_page(*, business: Business, back: str) -> str:
    """The address of a page where a payment method is saved; raises NotConfigured or Refused."""
    if not stripe_gateway.is_on():
        raise NotConfigured
    return stripe_gateway.setup_page(with_customer(business), back)


def take_method(session_id: str) -> BillingDetails | None:
    """Keep what was saved on that page, for whoever it belongs to; told twice, by page and webhook,
    it is once.

    Returns the billing details, or None for a session that saved nothing of ours.
    """
    saved = stripe_gateway.saved_method(session_id)
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


def drop_method(*, business: Business) -> None:
    """Forget the saved payment method, here first: a charge is never begun with one that was taken
    back.
    """
    with system("the customer's method"):
        details = BillingDetails.of(business)
        BillingDetails.objects.filter(pk=details.pk).update(method_id="", method_label="")
    if details.method_id and stripe_gateway.is_on():
        stripe_gateway.detach(details.method_id)


def look_now(*, invoice: Invoice) -> None:
    """Look up an attempt that waits for the customer, as they come back from the page; the worker
    does it as well.
    """
    with system("the page belongs to the invoice"):
        payment = (
            invoice.payments.filter(status=PaymentStatus.PENDING).exclude(reference="").first()
        )
    if payment is None or not stripe_gateway.is_on():
        return
    outcome = stripe_gateway.look_up(payment, _details_of(payment))
    if outcome is not None and outcome.status != PaymentStatus.UNKNOWN:
        apply(payment, outcome)


def with_customer(business: Business) -> BillingDetails:
    """The billing details, saved, with a customer at the network."""
    with system("billing details come before the first payment"):
        details = BillingDetails.of(business)
        if details.pk is None:
            details.save()
        if not details.customer_id:
            BillingDetails.objects.filter(pk=details.pk).update(
                customer_id=stripe_gateway.make_customer(details)
            )
            details.refresh_from_db()
    return details


def collect_due(limit: int = 20) -> int:
    """Charge what is to be tried, look up what is unknown, send refunds; returns how many rows were
    handled.
    """
    if not stripe_gateway.is_on():
        return 0
    handled = 0
    while handled < limit and (_collect_one() or _refund_one()):
        handled += 1
    return handled + _apply_events()


def hear(body: bytes, signature: str) -> bool:
    """Take in a webhook: checked, stored once; True when it is new. The object itself is fetched by
    the worker.
    """
    told = stripe_gateway.read_event(body, signature)
    event = GatewayEvent(event_id=told.event_id, kind=told.kind[:80], object_id=told.object_id)
    with system("the network does not know businesses"):
        GatewayEvent.objects.bulk_create([event], ignore_conflicts=True)
        return GatewayEvent.objects.filter(event_id=told.event_id, applied_at=None).exists()


def apply(payment: Payment, outcome: Outcome) -> None:
    """Write down what became of a payment, in any order and as often as it is told; success is
    final.
    """
    with system("outcomes come without a tenant"):
        # Invoice before payment: everybody locks in this order.
        invoice = Invoice.objects.select_for_update().get(pk=payment.invoice_id)
        now = Payment.objects.select_for_update().get(pk=payment.pk)
        if now.status == PaymentStatus.SUCCEEDED:
            return
        settled = outcome.status not in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
        was_live = now.status in (PaymentStatus.OPEN, PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
        if not settled and not was_live:
            return
        Payment.objects.filter(pk=now.pk).update(
            status=outcome.status,
            reference=outcome.reference or now.reference,
            failure=outcome.failure,
            next_url="" if settled else outcome.next_url or now.next_url,
            settled_at=timezone.now() if settled else None,
        )
        if outcome.status == PaymentStatus.FAILED and was_live:
            emails.write(
                invoice,
                "payment_failed",
                step=now.attempt,
                failure=outcome.failure or "no reason given",
            )
        settlement.settle(invoice)


def settle_by_hand(row: Payment | Refund, *, moved: bool, reference: str) -> None:
    """Write down what an operator found out of a row the network does not tell of; raises
    NotIssuable for any other.

    That is a payment or a card's refund of unknown result, a refund that failed, and one of a bank
    transfer.
    """
    status = PaymentStatus.SUCCEEDED if moved else PaymentStatus.FAILED
    outcome = Outcome(status, reference, "" if moved else "The network has no trace of it.")
    with system("operators look across businesses"):
        if isinstance(row, Payment):
            _lock_unsettled(row, [PaymentStatus.UNKNOWN])
            apply(row, outcome)
            return
        by_card = row.payment.method == PaymentMethod.STRIPE
        open_ones = [PaymentStatus.UNKNOWN, PaymentStatus.FAILED] + (
            [] if by_card else [PaymentStatus.OPEN]
        )
        _lock_unsettled(row, open_ones)
        _write(row, outcome)


def _lock_unsettled(row: Payment | Refund, statuses: list[PaymentStatus]) -> None:
    invoices = Invoice.objects.select_for_update()
    invoices.get(pk=row.invoice_id if isinstance(row, Payment) else row.payment.invoice_id)
    now = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if now.status not in statuses:
        raise NotIssuable(f"{row} is not of unknown result but: {now.get_status_display()}.")


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
    apply(payment, _result(payment, _details_of(payment)))
    return True


def _details_of(payment: Payment) -> BillingDetails:
    with system("the payment names its business"):
        return BillingDetails.of(payment.business)


def _claim() -> Payment | None:
    """Take one payment; it is marked unknown and committed before the network is asked, so a crash
    leaves that.
    """
    look = Q(
        status__in=[PaymentStatus.UNKNOWN, PaymentStatus.PENDING],
        asked_at__lt=timezone.now() - LOOK_AGAIN,
    )
    with system("payments of every business"):
        payment = (
            Payment.objects.select_for_update(skip_locked=True, of=("self",))
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
    if timezone.now() - payment.created_at < KEY_LIVES:
        return stripe_gateway.charge(payment, details)
    return Outcome(PaymentStatus.FAILED, failure="The network has no trace of this payment.")


def _refund_one() -> bool:
    due = Refund.objects.filter(
        Q(status=PaymentStatus.OPEN) | _due_again(), payment__method=PaymentMethod.STRIPE
    )
    with system("refunds of every business"):
        refund = (
            due.select_for_update(skip_locked=True, of=("self",))
            .select_related("payment")
            .order_by("id")
            .first()
        )
        if refund is None:
            return False
        Refund.objects.filter(pk=refund.pk).update(
            status=PaymentStatus.UNKNOWN, settled_at=timezone.now()
        )
    outcome = stripe_gateway.pay_back(refund)
    with system("refunds of every business"):
        _write(refund, outcome)
    return True


def _write(refund: Refund, outcome: Outcome) -> None:
    Refund.objects.filter(pk=refund.pk).exclude(status=PaymentStatus.SUCCEEDED).update(
        status=outcome.status,
        reference=outcome.reference,
        failure=outcome.failure,
        settled_at=timezone.now(),
    )


def _due_again() -> Q:
    """Refunds of unknown result that may be asked again: a while later, and while their key is
    remembered.
    """
    now = timezone.now()
    return Q(
        status=PaymentStatus.UNKNOWN,
        settled_at__lt=now - LOOK_AGAIN,
        created_at__gt=now - KEY_LIVES,
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
            take_method(event.object_id)
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
        apply(payment, outcome)
    with system("the network does not know businesses"):
        GatewayEvent.objects.filter(pk=event.pk).update(applied_at=F("received_at"))
