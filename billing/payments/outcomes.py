"""Outcomes of payments and refunds, from the network or from an operator; each is applied once."""

from django.utils import timezone

from billing import emails
from billing.errors import WrongStatus
from billing.journal import post
from billing.models import (
    CashReceipt,
    Invoice,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
)
from billing.models.payments import LIVE
from billing.payments import settlement
from billing.payments.stripe_gateway import Outcome
from core import stripe
from core.tenancy import system


def apply_outcome(payment: Payment, outcome: Outcome) -> None:
    """Store the result of a payment; results may repeat and come in any order, success is final."""
    with system("outcomes come without a tenant"):
        # Lock order everywhere: payment before invoice, as a worker has the payment locked.
        now = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
        if now.status == PaymentStatus.SUCCEEDED:
            return
        invoice = Invoice.objects.select_for_update().get(pk=payment.invoice_id)
        settled = outcome.status not in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN)
        was_live = now.status in LIVE
        if not settled and not was_live:
            return
        now.status = outcome.status
        now.reference = outcome.reference or now.reference
        now.failure = outcome.failure
        now.next_url = "" if settled else outcome.next_url or now.next_url
        now.settled_at = timezone.now() if settled else None
        if now.status == PaymentStatus.SUCCEEDED:
            _receive(now, invoice, outcome)
        now.save()
        if now.allocated_minor:
            post.payment_allocated(now, post.day_of(invoice))
        if outcome.status == PaymentStatus.FAILED and was_live:
            emails.queue_invoice_email(
                invoice,
                "payment_failed",
                step=now.attempt,
                failure=outcome.failure,
            )
        settlement.settle(invoice)


def _receive(payment: Payment, invoice: Invoice, outcome: Outcome) -> None:
    """The money of a successful payment: what the locked invoice still owes is paid, the rest is
    the customer's and not allocated. What the network kept of it is its fee.
    """
    payment.receipt = CashReceipt.objects.create(
        business_id=payment.business_id,
        method=payment.method,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        fee_minor=_fee_of(payment, outcome),
        value_date=post.day_of(invoice),
        reference=payment.reference,
        key=payment.key,
    )
    payment.allocated_minor = max(min(payment.amount_minor, invoice.due_now()), 0)
    post.receipt_recorded(payment.receipt)


def _fee_of(payment: Payment, outcome: Outcome) -> int:
    """The network's fee in minor units of the payment's currency; 0 where it is not known, or where
    the network settles in another currency.
    """
    if outcome.fee_currency != payment.currency:
        return 0
    fee = stripe.minor_of_stripe(outcome.fee_amount, payment.currency)
    return min(max(fee, 0), payment.amount_minor)


def apply_refund_outcome(refund: Refund, outcome: Outcome) -> None:
    """Store the result of a refund and post it once it succeeded; success is final.

    Call across businesses.
    """
    settled = outcome.status not in LIVE
    stored = (
        Refund.objects.filter(pk=refund.pk)
        .exclude(status=PaymentStatus.SUCCEEDED)
        .update(
            status=outcome.status,
            reference=outcome.reference or refund.reference,
            failure=outcome.failure,
            settled_at=timezone.now() if settled else None,
        )
    )
    if stored and outcome.status == PaymentStatus.SUCCEEDED:
        refund.refresh_from_db()
        post.refund_sent(refund, post.day_of(refund))


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
            _lock_unsettled(row)
            apply_outcome(row, outcome)
            return
        _lock_unsettled(row)
        apply_refund_outcome(row, outcome)


def may_settle(row: Payment | Refund) -> bool:
    """Whether `settle_manually` would take an operator's finding about it."""
    if isinstance(row, Payment):
        return row.status == PaymentStatus.UNKNOWN
    is_by_bank = row.method != PaymentMethod.STRIPE
    return row.status in (PaymentStatus.UNKNOWN, PaymentStatus.FAILED) or (
        is_by_bank and row.status == PaymentStatus.OPEN
    )


def _lock_unsettled(row: Payment | Refund) -> None:
    now = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
    if not may_settle(now):
        raise WrongStatus(f"{row} is not of unknown result but: {now.get_status_display()}.")
