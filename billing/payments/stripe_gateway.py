"""Calls to Stripe: charge, look-up, refund, payment methods, webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import stripe
from django.conf import settings

from billing.errors import BillingError, NotConfigured
from billing.models import BillingDetails, Payment, PaymentStatus, Refund
from core.stripe import (
    CAPTURE,
    CHECKOUT,
    UNKNOWN,
    Outcome,
    RefundRequest,
    WebhookEvent,
    ask_for_refund,
    client,
    outcome_of,
    outcome_of_call,
    payment_page,
    stripe_amount,
)
from core.stripe import read_event as read_signed

# The names under which the rest of billing knows the shared ones.
__all__ = ["CHECKOUT", "Outcome", "WebhookEvent"]


# What is asked for with a payment, so that its fee is known.
FEE = "latest_charge.balance_transaction"
# Whose requests the worker makes before it knows for whom.
NOBODY = 0


class Refused(BillingError):
    """The network refused the request or could not be reached."""

    code = "refused"
    status = 402


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method saved by a customer."""

    customer_id: str
    method_id: str
    label: str


def is_configured() -> bool:
    """Whether a Stripe key is set."""
    return bool(settings.STRIPE_API_KEY)


def charge(payment: Payment, details: BillingDetails) -> Outcome:
    """Charge the saved method off-session; repeating the call never charges twice within 24
    hours.
    """
    return _ask(
        payment.business_id,
        lambda api: api.v1.payment_intents.create(
            {
                "amount": stripe_amount(payment.amount_minor, payment.currency),
                "currency": payment.currency.lower(),
                "customer": details.customer_id,
                "payment_method": details.method_id,
                "confirm": True,
                "off_session": True,
                "capture_method": CAPTURE,
                "metadata": {"parley_key": payment.key},
                "expand": [FEE],
            },
            {"idempotency_key": payment.key},
        ),
    )


def look_up(payment: Payment, details: BillingDetails) -> Outcome | None:
    """Result of a payment, by its reference or else by our key; None when the network does not know
    it.
    """
    if payment.reference:
        checkout = payment.reference.startswith(CHECKOUT)
        found = _ask(
            payment.business_id,
            lambda api: (api.v1.checkout.sessions if checkout else api.v1.payment_intents).retrieve(
                payment.reference, {"expand": [f"payment_intent.{FEE}" if checkout else FEE]}
            ),
        )
        # A response without reference (from another account's key) says nothing of this payment.
        return found if found.reference else UNKNOWN
    try:
        api = _api(payment.business_id).v1
        intents = api.payment_intents.list({"customer": details.customer_id, "limit": 100})
        for intent in intents.auto_paging_iter():
            if _key(intent) == payment.key:
                return outcome_of(intent)
    except stripe.StripeError:
        return UNKNOWN
    return None


def create_payment_page(payment: Payment, details: BillingDetails, back: str) -> Outcome:
    """Create a Stripe page for the invoice, which also saves the card; it returns to `back`."""

    def create(api: stripe.StripeClient) -> Any:
        facts: Any = payment_page(
            key=payment.key,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            name=f"Invoice {payment.invoice}",
            back=back,
        )
        facts["customer"] = details.customer_id
        facts["payment_intent_data"]["setup_future_usage"] = "off_session"
        return api.v1.checkout.sessions.create(facts, {"idempotency_key": payment.key})

    return _ask(details.business_id, create)


def create_customer(details: BillingDetails) -> str:
    """Id of the business's customer at Stripe, created once."""
    facts: Any = {"name": details.name, "metadata": {"parley_business": str(details.business_id)}}
    if details.email:
        facts["email"] = details.email
    try:
        return str(
            _api(details.business_id)
            .v1.customers.create(facts, {"idempotency_key": f"customer-{details.business_id}"})
            .id
        )
    except stripe.StripeError as error:
        raise Refused(str(error.user_message or error)[:200]) from error


