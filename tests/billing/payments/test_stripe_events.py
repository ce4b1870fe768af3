"""Webhooks of Stripe, and refunds that it confirms later."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.invoices import credit_notes
from billing.models import (
    CreditUse,
    GatewayEvent,
    Refund,
)
from billing.payments import stripe_collection
from core.tenancy import system
from tests.billing.payments.test_pages import member, saved
from tests.billing.payments.test_stripe_collection import (
    event,
    later,
    owing,
    signed,
    state,
    stripe,
)
from tests.billing.payments.test_stripe_gateway import BROKEN, charged, refunds

# Fixtures.
__all__ = ["stripe"]


def post(body: bytes) -> int:
    answer = Client().post(
        "/webhooks/stripe/", body, content_type="application/json", headers=signed(body)
    )
    return answer.status_code


def waiting() -> list[str]:
    with system("test"):
        rows = GatewayEvent.objects.filter(applied_at=None).order_by("id")
        return list(rows.values_list("event_id", flat=True))


def test_without_a_secret_no_webhook_is_accepted(db: None, stripe: Any, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert post(event(1, "pi_1")) == 409
    with system("test"):
        assert not GatewayEvent.objects.exists()


def test_events_wait_while_the_network_is_away_and_unknown_ones_are_closed(
    db: None, stripe: Any
) -> None:
    business, invoice = owing()
    member(business).post(reverse("change_method"))
    session = stripe.finish_setup("visa", "4242")
    stripe_collection.start_charge(invoice=invoice)
    stripe.lose = 1
    stripe_collection.collect_due()
    intent = next(
        thing["id"] for thing in stripe.things.values() if thing["object"] == "payment_intent"
    )
    assert post(event(1, session, "checkout.session.completed")) == post(event(2, intent)) == 200
    assert (
        post(event(3, "pi_of_another_shop")) == post(event(4, "cus_7", "customer.updated")) == 200
    )
    stripe.fault = BROKEN
    stripe_collection.collect_due()
    assert (waiting(), saved()) == (["evt_1", "evt_2", "evt_3"], ("pm_1", ""))
    stripe.fault = None
    later()
    stripe_collection.collect_due()
    assert (waiting(), saved()) == ([], ("pm_4242", "visa 4242"))
    assert (state(invoice), stripe.charges) == (("paid", [("succeeded", 4900)]), [4900])
    # Told again after it was applied: it is known, and nothing is to be done.
    assert post(event(2, intent)) == 200
    assert (stripe_collection.collect_due(), waiting()) == (0, [])


def test_an_event_about_a_known_payment_waits_for_its_look_up(db: None, stripe: Any) -> None:
    _, invoice = owing()
    stripe_collection.pay_by_link(invoice=invoice, back="/")
    (session,) = (
        thing for thing in stripe.things.values() if thing["object"] == "checkout.session"
    )
    session |= {"status": "complete", "payment_status": "paid"}
    post(event(1, session["id"], "checkout.session.async_payment_succeeded"))
    stripe.fault = BROKEN
    stripe_collection.collect_due()
    assert (state(invoice), waiting()) == (("open", [("pending", 4900)]), ["evt_1"])
    stripe.fault = None
    later()
    stripe_collection.collect_due()
    assert (state(invoice), waiting()) == (("paid", [("succeeded", 4900)]), [])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            b'{"id": "evt_1", "object": "event", "type": "balance.available",'
            b' "data": {"object": {"object": "balance", "available": []}}}',
            "balance.available",
        ),
        (
            b'{"id": "evt_1", "object": "v2.core.event", "type": "v2.core.account.closed",'
            b' "related_object": {"id": "acct_1"}}',
            "v2.core.account.closed",
        ),
    ],
)
def test_events_of_unknown_kinds_and_shapes_are_kept_and_change_nothing(
    db: None, stripe: Any, body: bytes, kind: str
) -> None:
    _, invoice = owing()
    post = Client().post
    answer = post("/webhooks/stripe/", body, "application/json", headers=signed(body, "whsec_no"))
    assert answer.status_code == 400
    with system("test"):
        assert not GatewayEvent.objects.exists()
    for _time in range(2):
        answer = post("/webhooks/stripe/", body, "application/json", headers=signed(body))
        assert answer.status_code == 200
    stripe_collection.collect_due()
    with system("test"):
        (kept,) = GatewayEvent.objects.all()
    assert (kept.event_id, kept.kind, kept.applied_at is not None) == ("evt_1", kind, True)
    assert state(invoice) == ("open", [])


def test_a_page_whose_request_died_is_ended_and_charges_nobody(db: None, stripe: Any) -> None:
    _, invoice = owing()
    payment = stripe_collection._page_attempt(invoice)
    assert stripe_collection.collect_due() == 0
    assert (state(invoice), payment.reference) == (("open", [("pending", 4900)]), "")
    later()
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("open", [("cancelled", 4900)]), [])


def test_a_refund_of_what_was_paid_on_a_page_names_the_payment_itself(
    db: None, stripe: Any
) -> None:
    _, invoice = owing()
    stripe_collection.pay_by_link(invoice=invoice, back="/")
    stripe.finish_payment()
    stripe_collection.refresh_attempt(invoice=invoice)
    credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 700}, use=CreditUse.REFUND)
    stripe_collection.collect_due()
    (sent,) = (thing for thing in stripe.things.values() if thing["object"] == "refund")
    assert (sent["payment_intent"], sent["amount"]) == ("pi_of_cs_1", 700)
    assert refunds() == [("succeeded", 700)]


def test_a_refund_that_its_bank_confirms_later_is_looked_up_and_sent_once(
    db: None, stripe: Any
) -> None:
    _, invoice = owing()
    charged(invoice, stripe)
    credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 700}, use=CreditUse.REFUND)
    stripe.refund_status = "pending"
    stripe_collection.collect_due()
    assert refunds() == [("pending", 700)]
    # Two days later the idempotency key is forgotten: only its own id names it.
    stripe.replies.clear()
    with system("test"):
        Refund.objects.update(created_at=timezone.now() - timedelta(days=2))
    later()
    stripe_collection.collect_due()
    (sent,) = (thing for thing in stripe.things.values() if thing["object"] == "refund")
    assert refunds() == [("pending", 700)]
    sent["status"] = "succeeded"
    later()
    stripe_collection.collect_due()
    assert refunds() == [("succeeded", 700)]
    assert len([one for one in stripe.things.values() if one["object"] == "refund"]) == 1
