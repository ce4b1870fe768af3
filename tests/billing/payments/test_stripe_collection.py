"""Collection: charged once whatever is lost, credited never beyond what is left, dunning on a
schedule.
"""

import hashlib
import hmac
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from billing.errors import NotConfigured, PaymentUnderWay, TooMuch, WrongStatus
from billing.invoices import close, credit_notes
from billing.models import (
    BillingDetails,
    CreditUse,
    GatewayEvent,
    Invoice,
    Payment,
    PaymentStatus,
    Refund,
)
from billing.payments import receipts, saved_methods, settlement, stripe_collection
from core.models import Email
from core.tenancy import scope, system
from tests.billing.fake_stripe import FakeStripe
from tests.billing.invoices.test_close import MAY, shop
from tests.factories import (
    make_member,
)

SECRET = "whsec_test"


@pytest.fixture
def stripe(settings):
    fake = FakeStripe()
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE, settings.STRIPE_WEBHOOK_SECRET = (
        "sk_test_1",
        fake.url,
        SECRET,
    )
    yield fake
    fake.stop()


def owing(**fields):
    """A business with a saved card and an open invoice of $49.00, due on 16 June 2026."""
    business, _ = shop(**fields)
    make_member(business)
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Bakery", country="US", customer_id="cus_1", method_id="pm_1"
        )
    return business, close.close_period(business=business, month=MAY)


def state(invoice):
    with system("test"):
        invoice.refresh_from_db()
        return invoice.status, [
            (payment.status, payment.amount_minor)
            for payment in invoice.payments.order_by("attempt")
        ]


def later(**past):
    """Every payment, refund and event that waits for another attempt is due."""
    with system("test"):
        Payment.objects.update(**past)
        for model in (Payment, Refund, GatewayEvent):
            model.objects.update(not_before=timezone.now() - timedelta(minutes=5))


def test_saved_card_is_charged_and_the_invoice_paid(db, stripe):
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    assert stripe_collection.collect_due() == 1
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    assert stripe.charges == [4900]


def test_answer_lost_after_success_blocks_a_second_charge_until_it_is_looked_up(db, stripe):
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe.lose = 1
    stripe_collection.collect_due()
    assert state(invoice) == ("open", [("unknown", 4900)])
    with pytest.raises(PaymentUnderWay):
        stripe_collection.start_charge(invoice=invoice)
    later()
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    assert stripe.charges == [4900]


def test_request_that_never_arrived_is_asked_again_with_the_same_key(db, stripe):
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe.refuse = 1
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("open", [("unknown", 4900)]), [])
    later()
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("paid", [("succeeded", 4900)]), [4900])


def test_after_a_day_nothing_is_asked_blindly(db, stripe):
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe.refuse = 1
    stripe_collection.collect_due()
    later(created_at=timezone.now() - timedelta(hours=25))
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("open", [("failed", 4900)]), [])


def test_a_declined_card_is_reported_and_another_attempt_possible(db, stripe):
    _, invoice = owing()
    stripe.decline = True
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    assert state(invoice) == ("open", [("failed", 4900)])
    with system("test"):
        assert invoice.payments.get().failure == "Your card was declined."
        assert (
            "Your card was declined."
            in Email.objects.get(kind="payment_failed", key=f"invoice-{invoice.pk}-1").text
        )
    stripe.decline = False
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("failed", 4900), ("succeeded", 4900)])


def test_database_refuses_a_second_live_attempt(db, stripe):
    _, invoice = owing()
    payment = stripe_collection.start_charge(invoice=invoice)
    with system("test"), pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(
            business_id=payment.business_id,
            invoice=invoice,
            attempt=2,
            method="stripe",
            amount_minor=1,
            currency="USD",
            key="other",
        )


def signed(body, secret=SECRET, at=None):
    stamp = int(at or time.time())
    text = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={text}"}


def event(number, object_id, kind="payment_intent.succeeded"):
    return json.dumps(
        {
            "id": f"evt_{number}",
            "object": "event",
            "type": kind,
            "data": {"object": {"id": object_id, "object": "payment_intent"}},
        }
    ).encode()


def test_repeated_and_reordered_webhooks_end_in_the_right_state(db, stripe):
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe.lose = 1
    stripe_collection.collect_due()
    client = Client()
    for number, kind in (
        (2, "payment_intent.succeeded"),
        (1, "payment_intent.payment_failed"),
        (2, "payment_intent.succeeded"),
    ):
        body = event(number, "pi_1", kind)
        response = client.post(
            "/webhooks/stripe/", body, content_type="application/json", headers=signed(body)
        )
        assert response.status_code == 200
    with system("test"):
        assert GatewayEvent.objects.count() == 2
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    with system("test"):
        assert not GatewayEvent.objects.filter(applied_at=None).exists()


def test_wrong_signature_is_refused_and_leaves_nothing(db, stripe):
    body = event(1, "pi_1")
    for headers in (
        {},
        signed(body, "whsec_other"),
        signed(body + b" "),
        signed(body, at=time.time() - 3600),
    ):
        response = Client().post(
            "/webhooks/stripe/", body, content_type="application/json", headers=headers
        )
        assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_signature")
    with system("test"):
        assert not GatewayEvent.objects.exists()


