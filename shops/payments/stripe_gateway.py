"""The seller's own Stripe account: a page where one order is paid, how it ended, and money back."""

from typing import Any

import stripe

from core.stripe import UNKNOWN, Outcome, Told, ask, client, read_event
from shops.errors import ShopError
from shops.models import BuyerPayment, BuyerRefund, Catalog


class NoKey(ShopError):
    """The seller has not said how cards are paid."""

    code = "no_key"
    message = "The shop has no key of a payment network."


def _api(catalog: Catalog) -> stripe.StripeClient:
    if not catalog.stripe_key:
        raise NoKey
    return client(str(catalog.stripe_key))


def payment_page(payment: BuyerPayment, catalog: Catalog, *, name: str, back: str) -> Outcome:
    """A page of Stripe's where the order is paid, and the buyer's bank asked; `back` is where it returns to."""
    facts: Any = {
        "mode": "payment",
        "success_url": back,
        "cancel_url": back,
        "client_reference_id": payment.key,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": payment.currency.lower(),
                    "unit_amount": payment.amount_minor,
                    "product_data": {"name": name},
                },
            }
        ],
        "payment_intent_data": {"metadata": {"parley_key": payment.key}},
    }
    return ask(
        lambda: _api(catalog).v1.checkout.sessions.create(facts, {"idempotency_key": payment.key})
    )


def look_up(payment: BuyerPayment, catalog: Catalog) -> Outcome:
    """What became of a payment."""
    return ask(lambda: _api(catalog).v1.checkout.sessions.retrieve(payment.reference))


def close(payment: BuyerPayment, catalog: Catalog) -> Outcome:
    """Close the page of a payment, so that it takes no money any more; what it says of the payment then."""
    closed = ask(lambda: _api(catalog).v1.checkout.sessions.expire(payment.reference))
    # Refused where it was paid a moment before: then that is the outcome.
    return look_up(payment, catalog) if closed.status == "failed" else closed


def pay_back(refund: BuyerRefund, catalog: Catalog) -> Outcome:
    """Send money back; asking again with the same refund never pays back twice within 24 hours."""
    try:
        session = _api(catalog).v1.checkout.sessions.retrieve(refund.payment.reference)
    except stripe.StripeError:
        return UNKNOWN
    facts: Any = {
        "payment_intent": str(session.payment_intent),
        "amount": refund.amount_minor,
        "metadata": {"parley_key": refund.key},
    }
    return ask(lambda: _api(catalog).v1.refunds.create(facts, {"idempotency_key": refund.key}))


def heard(body: bytes, signature: str, catalog: Catalog) -> Told:
    """What a webhook of the seller's account says; raises NoKey, or BadSignature."""
    if not catalog.stripe_webhook_secret:
        raise NoKey
    return read_event(body, signature, str(catalog.stripe_webhook_secret))
