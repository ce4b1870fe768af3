"""What customers have: seen by operators and by themselves, paid out once, booked, recounted.

An invoice of 49.00 is paid and 20.00 of it credited and kept; 3.00 more arrived than was due.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Business, User
from billing.invoices import close, credit_notes
from billing.metering.reconciliation import reconcile
from billing.models import (
    BillingDetails,
    CashReceipt,
    CreditUse,
    Invoice,
    Payment,
    Posting,
    Refund,
)
from billing.payments import outcomes, receipts, settlement, stripe_collection
from core.tenancy import scope, system
from tests.billing.fake_stripe import FakeStripe
from tests.billing.invoices.test_close import MAY, shop
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def stripe(settings: Any) -> Iterator[Any]:
    fake = FakeStripe()
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = "sk_test_1", fake.url
    yield fake
    fake.stop()


def billed() -> tuple[Business, Invoice]:
    business, _ = shop(clock_at=datetime(2026, 7, 2, 1, tzinfo=UTC))
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    return business, invoice


def kept() -> Business:
    """A customer with a credit of 20.00 and 3.00 that are not allocated."""
    business, invoice = billed()
    receipts.record_transfer(invoice=invoice, amount_minor=5200, reference="STMT 1")
    credit_notes.credit(invoice=invoice, reason="x", amounts={1: 2000}, use=CreditUse.BALANCE)
    return business


def kept_of_card() -> Business:
    """A customer with a credit of 20.00 for what a card has paid."""
    business, invoice = billed()
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="B", country="US", customer_id="cus_1", method_id="pm_1"
        )
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    credit_notes.credit(invoice=invoice, reason="x", amounts={1: 2000}, use=CreditUse.BALANCE)
    return business


def balances(business: Business) -> dict[str, int]:
    roles: Counter[str] = Counter()
    with system("test"):
        for role, minor in Posting.objects.filter(business=business).values_list(
            "role", "amount_minor"
        ):
            roles[role] += minor
    return {role: minor for role, minor in roles.items() if minor}


def pay_out_page(business: Business, currency: str = "USD") -> str:
    url = reverse("admin:billing_cashreceipt_pay_out")
    return f"{url}?business={business.pk}&currency={currency}"


def test_operators_see_what_every_customer_has(operator: Client) -> None:
    business = kept()
    make_business("Nothing")
    page = operator.get(reverse("admin:billing_cashreceipt_held")).content.decode()
    for text in (business.name, "$20.00", "$3.00", "Pay out", f"business={business.pk}&amp;"):
        assert text in page
    assert "Nothing" not in page
    with system("test"):
        (row,) = settlement.held_money()
        assert row.balance_minor == settlement.balance_minor(business, "USD") == 2000
        assert row.unallocated_minor == settlement.unallocated_minor(business, "USD") == 300


def test_a_balance_is_paid_out_by_bank_once_and_booked_when_it_was_sent(operator: Client) -> None:
    business = kept()
    assert "$20.00" in operator.get(pay_out_page(business)).content.decode()
    too_much = {"amount": "20.01", "way": "bank", "deed": "d0"}
    assert operator.post(pay_out_page(business), too_much).status_code == 400
    for _ in range(2):
        data = {"amount": "15.00", "way": "bank", "deed": "d1"}
        assert operator.post(pay_out_page(business), data).status_code == 302
    with system("test"):
        refund = Refund.objects.get()
        assert (refund.amount_minor, refund.status, refund.method) == (1500, "open", "bank")
        assert settlement.balance_minor(business, "USD") == 500
        entry = AuditEntry.objects.filter(action="balance.paid_out").first()
        assert entry is not None
        assert entry.after == {"amount_minor": 1500, "way": "bank"}
    assert reconcile() == []
    before = balances(business)
    outcomes.settle_manually(refund, moved=True, reference="out 1")
    after = balances(business)
    assert after["bank"] - before["bank"] == -1500
    assert (before["balance"], after["balance"]) == (-2000, -500)
    assert reconcile() == []


def test_a_balance_goes_back_to_the_card_that_paid(operator: Client, stripe: Any) -> None:
    business = kept_of_card()
    with system("test"):
        payment = Payment.objects.get(method="stripe")
    assert "at most $49.00" in operator.get(pay_out_page(business)).content.decode()
    for _ in range(2):
        data = {"amount": "12.00", "way": str(payment.pk), "deed": "d1"}
        assert operator.post(pay_out_page(business), data).status_code == 302
    assert stripe_collection.collect_due() == 1
    assert [thing["amount"] for thing in stripe.things.values() if thing["object"] == "refund"] == [
        1200
    ]
    with system("test"):
        refund = Refund.objects.get()
        assert (refund.status, refund.method) == ("succeeded", "stripe")
        assert settlement.balance_minor(business, "USD") == 800
        assert settlement.refundable_of(payment) == 3700
    assert balances(business)["balance"] == -800
    # 49.00 by card, 12.00 back to it.
    assert balances(business)["card"] == 3700
    assert reconcile() == []


def test_no_more_goes_to_a_card_than_it_paid(stripe: Any) -> None:
    business = kept_of_card()
    with system("test"):
        payment = Payment.objects.get(method="stripe")
        Refund.objects.create(
            business=business,
            currency="USD",
            amount_minor=1,
            key="x",
            card_payment=payment,
            method="stripe",
        )
        for wrong in (
            {"amount_minor": 5000, "card_payment": payment, "method": "stripe"},
            {
                "amount_minor": 1,
                "card_payment": payment,
                "receipt": payment.receipt,
                "method": "stripe",
            },
            {"amount_minor": 2000, "method": "bank"},
            {"amount_minor": 1, "card_payment": payment, "method": "bank"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Refund.objects.create(business=business, currency="USD", key="y", **wrong)
        assert Refund.objects.count() == 1


@pytest.mark.parametrize("query", ["", "?business=x", "?business=999999999999999999999"])
def test_without_a_customer_the_list_is_shown(operator: Client, query: str) -> None:
    answer = operator.get(reverse("admin:billing_cashreceipt_pay_out") + query)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:billing_cashreceipt_held")


def test_customers_see_their_balance_beside_their_invoices(client: Client) -> None:
    business = kept()
    other = make_business("Other")
    client.force_login(make_member(business))
    page = client.get(reverse("invoices")).content.decode()
    for text in ("Credit balance", "$20.00", "Paid in advance", "$3.00"):
        assert text in page
    client.force_login(make_member(other))
    assert "Credit balance" not in client.get(reverse("invoices")).content.decode()
    with scope(other.pk):
        assert settlement.held_money(other) == []


@pytest.mark.parametrize(
    ("fee", "booked"),
    [
        ({"fee": 172, "currency": "usd"}, 172),
        ({"fee": 160, "currency": "eur"}, 0),
        ({"fee": 10_000, "currency": "usd"}, 4900),
        ({"fee": "1", "currency": "usd"}, 0),
        (None, 0),
    ],
)
def test_what_stripe_keeps_of_a_payment_is_a_row_of_the_journal(
    stripe: Any, fee: dict[str, Any] | None, booked: int
) -> None:
    stripe.fee = fee
    business = kept_of_card()
    with system("test"):
        receipt = CashReceipt.objects.get(business=business)
        rows = Posting.objects.filter(event=f"fee:{receipt.pk}").order_by("position")
        assert list(rows.values_list("role", "amount_minor")) == (
            [("fees", booked), ("card", -booked)] if booked else []
        )
    assert receipt.fee_minor == booked
    assert balances(business).get("card", 0) == 4900 - booked
    assert reconcile() == []
