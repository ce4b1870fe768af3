"""Calls to the seller's own Stripe account: payment page, status, refund, webhook."""

from typing import Any

import stripe

from core.stripe import (
    Outcome,
    RefundRequest,
    WebhookEvent,
    ask_for_refund,
    client,
    outcome_of_call,
    payment_page,
    read_event,
)
from shops.errors import ShopError
from shops.models import BuyerPayment, BuyerRefund, Catalog, PaymentStatus


class NoKey(ShopError):
    """The shop has no key of a payment network."""

    code = "no_key"
    message = "The shop has no key of a payment network."


def _api(catalog: Catalog) -> stripe.StripeClient:
    if not catalog.stripe_key:
        raise NoKey
    return client(str(catalog.stripe_key), catalog.business_id)


def create_payment_page(
    payment: BuyerPayment, catalog: Catalog, *, name: str, back: str
) -> Outcome:
    """Create a Stripe page for the order; it returns to `back`."""

    def create() -> Any:
        facts: Any = payment_page(
            key=payment.key,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            name=name,
            back=back,
        )
        return _api(catalog).v1.checkout.sessions.create(facts, {"idempotency_key": payment.key})

    return outcome_of_call(create)


def look_up(payment: BuyerPayment, catalog: Catalog) -> Outcome:
    """Status of a payment."""
    return outcome_of_call(lambda: _api(catalog).v1.checkout.sessions.retrieve(payment.reference))


def close_payment_page(payment: BuyerPayment, catalog: Catalog) -> Outcome:
    """Close a payment's page so that it takes no money; returns the payment's status then."""
    closed = outcome_of_call(lambda: _api(catalog).v1.checkout.sessions.expire(payment.reference))
    # Closing fails when the page was paid just before; then that is the result.
    return look_up(payment, catalog) if closed.status == "failed" else closed


def send_refund(refund: BuyerRefund, catalog: Catalog) -> Outcome | None:
    """Send a refund, or look up one that was sent; see `core.stripe.ask_for_refund`."""
    request = RefundRequest(
        paid=refund.payment.reference,
        amount_minor=refund.amount_minor,
        currency=refund.payment.currency,
        key=refund.key,
        reference=refund.reference,
        is_new=refund.status == PaymentStatus.OPEN,
        created_at=refund.created_at,
    )
    return ask_for_refund(_api(catalog), request)


def read_webhook(body: bytes, signature: str, catalog: Catalog) -> WebhookEvent:
    """Verify and parse a webhook of the seller's account; raises NoKey or BadSignature."""
    if not catalog.stripe_webhook_secret:
        raise NoKey
    return read_event(body, signature, str(catalog.stripe_webhook_secret))
