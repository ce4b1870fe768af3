"""Stripe: amounts as it counts them, calls with their outcome as our statuses, signed webhooks."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, cast

import stripe
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core import money, outbound
from core.errors import ParleyError
from core.queue import Again, Backoff, Failed, GaveUp
from core.queue import Outcome as RowOutcome

TIMEOUT = 20.0
# Decimals of amounts in the API, from the table at docs.stripe.com/currencies (read December 2026);
# every other currency has two. Other standards differ: ISK and UGX have no decimals but are sent
# with two, which must be 00, and HUF and TWD lose theirs in payouts only.
ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"}
    | {"VND", "VUV", "XAF", "XOF", "XPF"}
)
# Their last decimal must be 0, because card networks take two.
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
WHOLE_UNITS_ONLY = frozenset({"ISK", "UGX"})
LONGEST_ID, LONGEST_KIND = 120, 80
CHECKOUT = "cs_"
# How payments are captured. The default since 2024, "automatic_async", answers before Stripe's fee
# is known, which would then be booked by nobody.
CAPTURE = "automatic"
# Stripe remembers an idempotency key for 24 hours; later, repeating a request is not safe.
KEY_LIFETIME = timedelta(hours=23)
# Of queues that call Stripe: the last attempt is after four hours, while it still knows the key.
BACKOFF = Backoff(first=60, factor=6, longest=3 * 3600)
NO_ANSWER = "Stripe gave no answer."
# A refund that its bank has not confirmed is looked up so often (seconds).
REFUND_LOOK_UP = 3600
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


class AmountRefused(ParleyError):
    """Stripe has no way to say this amount."""

    code = "amount_refused"
    status = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of a payment or refund; `unknown` where Stripe gave no answer.

    `fee_amount` is what Stripe kept of a payment, as Stripe counts it, in `fee_currency`; 0 where
    its balance transaction does not say, or not yet.
    """

    status: str
    reference: str = ""
    failure: str = ""
    next_url: str = ""
    fee_amount: int = 0
    fee_currency: str = ""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook: id and type of the event, and the id of its object, each empty where it has none.

    An event without an id has one made of the digest of its body.
    """

    event_id: str
    kind: str
    object_id: str


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund as Stripe is asked for it, in our minor units.

    `paid` is the payment's id at Stripe (an intent or a checkout session), `reference` the refund's
    own once it has one; `is_new` says that it was never sent.
    """

    paid: str
    amount_minor: int
    currency: str
    key: str
    reference: str
    is_new: bool
    created_at: datetime


UNKNOWN = Outcome("unknown")


def stripe_amount(minor: int, currency: str) -> int:
    """An amount in our minor units as Stripe counts it: 1200 ISK are 120000.

    Raises AmountRefused for one that Stripe cannot charge or refund, such as 5.124 KWD.
    """
    decimals = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    exact = money.minor_amount(minor, currency).scaleb(decimals)
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS_ONLY else 1
    if exact % step:
        raise AmountRefused(
            f"Stripe takes {currency} in steps of {Decimal(step).scaleb(-decimals)}, "
            f"not {money.minor_amount(minor, currency):f}."
        )
    return int(exact)


def minor_of_stripe(amount: int, currency: str) -> int:
    """An amount as Stripe counts it in our minor units, halves to even: 120000 ISK are 1200."""
    decimals = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    exact = Decimal(amount).scaleb(money.exponent(currency) - decimals)
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def payment_page(
    *, key: str, amount_minor: int, currency: str, name: str, back: str
) -> dict[str, Any]:
    """Parameters of a checkout session that takes one amount (our minor units) for `name`.

    It returns to `back`; `key` is found again in the payment's metadata. Raises AmountRefused.
    """
    return {
        "mode": "payment",
        "success_url": back,
        "cancel_url": back,
        "client_reference_id": key,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(),
                    "unit_amount": stripe_amount(amount_minor, currency),
                    "product_data": {"name": name},
                },
            }
        ],
        "payment_intent_data": {"metadata": {"parley_key": key}, "capture_method": CAPTURE},
    }


