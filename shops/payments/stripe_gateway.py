"""Calls to the seller's own Stripe account: payment page, status, refund, webhook."""

from typing import Any

import stripe

from core.stripe import (
    UNKNOWN,
    Outcome,
    WebhookEvent,
    client,
    outcome_of_call,
    payment_page,
    read_event,
    stripe_amount,
)
from shops.errors import ShopError
from shops.models import BuyerPayment, BuyerRefund, Catalog


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


def send_refund(refund: BuyerRefund, catalog: Catalog) -> Outcome:
    """Send a refund; repeating the call never refunds twice within 24 hours."""
    try:
        session = _api(catalog).v1.checkout.sessions.retrieve(refund.payment.reference)
    except stripe.StripeError:
        return UNKNOWN

    def create() -> Any:
        facts: Any = {
            "payment_intent": str(session.payment_intent),
            "amount": stripe_amount(refund.amount_minor, refund.payment.currency),
            "metadata": {"parley_key": refund.key},
        }
        return _api(catalog).v1.refunds.create(facts, {"idempotency_key": refund.key})

    return outcome_of_call(create)


def read_webhook(body: bytes, signature: str, catalog: Catalog) -> WebhookEvent:
    """Verify and parse a webhook of the seller's account; raises NoKey or BadSignature."""
    if not catalog.stripe_webhook_secret:
        raise NoKey
    return read_event(body, signature, str(catalog.stripe_webhook_secret))
