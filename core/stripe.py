"""Stripe: calls with their outcome as our statuses, and signed webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import stripe
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.errors import ParleyError

TIMEOUT = 20.0
CHECKOUT = "cs_"
# Stripe's status -> ours, which the payment statuses of all apps share.
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
    """The signature of a webhook does not match."""

    code = "bad_signature"
    status = 400
    message = "The signature does not fit the body."


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of a payment or refund; `unknown` where Stripe gave no answer."""

    status: str
    reference: str = ""
    failure: str = ""
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook: id and type of the event, and the id of its object."""

    event_id: str
    kind: str
    object_id: str


UNKNOWN = Outcome("unknown")


def client(key: str) -> stripe.StripeClient:
    """A client with this secret key; it does not retry."""
    # The library must not retry: an unknown result is stored as unknown first.
    bases: Any = (
        {"base_addresses": {"api": settings.STRIPE_API_BASE}} if settings.STRIPE_API_BASE else {}
    )
    http = stripe.RequestsClient(timeout=TIMEOUT)
    return stripe.StripeClient(key, max_network_retries=0, http_client=http, **bases)


def outcome_of_call(call: Callable[[], Any]) -> Outcome:
    """Run a call that returns a payment intent, a refund or a checkout session.

    Returns its outcome: `failed` where Stripe refuses, `unknown` for every other error.
    """
    try:
        return outcome_of(call())
    except stripe.CardError as error:
        body = cast(dict[str, Any], error.json_body or {})
        intent = body.get("error", {}).get("payment_intent", {})
        reference = intent.get("id", "") if isinstance(intent, dict) else ""
        return Outcome("failed", reference, str(error.user_message or error)[:200])
    except stripe.InvalidRequestError as error:
        return Outcome("failed", failure=str(error.user_message or error)[:200])
    except stripe.StripeError:
        # Includes a revoked key, which says nothing about the payment: it stays unknown until the
        # key is replaced.
        return UNKNOWN


def outcome_of(thing: Any) -> Outcome:
    """The outcome of a payment intent, a refund or a checkout session."""
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


def read_event(body: bytes, signature: str, secret: str) -> WebhookEvent:
    """Verify a webhook's signature over its raw bytes and parse it; raises BadSignature."""
    try:
        event = stripe.Webhook.construct_event(body, signature, secret)
        return WebhookEvent(event.id, event.type, str(event.data.object["id"]))
    except (ValueError, KeyError, AttributeError, stripe.SignatureVerificationError):
        raise BadSignature from None


def payment_redirect(request: HttpRequest, url: str, title: str) -> HttpResponse:
    """The page that leads to the payment network's page at `url`; `title` says what for.

    A page, not a redirect: the content policy's `form-action 'self'` also holds for redirects that
    answer a form, so a browser would stop there.
    """
    return render(request, "components/payment_redirect.html", {"url": url, "title": title})
