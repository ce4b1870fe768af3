"""Receipts, discounts, billing details and accounts in the admin: once, dated, audited."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Business, User
from billing.invoices import close
from billing.models import BillingDetails, CashReceipt, Discount, Invoice, Refund, Seller
from core.tenancy import system
from tests.billing.invoices.test_close import MAY, shop

pytestmark = pytest.mark.django_db
JUNE = date(2026, 6, 1)


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def owing() -> tuple[Business, list[Invoice]]:
    business, _ = shop(clock_at=datetime(2026, 7, 2, 1, tzinfo=UTC))
    invoices = [close.close_period(business=business, month=month) for month in (MAY, JUNE)]
    return business, [one for one in invoices if one]


def audited() -> list[str]:
    with system("test"):
        return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_a_transfer_is_noted_allocated_and_sent_back_once(
    operator: Client, owing: tuple[Business, list[Invoice]]
) -> None:
    business, invoices = owing
    url = f"{reverse('admin:billing_cashreceipt_note')}?business={business.pk}"
    page = operator.get(url).content.decode()
    assert str(invoices[0]) in page
    assert "$49.00" in page
    data: dict[str, Any] = {"amount": "60.00", "reference": "STMT 1", "fee": "1.50"}
    for _ in range(2):
        answer = operator.post(url, data | {f"invoice_{invoices[1].pk}": "49.00", "deed": "deed-1"})
        assert answer.status_code == 302
    with system("test"):
        receipt = CashReceipt.objects.get()
        assert [one.due_now() for one in invoices] == [4900, 0]
    allocate = reverse("admin:billing_cashreceipt_allocate", args=[receipt.pk])
    assert operator.post(allocate, {f"invoice_{invoices[0].pk}": "11.01"}).status_code == 400
    assert operator.post(allocate, {f"invoice_{invoices[0].pk}": "1.00"}).status_code == 302
    back = reverse("admin:billing_cashreceipt_send_back", args=[receipt.pk])
    assert operator.post(back, {"amount": "10.01"}).status_code == 400
    assert operator.post(back, {"amount": "10.00"}).status_code == 302
    with system("test"):
        assert [one.due_now() for one in invoices] == [4800, 0]
        assert Refund.objects.get().amount_minor == 1000
    assert "receipt.sent_back" in audited()
    assert "$0.00" in operator.get(reverse("admin:billing_cashreceipt_changelist")).content.decode()


def test_who_may_only_look_notes_nothing(
    client: Client, owing: tuple[Business, list[Invoice]]
) -> None:
    user = User.objects.create_user("eyes@example.com", is_staff=True)
    client.force_login(user)
    url = f"{reverse('admin:billing_cashreceipt_note')}?business={owing[0].pk}"
    assert client.post(url, {"amount": "1.00", "reference": "X"}).status_code == 403
    with system("test"):
        assert not CashReceipt.objects.exists()


def test_a_discount_is_agreed_and_ended_in_the_admin(operator: Client) -> None:
    business, _ = shop()
    add = reverse("admin:billing_discount_add")
    fields = {
        "business": business.pk,
        "description": "Partner",
        "percent": "10",
        "first_month": "2026-05-01",
        "last_month": "",
    }
    assert operator.post(add, fields).status_code == 302
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    assert invoice.total_minor == 4410
    with system("test"):
        discount = Discount.objects.get()
    change = reverse("admin:billing_discount_change", args=[discount.pk])
    # What May was billed stays; from June on it may end.
    refused = operator.post(change, fields | {"percent": "20"}, follow=True)
    assert "the month 2026-05-01 is closed" in refused.content.decode()
    assert operator.post(change, fields | {"last_month": "2026-05-01"}).status_code == 302
    with system("test"):
        discount.refresh_from_db()
        assert (discount.percent, discount.last_month) == (Decimal(10), MAY)
        with pytest.raises(DatabaseError), transaction.atomic():
            discount.delete()
    assert audited() == ["discount.added", "discount.changed"]


def test_approval_is_switched_on_in_the_admin(operator: Client) -> None:
    business, _ = shop()
    with system("test"):
        details = BillingDetails.objects.create(business=business, name="Bakery", country="US")
    url = reverse("admin:billing_billingdetails_change", args=[details.pk])
    form = operator.get(url).context["adminform"].form
    data = {name: form.initial.get(name) or "" for name in form.fields}
    assert operator.post(url, data | {"needs_approval": "on"}).status_code == 302
    draft = close.close_period(business=business, month=MAY)
    assert draft is not None
    assert (draft.status, draft.number) == ("draft", None)
    assert audited() == ["billingdetails.changed"]


def test_the_front_page_says_what_the_seller_lacks(operator: Client) -> None:
    assert "No invoice is issued" not in operator.get("/admin/").content.decode()
    with system("test"):
        Seller.objects.update(address="")
    page = operator.get("/admin/").content.decode()
    assert "No invoice is issued: missing" in page
    assert "address" in page
