"""Test numbers: priced for show, on test invoices of a series of their own, never owed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Business, Plan, User
from billing.documents import archive, einvoice
from billing.documents.sources import document_content
from billing.errors import WrongStatus
from billing.invoices import close, credit_notes
from billing.invoices.clock import advance_clock
from billing.metering import meter
from billing.metering.reconciliation import reconcile
from billing.metering.reversals import reverse_charge
from billing.models import BillingDetails, Charge, Invoice, NumberSeries, Posting, SpendCap, Usage
from billing.payments import dunning, receipts, settlement, stripe_collection
from core.models import Email
from core.tenancy import scope, system
from hosting.models import Delivery, Number
from hosting.numbers import onboarding
from hosting.numbers.sandbox_clock import ClockRefused, make_live, set_clock
from tests.billing.invoices.test_close import JUNE_2, MAY, lines_of
from tests.factories import make_business, make_deliveries, make_member, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    made = make_business(plan_id="team", timezone="UTC", clock_at=JUNE_2)
    make_member(made)
    return made


def test_numbers_made_at_sign_up_are_test_numbers() -> None:
    business = make_business()
    owner = make_member(business)
    with scope(business.pk):
        onboarding.create_sandbox(business, owner)
        onboarding.add_number(business)
        assert list(Number.objects.values_list("is_test", flat=True)) == [True, True]


def test_test_and_live_traffic_of_a_month_are_apart(business: Business) -> None:
    test, live = make_number(business, is_test=True), make_number(business)
    # The 1,000th message ends the first tier; test traffic takes no place of it.
    make_deliveries(business, test, 1005)
    make_deliveries(business, live, 10)
    free = make_deliveries(business, test, 2)
    with system("test"):
        Delivery.objects.filter(message_id__in=free).update(free_entry=True)
    meter.meter_due()
    assert reconcile() == []
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    # 49.00 + 10 x 0.0091 = 49.091
    assert (invoice.number, invoice.total_minor) == ("PARLEY-2026-000001", 4909)
    assert lines_of(invoice) == [("fee", 1, 4900), ("messages", 10, 9)]
    with system("test"):
        shown = Invoice.objects.get(is_test=True)
        content = document_content(shown)
    # 1,000 x 0.0091 + 5 x 0.0082 = 9.141
    assert (shown.number, shown.status, shown.total_minor) == (
        "PARLEY-TEST-2026-000001",
        "test",
        914,
    )
    assert content.title == "Test invoice, not owed"
    assert sum(quantity for _, quantity, _ in lines_of(shown)) == 1007
    assert reconcile() == []


def test_a_test_invoice_is_never_owed_collected_dunned_posted_or_mailed(
    business: Business,
) -> None:
    make_deliveries(business, make_number(business, is_test=True), 1000)
    with system("test"):
        Business.objects.filter(pk=business.pk).update(plan_id="free")
    shown = close.close_period(business=business, month=date(2026, 5, 1))
    assert shown is not None
    with system("test"):
        mails = Email.objects.count()
        assert shown.due_now() == 0
        Business.objects.filter(pk=business.pk).update(clock_at=JUNE_2 + timedelta(days=90))
    assert dunning.run_due() == 0
    for deed in (
        lambda: receipts.record_transfer(invoice=shown, amount_minor=1, reference="A"),
        lambda: credit_notes.credit(invoice=shown, reason="x"),
        lambda: stripe_collection.start_charge(invoice=shown),
        lambda: close.void(invoice=shown),
        lambda: close.mark_uncollectible(invoice=shown),
    ):
        with pytest.raises(WrongStatus):
            deed()
    with system("test"):
        fresh = Business.objects.get(pk=business.pk)
        assert fresh.may_send()
        assert settlement.balance_minor(fresh, "USD") == 0
        assert not Posting.objects.filter(document=shown.number).exists()
        assert Email.objects.count() == mails


def test_on_a_test_clock_even_the_fee_is_of_the_test_series() -> None:
    business = make_business(
        plan_id="team", timezone="UTC", clock_at=datetime(2026, 5, 1, tzinfo=UTC)
    )
    make_number(business, is_test=True)
    issued = advance_clock(business=business, to=datetime(2026, 7, 3, tzinfo=UTC))
    assert [(one.number, one.total_minor, one.status) for one in issued] == [
        ("PARLEY-TEST-2026-000001", 4900, "test"),
        ("PARLEY-TEST-2026-000002", 4900, "test"),
    ]
    with system("test"):
        assert list(NumberSeries.objects.values_list("prefix", flat=True)) == ["PARLEY-TEST"]


def test_a_live_number_keeps_the_clock_and_the_clock_a_test_number(business: Business) -> None:
    number = make_number(business, is_test=True)
    with pytest.raises(ClockRefused, match="test clock"):
        make_live(number=number)
    set_clock(business=business, at=None)
    make_live(number=number)
    with pytest.raises(ClockRefused, match="live number"):
        set_clock(business=business, at=JUNE_2 + timedelta(days=1))
    with system("test"):
        business.refresh_from_db()
        assert business.clock_at is None


def test_the_switch_is_confirmed_and_audited(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    number = make_number(make_business(), is_test=True)
    url = reverse("admin:hosting_number_make_live", args=[number.pk])
    assert client.post(url, {"reason": ""}).status_code == 400
    assert client.post(url, {"reason": "contract signed"}).status_code == 302
    with system("test"):
        number.refresh_from_db()
        entry = AuditEntry.objects.get()
    assert (number.is_test, entry.action) == (False, "number.made_live")
    assert entry.after["reason"] == "contract signed"


def test_test_traffic_does_not_use_the_spend_cap(business: Business) -> None:
    make_deliveries(business, make_number(business, is_test=True), 500)
    meter.meter_due()
    with system("test"):
        SpendCap.objects.create(business=business, limit_micros=1_000, is_hard=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT spent_micros FROM billing_spending(%s, %s)", [business.pk, MAY])
            assert cursor.fetchone() == (0,)


def test_usage_of_a_trial_is_shown_and_marked(client: Client, business: Business) -> None:
    number = make_number(business, is_test=True)
    make_deliveries(business, number, 100)
    meter.meter_due()
    client.force_login(make_member(business))
    page = client.get(reverse("usage"), {"month": "2026-05"}).content.decode()
    assert "Test traffic: priced for show, never owed." in page
    assert "$0.91" in page
    with system("test"):
        Number.objects.filter(pk=number.pk).update(is_test=False)
    page = client.get(reverse("usage"), {"month": "2026-05"}).content.decode()
    assert "Test traffic" not in page
    assert (
        "Test traffic"
        in client.get(reverse("usage"), {"month": "2026-05", "test": "1"}).content.decode()
    )


def test_reversed_test_traffic_is_no_credit(business: Business) -> None:
    make_deliveries(business, make_number(business, is_test=True), 1)
    close.close_period(business=business, month=MAY)
    with system("test"):
        charge = Charge.objects.get()
        Plan.objects.filter(pk="team").update(monthly_fee_micros=0)
    reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="x")
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=JUNE_2 + timedelta(days=31))
        business.refresh_from_db()
        assert Usage.objects.filter(rule="test").count() == 2
    found: Any = close.close_period(business=business, month=date(2026, 6, 1))
    with system("test"):
        assert found is None or not found.is_test
        assert not business.credit_notes.exists()


@pytest.mark.parametrize("kind", ["ubl", "cii", "facturx", "xrechnung", "peppol"])
def test_a_test_invoice_has_no_e_invoice_and_its_papers_say_test(
    client: Client, business: Business, kind: str
) -> None:
    with system("test"):
        BillingDetails.objects.create(business=business, name="B", country="US", language="de")
    make_deliveries(business, make_number(business, is_test=True), 1)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    assert invoice.is_test
    with system("test"):
        assert archive.einvoice_kinds(invoice) == []
        assert archive.kinds_for_customer(invoice) == ["pdf", "lines"]
        with pytest.raises(einvoice.NotPossible, match=r"has no e-invoice|keine E-Rechnung"):
            archive.get_document(invoice, kind)
        assert not invoice.documents.exists()
        content = document_content(invoice)
        assert "-TEST-" in content.number
    client.force_login(make_member(business))
    page = client.get(reverse("invoice", args=[invoice.number])).content.decode()
    assert "ubl" not in page
    refused = client.get(reverse("invoice_download", args=[invoice.number, kind]))
    assert refused.status_code in (400, 409)
