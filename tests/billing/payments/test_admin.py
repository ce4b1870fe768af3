"""Payments whose result the network does not know are settled by an operator: with a reason, once,
never over a success.
"""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from billing.invoices import credit_notes
from billing.models import CreditUse, Payment, Refund
from billing.payments import stripe_collection
from core.models import Email
from core.tenancy import logins, system
from tests.billing.payments.test_stripe_collection import later, owing, state, stripe

__all__ = ["stripe"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


def settle(
    operator: Client,
    row: Payment | Refund,
    result: str,
    reference: str = "",
    reason: str = "asked them",
) -> Any:
    address = reverse(f"admin:billing_{type(row).__name__.lower()}_settle", args=[row.pk])
    return operator.post(
        address, {"sent": "1", "result": result, "reference": reference, "reason": reason}
    )


def lost(stripe: Any) -> tuple[Any, Payment]:
    """An invoice with an attempt that the network does not know by its reference."""
    _, invoice = owing()
    payment = stripe_collection.start_charge(invoice=invoice)
    stripe.lose = 1
    stripe_collection.collect_due()
    later(reference="pi_elsewhere")
    stripe_collection.collect_due()
    return invoice, payment


def audited() -> list[tuple[str, Any, Any]]:
    with system("test"):
        rows = AuditEntry.objects.order_by("id")
        return [(row.action, row.before["status"], row.after["status"]) for row in rows]


def refund_of(invoice: Any) -> Refund:
    credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 1000}, use=CreditUse.REFUND)
    with system("test"):
        return Refund.objects.get()


def test_a_payment_that_the_network_does_not_know_by_its_reference_stays_unknown(
    stripe: Any,
) -> None:
    invoice, _ = lost(stripe)
    assert state(invoice) == ("open", [("unknown", 4900)])
    with system("test"):
        assert not Email.objects.filter(kind="payment_failed").exists()


def test_money_that_moved_pays_the_invoice_once(operator: Client, stripe: Any) -> None:
    invoice, payment = lost(stripe)
    page = operator.get(reverse("admin:billing_payment_change", args=[payment.pk])).content.decode()
    question = reverse("admin:billing_payment_settle", args=[payment.pk])
    assert question in page
    assert payment.key in operator.get(question).content.decode()
    refused = settle(operator, payment, "moved")
    assert (
        refused.status_code,
        "Money that moved has a reference" in refused.content.decode(),
    ) == (400, True)
    assert [
        settle(operator, payment, *bad).status_code for bad in [("", "pi_9"), ("maybe", "pi_9")]
    ] == [400, 400]
    assert settle(operator, payment, "never", reason="").status_code == 400
    assert (state(invoice), audited()) == (("open", [("unknown", 4900)]), [])
    assert settle(operator, payment, "moved", "pi_9").status_code == 302
    assert settle(operator, payment, "never").status_code == 400
    assert state(invoice) == ("paid", [("succeeded", 4900)])
    assert audited() == [("payment.settled", "unknown", "succeeded")]


def test_money_that_never_moved_frees_the_next_attempt(operator: Client, stripe: Any) -> None:
    invoice, payment = lost(stripe)
    assert settle(operator, payment, "never").status_code == 302
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    assert state(invoice) == ("paid", [("failed", 4900), ("succeeded", 4900)])


def test_a_refund_of_a_transfer_is_noted_with_the_banks_reference(
    operator: Client, stripe: Any
) -> None:
    _, invoice = owing()
    transfer = reverse("admin:billing_invoice_mark_paid", args=[invoice.pk])
    operator.post(transfer, {"sent": "1", "amount": Decimal(49), "reference": "TRN 1"})
    refund = refund_of(invoice)
    assert stripe_collection.collect_due() == 0
    assert settle(operator, refund, "moved", "TRN 2").status_code == 302
    assert settle(operator, refund, "never").status_code == 400
    with system("test"):
        refund.refresh_from_db()
    assert (refund.status, refund.reference) == ("succeeded", "TRN 2")
    assert "TRN 2" in operator.get(reverse("admin:billing_refund_changelist")).content.decode()


def test_a_cards_refund_is_the_networks_until_its_result_is_lost(
    operator: Client, stripe: Any
) -> None:
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    refund = refund_of(invoice)
    refused = settle(operator, refund, "moved", "re_1")
    assert (refused.status_code, "is not of unknown result" in refused.content.decode()) == (
        400,
        True,
    )
    stripe.lose = 1
    stripe_collection.collect_due()
    assert settle(operator, refund, "never").status_code == 302
    with system("test"):
        refund.refresh_from_db()
    assert (refund.status, refund.failure) == ("failed", "The network has no trace of it.")
    assert audited() == [("refund.settled", "unknown", "failed")]


def test_who_may_only_look_settles_nothing(client: Client, stripe: Any) -> None:
    from django.contrib.auth.models import Permission

    invoice, payment = lost(stripe)
    staff = User.objects.create_user("support@example.com", is_staff=True)
    with logins("test"):
        staff.user_permissions.add(Permission.objects.get(codename="view_payment"))
    client.force_login(staff)
    assert settle(client, payment, "moved", "pi_9").status_code == 403
    assert (state(invoice), audited()) == (("open", [("unknown", 4900)]), [])
