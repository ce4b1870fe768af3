"""Stripe, as every app that takes money speaks to it: one call with its outcome in our words, and signed webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import stripe
from django.conf import settings

from core.errors import ParleyError

TIMEOUT = 20.0
CHECKOUT = "cs_"
# The network's words -> ours, which the payment statuses of all apps share.
_STATUS = {
    "succeeded": "succeeded",
    "processing": "pending",
    "pending": "pending",
    "requires_action": "pending",
    "requires_confirmation": "pending",
    "requires_payment_method": "failed",
    "failed": "failed",
    "canceled": "cancelled",
}


class BadSignature(ParleyError):
    """The webhook was not signed with our secret."""

    code = "bad_signature"
    status = 400
    message = "The signature does not fit the body."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the network says of a payment or a refund; `unknown` when it could not be heard."""

    status: str
    reference: str = ""
    failure: str = ""
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook: the event's id, its kind, and the object to fetch."""

    event_id: str
    kind: str
    object_id: str


UNKNOWN = Outcome("unknown")


def client(key: str) -> stripe.StripeClient:
    """A client with that secret key."""
    # No retries of the library's own: a result that was not heard is written down as unknown first.
    bases: Any = (
        {"base_addresses": {"api": settings.STRIPE_API_BASE}} if settings.STRIPE_API_BASE else {}
    )
    http = stripe.RequestsClient(timeout=TIMEOUT)
    return stripe.StripeClient(key, max_network_retries=0, http_client=http, **bases)


def ask(call: Callable[[], Any]) -> Outcome:
    """The outcome of a call that answers with a payment intent, a refund or a checkout session."""
    try:
        return outcome_of(call())
    except stripe.CardError as error:
        body: dict[str, Any] = error.json_body or {}  # type: ignore[assignment]
        intent = body.get("error", {}).get("payment_intent", {})
        reference = intent.get("id", "") if isinstance(intent, dict) else ""
        return Outcome("failed", reference, str(error.user_message or error)[:200])
    except stripe.InvalidRequestError as error:
        return Outcome("failed", failure=str(error.user_message or error)[:200])
    except stripe.StripeError:
        # A key that was revoked says nothing of the payment either: it waits until somebody has mended that.
        return UNKNOWN


def outcome_of(thing: Any) -> Outcome:
    """A payment intent, a refund or a checkout session in our words."""
    if str(thing.id).startswith(CHECKOUT):
        return _of_session(thing)
    failure = getattr(thing, "last_payment_error", None)
    action = getattr(thing, "next_action", None)
    redirect = getattr(action, "redirect_to_url", None) if action else None
    return Outcome(
        _STATUS.get(thing.status, "unknown"),
        str(thing.id),
        str(getattr(failure, "message", "") or "")[:200] if failure else "",
        str(getattr(redirect, "url", "") or "") if redirect else "",
    )


def _of_session(session: Any) -> Outcome:
    if session.payment_status == "paid":
        status = "succeeded"
    else:
        status = "cancelled" if session.status == "expired" else "pending"
    return Outcome(status, str(session.id), next_url=str(getattr(session, "url", "") or ""))


def read_event(body: bytes, signature: str, secret: str) -> Told:
    """Check a webhook's signature over its raw bytes and say what it is about; raises BadSignature."""
    try:
        event = stripe.Webhook.construct_event(body, signature, secret)
        return Told(event.id, event.type, str(event.data.object["id"]))
    except (ValueError, KeyError, AttributeError, stripe.SignatureVerificationError):
        raise BadSignature from None