def test_payment_page_is_one_attempt_and_settles(db, stripe):
    _, invoice = owing()
    url = stripe_collection.pay_by_link(invoice=invoice, back="http://testserver/")
    assert (
        stripe_collection.pay_by_link(invoice=invoice, back="http://testserver/")
        == url
        == "https://pay.example/1"
    )
    assert state(invoice) == ("open", [("pending", 4900)])
    (session,) = (
        thing for thing in stripe.things.values() if thing["object"] == "checkout.session"
    )
    session |= {"status": "complete", "payment_status": "paid"}
    later()
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("succeeded", 4900)])


def test_without_a_key_everything_else_works(db, settings):
    settings.STRIPE_API_KEY = ""
    _, invoice = owing()
    with pytest.raises(NotConfigured):
        stripe_collection.pay_by_link(invoice=invoice, back="/")
    assert stripe_collection.collect_due() == 0
    receipts.record_transfer(invoice=invoice, amount_minor=1900, reference="STMT 7 line 3")
    assert state(invoice) == ("open", [("succeeded", 1900)])
    with pytest.raises(TooMuch):
        receipts.record_transfer(invoice=invoice, amount_minor=0, reference="STMT 8")
    with pytest.raises(IntegrityError):
        receipts.record_transfer(invoice=invoice, amount_minor=1900, reference="STMT 7 line 3")
    receipts.record_transfer(invoice=invoice, amount_minor=3001, reference="STMT 9")
    assert state(invoice) == ("paid", [("succeeded", 1900), ("succeeded", 3000)])
    with system("test"):
        assert settlement.unallocated_minor(invoice.business, "USD") == 1
    with pytest.raises(WrongStatus):
        receipts.record_transfer(invoice=invoice, amount_minor=1, reference="STMT 10")


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory):
    """The independent peer, as its own process on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"],
        cwd=tmp_path_factory.mktemp("peer"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))},
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            httpx.get(f"{url}/v1/customers", auth=("sk_test_1", ""))
            break
        except httpx.TransportError:
            time.sleep(0.1)
    yield url
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("4242424242424242", ("paid", "succeeded")),
        ("4000000000000341", ("open", "failed")),
        ("4000002500003155", ("open", "pending")),
    ],
)
def test_independent_peer_success_decline_and_3d_secure(db, settings, localstripe, card, expected):
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = "sk_test_1", localstripe
    business, _ = shop()
    make_member(business)
    invoice = close.close_period(business=business, month=MAY)
    form = {
        "type": "card",
        "card[number]": card,
        "card[exp_month]": 12,
        "card[exp_year]": 30,
        "card[cvc]": "123",
    }
    method = httpx.post(
        f"{localstripe}/v1/payment_methods", data=form, auth=("sk_test_1", "")
    ).json()["id"]
    details = saved_methods.save_method(business=business, method_id=method)
    assert details.method_label == f"visa {card[-4:]}"
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    status, (payment,) = state(invoice)
    assert (status, payment[0]) == expected
    if expected[0] == "paid":
        credit_notes.credit(
            invoice=invoice, reason="Goodwill", amounts={1: 900}, use=CreditUse.REFUND
        )
        stripe_collection.collect_due()
        with system("test"):
            assert Refund.objects.get().status == PaymentStatus.SUCCEEDED
    with scope(business.pk):
        assert Invoice.objects.count() == 1


def test_the_independent_peers_webhook_is_accepted_by_its_signature(db, settings, localstripe):
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE, settings.STRIPE_WEBHOOK_SECRET = (
        "sk_test_1",
        localstripe,
        SECRET,
    )
    received = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            received.put(
                (
                    self.rfile.read(int(self.headers["Content-Length"])),
                    self.headers["Stripe-Signature"],
                )
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hook = {
        "url": f"http://127.0.0.1:{server.server_port}/",
        "secret": SECRET,
        "events": ["payment_intent.succeeded"],
    }
    httpx.post(
        f"{localstripe}/_config/webhooks/parley", json=hook, auth=("sk_test_1", "")
    ).raise_for_status()
    business, _ = shop()
    make_member(business)
    invoice = close.close_period(business=business, month=MAY)
    form = {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": 12,
        "card[exp_year]": 30,
        "card[cvc]": "123",
    }
    method = httpx.post(
        f"{localstripe}/v1/payment_methods", data=form, auth=("sk_test_1", "")
    ).json()["id"]
    saved_methods.save_method(business=business, method_id=method)
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    body, signature = received.get(timeout=20)
    server.shutdown()
    server.server_close()
    answer = Client().post(
        "/webhooks/stripe/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )
    assert answer.status_code == 200
    with system("test"):
        assert [event.kind for event in GatewayEvent.objects.all()] == ["payment_intent.succeeded"]
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    with system("test"):
        assert not GatewayEvent.objects.filter(applied_at=None).exists()
