"""Faults of the payment network: nothing is charged twice, and no unknown result is stored as paid
or failed.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import pay_links
from billing.errors import NotConfigured
from billing.invoices import close, credit_notes
from billing.models import (
    BillingDetails,
    CreditUse,
    Payment,
    PaymentStatus,
    Refund,
)
from billing.payments import outcomes, saved_methods, stripe_collection, stripe_gateway
from billing.payments.stripe_gateway import Outcome, Refused
from core.models import Email
from core.tenancy import system
from tests.billing.invoices.test_close import MAY, shop
from tests.billing.payments.test_pages import member, saved, text
from tests.billing.payments.test_stripe_collection import (
    later,
    owing,
    state,
    stripe,
)
from tests.factories import make_member

__all__ = ["stripe"]

FORGOTTEN = "It may have been sent, and Stripe no longer knows its key: look it up there."
REVOKED = (401, "invalid_request_error", "Invalid API Key provided")
BROKEN = (500, "api_error", "Something is wrong")
BAD = (400, "invalid_request_error", "Amount is too small")


def refunds() -> list[tuple[str, int]]:
    with system("test"):
        return list(Refund.objects.order_by("id").values_list("status", "amount_minor"))


def charged(invoice: Any, stripe: Any) -> Payment:
    payment = stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    assert state(invoice)[0] == "paid"
    return payment


@pytest.mark.parametrize("fault", [REVOKED, BROKEN])
def test_a_revoked_key_and_a_broken_network_leave_the_attempt_waiting(
    db: None, stripe: Any, fault: Any
) -> None:
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe.fault = fault
    stripe_collection.collect_due()
    later()
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("open", [("unknown", 4900)]), [])
    with system("test"):
        assert not Email.objects.filter(kind="payment_failed").exists()
    stripe.fault = None
    later()
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (("paid", [("succeeded", 4900)]), [4900])


def test_a_revoked_key_does_not_mark_a_possible_payment_as_failed(db: None, stripe: Any) -> None:
    _, invoice = owing()
    stripe_collection.pay_by_link(invoice=invoice, back="/")
    (session,) = (
        thing for thing in stripe.things.values() if thing["object"] == "checkout.session"
    )
    session |= {"status": "complete", "payment_status": "paid"}
    stripe.fault = REVOKED
    stripe_collection.refresh_attempt(invoice=invoice)
    assert state(invoice) == ("open", [("pending", 4900)])
    later()
    stripe_collection.collect_due()
    assert state(invoice) == ("open", [("unknown", 4900)])
    stripe.fault = None
    later()
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("succeeded", 4900)])


def test_an_expired_page_makes_way_for_another_attempt(db: None, stripe: Any) -> None:
    _, invoice = owing()
    stripe_collection.pay_by_link(invoice=invoice, back="/")
    (session,) = (
        thing for thing in stripe.things.values() if thing["object"] == "checkout.session"
    )
    session["status"] = "expired"
    stripe_collection.refresh_attempt(invoice=invoice)
    assert state(invoice) == ("open", [("cancelled", 4900)])
    stripe_collection.pay_by_link(invoice=invoice, back="/")
    assert state(invoice) == ("open", [("cancelled", 4900), ("pending", 4900)])


def test_a_refused_request_is_a_failed_attempt_with_its_reason(db: None, stripe: Any) -> None:
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe.fault = BAD
    stripe_collection.collect_due()
    assert state(invoice) == ("open", [("failed", 4900)])
    with system("test"):
        assert invoice.payments.get().failure == "Amount is too small"


def test_the_right_attempt_is_found_among_others(db: None, stripe: Any) -> None:
    _, invoice = owing()
    stripe.decline = True
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    stripe.decline, stripe.lose = False, 1
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    later()
    stripe_collection.collect_due()
    assert (state(invoice), stripe.charges) == (
        ("paid", [("failed", 4900), ("succeeded", 4900)]),
        [4900],
    )


def test_a_late_result_changes_a_settled_attempt_only_to_success(db: None, stripe: Any) -> None:
    _, invoice = owing()
    payment = charged(invoice, stripe)
    outcomes.apply_outcome(payment, Outcome(PaymentStatus.FAILED, failure="late"))
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    _, other = owing(name="Other")
    stripe.decline = True
    failed = stripe_collection.start_charge(invoice=other)
    stripe_collection.collect_due()
    outcomes.apply_outcome(failed, Outcome(PaymentStatus.PENDING))
    assert state(other) == ("open", [("failed", 4900)])
    outcomes.apply_outcome(failed, Outcome(PaymentStatus.SUCCEEDED, "pi_late"))
    assert state(other) == ("paid", [("succeeded", 4900)])


def test_a_refund_of_unknown_result_does_not_stop_the_next(db: None, stripe: Any) -> None:
    _, first = owing()
    _, second = owing(name="Other")
    for invoice in (first, second):
        charged(invoice, stripe)
    credit_notes.credit(invoice=first, reason="Goodwill", amounts={1: 1000}, use=CreditUse.REFUND)
    stripe.lose = 1
    stripe_collection.collect_due()
    assert refunds() == [("unknown", 1000)]
    credit_notes.credit(invoice=second, reason="Goodwill", amounts={1: 700}, use=CreditUse.REFUND)
    stripe_collection.collect_due()
    assert refunds() == [("unknown", 1000), ("succeeded", 700)]
    # After a day the network has forgotten the key: asking again might pay back twice.
    with system("test"):
        past = timezone.now() - timedelta(hours=25)
        Refund.objects.filter(status="unknown").update(created_at=past)
    later()
    assert (stripe_collection.collect_due(), refunds()) == (
        1,
        [("unknown", 1000), ("succeeded", 700)],
    )
    later()
    assert stripe_collection.collect_due() == 0
    with system("test"):
        (given_up,) = Refund.objects.exclude(dead_at=None)
    assert (given_up.amount_minor, given_up.last_error) == (1000, FORGOTTEN)
    assert [thing["amount"] for thing in stripe.things.values() if thing["object"] == "refund"] == [
        1000,
        700,
    ]


def test_without_a_saved_card_nothing_is_begun(db: None, stripe: Any) -> None:
    _, invoice = owing()
    with system("test"):
        BillingDetails.objects.update(method_id="")
    with pytest.raises(NotConfigured, match="no saved payment method"):
        stripe_collection.start_charge(invoice=invoice)
    assert state(invoice) == ("open", [])


def test_the_first_payment_makes_details_and_one_customer(db: None, stripe: Any) -> None:
    business, _ = shop()
    make_member(business)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    stripe.fault = BROKEN
    with pytest.raises(Refused, match="Something is wrong"):
        stripe_collection.pay_by_link(invoice=invoice, back="/")
    assert state(invoice) == ("open", [])
    stripe.fault = None
    stripe_collection.pay_by_link(invoice=invoice, back="/")
    details = saved_methods.save_method(business=business, method_id="pm_9")
    assert (details.name, details.method_id, details.method_label) == (
        "Bakery",
        "pm_9",
        "sepa_debit",
    )
    customers = [thing for thing in stripe.things.values() if thing["object"] == "customer"]
    assert [(one["name"], one["email"]) for one in customers] == [("Bakery", None)]


def test_the_network_may_write_to_where_invoices_go(db: None, stripe: Any) -> None:
    business, _ = owing()
    with system("test"):
        BillingDetails.objects.update(customer_id="", email="books@bakery.example")
    saved_methods.setup_page_url(business=business, back="/")
    (customer,) = (thing for thing in stripe.things.values() if thing["object"] == "customer")
    with system("test"):
        assert (customer["email"], BillingDetails.objects.get().customer_id) == (
            "books@bakery.example",
            customer["id"],
        )


def test_a_page_that_does_not_open_leaves_no_attempt(db: None, stripe: Any) -> None:
    _, invoice = owing()
    path = f"{pay_links.pay_path(invoice)}card/"
    for fault, words in (
        (BAD, "Amount is too small"),
        (BROKEN, "The payment page could not be opened; try again."),
    ):
        stripe.fault = fault
        assert words in text(Client().post(path))
    assert state(invoice) == ("open", [])


def test_an_error_of_the_card_page_is_shown_and_changes_nothing(db: None, stripe: Any) -> None:
    business, _ = owing()
    client = member(business)
    stripe.fault = BROKEN
    with pytest.raises(Refused):
        saved_methods.save_method(business=business, method_id="pm_9")
    for address in (reverse("change_method"), reverse("remove_method")):
        shown = text(client.post(address, follow=True))
        assert "Something is wrong" in shown
    # Removed here although the network could not be reached: it is not charged any more.
    assert saved() == ("", "")
    assert "Something is wrong" in text(
        client.get(reverse("method_saved"), {"session": "cs_1"}, follow=True)
    )
    stripe.fault = None
    for made_up in ("cs_99", "pm_1", ""):
        client.get(reverse("method_saved"), {"session": made_up})
    assert saved() == ("", "")


def test_a_card_of_an_unknown_customer_is_not_saved(db: None, stripe: Any) -> None:
    business, _ = owing()
    client = member(business)
    client.post(reverse("change_method"))
    session = stripe.finish_setup("visa", "4242")
    with system("test"):
        BillingDetails.objects.update(customer_id="cus_other")
    client.get(reverse("method_saved"), {"session": session})
    assert (saved_methods.store_method(session, 0), saved()) == (None, ("pm_1", ""))


def test_a_card_unknown_to_the_network_is_removed(db: None, stripe: Any) -> None:
    business, _ = owing()
    stripe.fault = (404, "invalid_request_error", "No such payment method")
    saved_methods.remove_method(business=business)
    assert saved() == ("", "")


def test_without_a_key_the_card_is_removed_here_only(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    business, invoice = owing()
    client = member(business)
    assert "Card payments are off" in text(client.post(reverse("change_method"), follow=True))
    assert "Card payments are off" in text(
        client.get(reverse("method_saved"), {"session": "cs_1"}, follow=True)
    )
    assert "No card is on file any more." in text(
        client.post(reverse("remove_method"), follow=True)
    )
    assert saved() == ("", "")
    Client().get(f"{pay_links.pay_path(invoice)}?back=1")
    assert state(invoice) == ("open", [])


def test_amounts_leave_as_stripe_counts_them(db: None, stripe: Any) -> None:
    _, invoice = owing()
    payment = Payment(
        invoice=invoice, amount_minor=1200, currency="ISK", key="inv-1-attempt-9", reference="pi_9"
    )
    details = BillingDetails(customer_id="cus_1", method_id="pm_1")
    assert stripe_gateway.charge(payment, details).status == "succeeded"
    payment.key = "inv-1-attempt-10"
    assert stripe_gateway.create_payment_page(payment, details, "/").status == "pending"
    refund = Refund(
        payment=payment, currency=payment.currency, amount_minor=700, key="cn-1-payment-1"
    )
    assert stripe_gateway.send_refund(refund).status == "succeeded"
    asked = [thing["amount"] for thing in stripe.things.values() if "amount" in thing]
    assert asked == [120000, 120000, 70000]


def test_an_amount_that_stripe_cannot_say_fails_with_its_reason(db: None, stripe: Any) -> None:
    payment = Payment(amount_minor=5124, currency="KWD", key="k", invoice=owing()[1])
    reason = "Stripe takes KWD in steps of 0.010, not 5.124."
    details = BillingDetails(customer_id="cus_1", method_id="pm_1")
    failed = Outcome(PaymentStatus.FAILED, failure=reason)
    assert stripe_gateway.charge(payment, details) == failed
    assert stripe_gateway.create_payment_page(payment, details, "/") == failed
    assert stripe_gateway.send_refund(
        Refund(payment=payment, currency=payment.currency, amount_minor=1, key="r")
    ) == Outcome(PaymentStatus.FAILED, failure="Stripe takes KWD in steps of 0.010, not 0.001.")
    assert (stripe.things, stripe.charges) == ({}, [])