def attach(details: BillingDetails, method_id: str) -> str:
    """Attach a payment method to the customer; returns its label, such as `visa 4242`; raises
    Refused.
    """
    try:
        method = _api(details.business_id).v1.payment_methods.attach(
            method_id, {"customer": details.customer_id}
        )
    except stripe.StripeError as error:
        raise Refused(str(error.user_message or error)[:200]) from error
    return _label(method)


def create_setup_page(details: BillingDetails, back: str) -> str:
    """URL of a Stripe page that saves a card and returns to `back` with `?session=`; raises
    Refused.
    """
    facts: Any = {
        "mode": "setup",
        "customer": details.customer_id,
        "payment_method_types": ["card"],
        "success_url": f"{back}?session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": back,
        "metadata": {"parley_business": str(details.business_id)},
    }
    try:
        session = _api(details.business_id).v1.checkout.sessions.create(facts)
    except stripe.StripeError as error:
        raise Refused(str(error.user_message or error)[:200]) from error
    return str(session.url)


def saved_method(session_id: str, business_id: int) -> SavedMethod | None:
    """The method saved in a finished setup session; None for any other session.

    Raises Refused when the network cannot be reached.
    """
    try:
        session = _api(business_id).v1.checkout.sessions.retrieve(
            session_id, {"expand": ["setup_intent.payment_method"]}
        )
    except stripe.InvalidRequestError:
        return None
    except stripe.StripeError as error:
        raise Refused(str(error.user_message or error)[:200]) from error
    intent: Any = session.setup_intent
    if session.mode != "setup" or session.status != "complete" or intent is None:
        return None
    return SavedMethod(
        str(session.customer), str(intent.payment_method.id), _label(intent.payment_method)
    )


def detach(method_id: str, business_id: int) -> None:
    """Detach a payment method; one that the network does not know is ignored. Raises Refused."""
    try:
        _api(business_id).v1.payment_methods.detach(method_id)
    except stripe.InvalidRequestError:
        return
    except stripe.StripeError as error:
        raise Refused(str(error.user_message or error)[:200]) from error


def _label(method: Any) -> str:
    return f"{method.card.brand} {method.card.last4}" if method.card else str(method.type)


def send_refund(refund: Refund) -> Outcome | None:
    """Send a refund, or look up one that was sent; see `core.stripe.ask_for_refund`."""
    request = RefundRequest(
        paid=refund.paid_reference,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        key=refund.key,
        reference=refund.reference,
        is_new=refund.status == PaymentStatus.OPEN,
        created_at=refund.created_at,
    )
    return ask_for_refund(_api(refund.business_id), request)


def read_event(body: bytes, signature: str) -> WebhookEvent:
    """Verify a webhook's signature over its raw bytes and parse it; raises BadSignature."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise NotConfigured
    return read_signed(body, signature, settings.STRIPE_WEBHOOK_SECRET)


def look_up_intent(intent_id: str) -> tuple[str, Outcome]:
    """Our key in a payment intent's metadata, and its outcome.

    The key is empty for an intent that is none of ours; raises Refused when the network cannot be
    reached.
    """
    try:
        intent = _api(NOBODY).v1.payment_intents.retrieve(intent_id, {"expand": [FEE]})
    except stripe.InvalidRequestError:
        return "", UNKNOWN
    except stripe.StripeError as error:
        raise Refused(str(error.user_message or error)[:200]) from error
    return _key(intent), outcome_of(intent)


def _key(intent: Any) -> str:
    metadata: Any = intent.metadata.to_dict() if intent.metadata else {}
    return str(metadata.get("parley_key", ""))


def _api(business_id: int) -> stripe.StripeClient:
    if not is_configured():
        raise NotConfigured
    return client(settings.STRIPE_API_KEY, business_id)


def _ask(business_id: int, call: Callable[[stripe.StripeClient], Any]) -> Outcome:
    return outcome_of_call(lambda: call(_api(business_id)))