class _Client(stripe.RequestsClient):
    """Requests in a slot of a business, within the time that a web request has for them."""

    def __init__(self, business_id: int) -> None:
        super().__init__(timeout=TIMEOUT)
        self.business_id = business_id

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request; TooManyOutbound where the business has no slot."""
        with outbound.slot(self.business_id):
            seconds = max(outbound.limited(TIMEOUT), 0.01)
            # To connect, and to be answered: both together are not longer.
            self._timeout = (seconds / 4, seconds * 3 / 4)
            return super().request(*args, **kwargs)


def client(key: str, business_id: int) -> stripe.StripeClient:
    """A client with this secret key, for requests of a business; it does not retry."""
    # The library must not retry: an unknown result is stored as unknown first.
    bases: Any = (
        {"base_addresses": {"api": settings.STRIPE_API_BASE}} if settings.STRIPE_API_BASE else {}
    )
    http = _Client(business_id)
    return stripe.StripeClient(key, max_network_retries=0, http_client=http, **bases)


def outcome_of_call(call: Callable[[], Any]) -> Outcome:
    """Run a call that returns a payment intent, a refund or a checkout session.

    Returns its outcome: `failed` where Stripe refuses or cannot take the amount, `unknown` for
    every other error.
    """
    try:
        return outcome_of(call())
    except AmountRefused as error:
        return Outcome("failed", failure=error.message[:200])
    except stripe.CardError as error:
        body = cast(dict[str, Any], error.json_body or {})
        intent = body.get("error", {}).get("payment_intent", {})
        reference = intent.get("id", "") if isinstance(intent, dict) else ""
        return Outcome("failed", reference, str(error.user_message or error)[:200])
    except stripe.InvalidRequestError as error:
        return Outcome("failed", failure=str(error.user_message or error)[:200])
    except (stripe.StripeError, outbound.TooManyOutbound):
        # Includes a revoked key, which says nothing about the payment: it stays unknown until the
        # key is replaced.
        return UNKNOWN


def ask_for_refund(api: stripe.StripeClient, refund: RefundRequest) -> Outcome | None:
    """Send a refund, or look up one that Stripe has named; never refunds twice.

    None: it was sent once without an answer, and Stripe may have forgotten its key.
    """
    if refund.reference:
        found = outcome_of_call(lambda: api.v1.refunds.retrieve(refund.reference))
        # An answer without a reference (from another account's key) says nothing of this refund.
        return found if found.reference else UNKNOWN
    if not refund.is_new and timezone.now() - refund.created_at > KEY_LIFETIME:
        return None
    try:
        intent = _intent_of(api, refund.paid)
    except (stripe.StripeError, outbound.TooManyOutbound):
        return UNKNOWN

    def create() -> Any:
        facts: Any = {
            "payment_intent": intent,
            "amount": stripe_amount(refund.amount_minor, refund.currency),
            "metadata": {"parley_key": refund.key},
        }
        return api.v1.refunds.create(facts, {"idempotency_key": refund.key})

    return outcome_of_call(create)


def _intent_of(api: stripe.StripeClient, paid: str) -> str:
    """The payment intent of a payment, which a checkout session names."""
    if not paid.startswith(CHECKOUT):
        return paid
    return str(api.v1.checkout.sessions.retrieve(paid).payment_intent)


def refund_row_outcome(outcome: Outcome | None) -> RowOutcome:
    """What becomes of the queue's row of a refund with this outcome."""
    if outcome is None:
        return GaveUp(
            "It may have been sent, and Stripe no longer knows its key: look it up there."
        )
    if outcome.status == "pending":
        return Again(REFUND_LOOK_UP)
    return Failed(NO_ANSWER) if outcome.status == "unknown" else None


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
        *_fee_of(thing),
    )


def _fee_of(intent: Any) -> tuple[int, str]:
    """Fee and its currency by the balance transaction of an intent's charge, where both are
    expanded.
    """
    charge = getattr(intent, "latest_charge", None)
    moved = getattr(charge, "balance_transaction", None)
    fee, currency = getattr(moved, "fee", None), getattr(moved, "currency", None)
    if not isinstance(fee, int) or not isinstance(currency, str):
        return 0, ""
    return fee, currency.upper()


def _of_session(session: Any) -> Outcome:
    if session.payment_status == "paid":
        status = "succeeded"
    else:
        status = "cancelled" if session.status == "expired" else "pending"
    fee, currency = _fee_of(getattr(session, "payment_intent", None))
    return Outcome(
        status,
        str(session.id),
        next_url=str(getattr(session, "url", "") or ""),
        fee_amount=fee,
        fee_currency=currency,
    )


def read_event(body: bytes, signature: str, secret: str) -> WebhookEvent:
    """Verify a webhook's signature over its raw bytes and parse it; raises BadSignature.

    Once the signature is right, every body is an event: also one of a kind that came after this
    code, one whose object has no id (`balance.available`), and the thin events of API v2.
    """
    try:
        stripe.WebhookSignature.verify_header(
            body, signature, secret, stripe.Webhook.DEFAULT_TOLERANCE
        )
    except (TypeError, ValueError, stripe.SignatureVerificationError):
        raise BadSignature from None
    event = _json_object(body)
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    event_id = _text(event, "id", LONGEST_ID) or f"body-{hashlib.sha256(body).hexdigest()}"
    object_id = _text(thing, "id", LONGEST_ID) or _text(
        event.get("related_object"), "id", LONGEST_ID
    )
    return WebhookEvent(event_id, _text(event, "type", LONGEST_KIND), object_id)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _text(thing: Any, name: str, longest: int) -> str:
    """A text of a JSON object that the database can store; empty for everything else."""
    value = thing.get(name) if isinstance(thing, dict) else None
    if not isinstance(value, str) or len(value) > longest:
        return ""
    return value.encode(errors="ignore").decode().replace("\0", "")


def payment_redirect(request: HttpRequest, url: str, title: str) -> HttpResponse:
    """The page that leads to the payment network's page at `url`; `title` says what for.

    A page, not a redirect: the content policy's `form-action 'self'` also holds for redirects that
    answer a form, so a browser would stop there.
    """
    return render(request, "components/payment_redirect.html", {"url": url, "title": title})
