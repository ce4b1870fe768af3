"""Stripe: amounts by its own table of currencies, and webhooks of every kind and shape."""

import hashlib
import hmac
import json
import time

import pytest

from core import stripe
from core.stripe import AmountRefused, BadSignature, payment_page, read_event, stripe_amount

SECRET = "whsec_core"


@pytest.mark.parametrize(
    ("owed", "currency", "sent"),
    [
        # Two decimals: $49.00, 12.34 forints, 12.34 Taiwan dollars.
        (4900, "USD", 4900),
        (1234, "HUF", 1234),
        (1234, "TWD", 1234),
        # No decimals here and there: 500 yen.
        (500, "JPY", 500),
        (500, "VND", 500),
        # No decimals here, two there: 1200 crowns, 5 shillings, 700 dinars, 900 leks, 80 kips.
        (1200, "ISK", 120000),
        (5, "UGX", 500),
        (700, "RSD", 70000),
        (900, "ALL", 90000),
        (80, "LAK", 8000),
        # Three decimals, the last of them 0: 5.120 dinars.
        (5120, "KWD", 5120),
        (10, "TND", 10),
        # Three decimals here, two there: 1.500 Libyan dinars.
        (1500, "LYD", 150),
    ],
)
def test_amounts_follow_stripes_own_table(owed: int, currency: str, sent: int) -> None:
    assert stripe_amount(owed, currency) == sent


@pytest.mark.parametrize(
    ("owed", "currency", "words"),
    [
        (5124, "KWD", "Stripe takes KWD in steps of 0.010, not 5.124."),
        (1, "BHD", "Stripe takes BHD in steps of 0.010, not 0.001."),
        (1505, "LYD", "Stripe takes LYD in steps of 0.01, not 1.505."),
    ],
)
def test_an_amount_that_stripe_cannot_say_is_refused(owed: int, currency: str, words: str) -> None:
    with pytest.raises(AmountRefused, match=words):
        stripe_amount(owed, currency)
    called = []

    def call() -> None:
        called.append(payment_page(key="k", amount_minor=owed, currency=currency, name="", back=""))

    assert stripe.outcome_of_call(call) == stripe.Outcome("failed", failure=words)
    assert called == []


def test_a_page_takes_the_amount_as_stripe_counts_it() -> None:
    page = payment_page(
        key="inv-1-attempt-1", amount_minor=1200, currency="ISK", name="Invoice 1", back="https://x"
    )
    assert page["line_items"][0]["price_data"] == {
        "currency": "isk",
        "unit_amount": 120000,
        "product_data": {"name": "Invoice 1"},
    }
    assert page["payment_intent_data"] == {
        "metadata": {"parley_key": "inv-1-attempt-1"},
        "capture_method": "automatic",
    }


def signed(body: bytes, secret: str = SECRET) -> str:
    at = int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


# From a public report: the object of this event has no id.
BALANCE = {
    "id": "evt_1",
    "object": "event",
    "type": "balance.available",
    "api_version": "2019-02-19",
    "created": 1,
    "data": {"object": {"object": "balance", "available": []}},
}
THIN = {
    "id": "evt_test_65",
    "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered",
    "created": "2026-09-17T06:20:52.246Z",
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}


@pytest.mark.parametrize(
    ("given", "event_id", "kind", "object_id"),
    [
        (BALANCE, "evt_1", "balance.available", ""),
        (THIN, "evt_test_65", "v1.billing.meter.error_report_triggered", "mtr_1"),
        ({**BALANCE, "data": None}, "evt_1", "balance.available", ""),
        ({**BALANCE, "data": {"object": "later"}}, "evt_1", "balance.available", ""),
        ({**BALANCE, "data": {"object": {"id": 7}}}, "evt_1", "balance.available", ""),
        ({"id": "evt\x00_2", "type": "\ud800x"}, "evt_2", "x", ""),
        ({"id": "evt_3", "type": "x" * 81}, "evt_3", "", ""),
    ],
)
def test_events_of_every_kind_and_shape_are_read(
    given: dict[str, object], event_id: str, kind: str, object_id: str
) -> None:
    body = json.dumps(given).encode()
    assert read_event(body, signed(body), SECRET) == stripe.WebhookEvent(event_id, kind, object_id)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b"not JSON", b"[" * 100_000, b'{"id": ""}']
)
def test_a_signed_body_without_an_id_is_named_by_its_digest(body: bytes) -> None:
    event = read_event(body, signed(body), SECRET)
    assert event.event_id == f"body-{hashlib.sha256(body).hexdigest()}"
    assert (event.kind, event.object_id) == ("", "")


@pytest.mark.parametrize("header", ["", "t=1", "v1=ab", "t=x,v1=ab", "t=1,v1=é", "of another"])
def test_a_bad_signature_is_refused_whatever_the_event(header: str) -> None:
    # Signed here, not in the list above: the names of tests must not hold the time.
    header = signed(b"other") if header == "of another" else header
    with pytest.raises(BadSignature):
        read_event(json.dumps(BALANCE).encode(), header, SECRET)


def test_a_body_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadSignature):
        read_event(b"\xff\xfe", signed(b"\xff\xfe"), SECRET)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (172, "USD", 172),
        (36, "JPY", 36),
        (120_000, "ISK", 1200),
        (150, "ISK", 2),
        (5120, "KWD", 5120),
    ],
)
def test_amounts_of_stripe_in_our_minor_units(amount: int, currency: str, minor: int) -> None:
    assert stripe.minor_of_stripe(amount, currency) == minor
