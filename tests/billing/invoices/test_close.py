"""Closing months: one invoice a month, numbers without gaps, final once issued, exact to the cent,
under concurrency.
"""

import multiprocessing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connections, transaction
from django.test import override_settings

from accounts.models import Business
from billing.errors import WrongStatus
from billing.invoices import close
from billing.invoices import draft as invoices_draft
from billing.metering import meter
from billing.models import (
    BillingDetails,
    Charge,
    Discount,
    Invoice,
    InvoiceLine,
    NumberSeries,
    Period,
    Seller,
)
from core.models import Email
from core.tenancy import scope, system
from tests.factories import (
    make_business,
    make_deliveries,
    make_exchange_rates,
    make_member,
    make_number,
)

MAY = date(2026, 5, 1)
JUNE_2 = datetime(2026, 6, 2, 1, tzinfo=UTC)


def shop(**fields):
    fields = {"plan_id": "team", "timezone": "UTC", "clock_at": JUNE_2} | fields
    business = make_business(**fields)
    return business, make_number(business)


def lines_of(invoice):
    with scope(invoice.business_id):
        return [(line.kind, line.quantity, line.amount_minor) for line in invoice.lines.all()]


def test_month_without_usage_and_fee_closes_without_invoice(db):
    business, _ = shop(plan_id="free")
    assert close.close_period(business=business, month=MAY) is None
    with system("test"):
        assert Period.objects.get(business=business, month=MAY).state == "closed"
        assert not Invoice.objects.exists()


def test_waiting_deliveries_are_metered_before_the_month_closes(db):
    business, number = shop()
    make_deliveries(business, number, 3)
    # Three utility messages to North America at $0.0091: $0.0273, rounded to $0.03; and the fee of
    # $49.00.
    assert lines_of(close.close_period(business=business, month=MAY)) == [
        ("fee", 1, 4900),
        ("messages", 3, 3),
    ]


def test_late_delivery_is_a_line_of_the_next_month(db):
    business, number = shop(plan_id="free")
    make_deliveries(business, number, 1)
    close.close_period(business=business, month=MAY)
    make_deliveries(business, number, 2, at=datetime(2026, 5, 31, 23, 59, tzinfo=UTC))
    make_deliveries(business, number, 1, at=datetime(2026, 6, 1, tzinfo=UTC))
    meter.meter_due()
    june = close.close_period(business=business, month=date(2026, 6, 1))
    with scope(business.pk):
        found = [
            (line.kind, line.month, line.quantity, line.description) for line in june.lines.all()
        ]
    assert found == [
        ("messages", date(2026, 6, 1), 1, "Utility messages to North America"),
        ("late", date(2026, 5, 1), 2, "Utility messages to North America, delivered in 2026-05"),
    ]


def test_grace_period_is_kept_to_the_second(db):
    business, _ = shop(clock_at=datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC))
    with system("test"):
        invoices_draft.ensure_period(business, MAY)
    assert close.close_due_periods() == []
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=datetime(2026, 6, 2, tzinfo=UTC))
    assert [str(invoice) for invoice in close.close_due_periods()] == ["PARLEY-2026-000001"]


def test_month_ends_in_the_time_zone_of_the_business(db):
    # Midnight of 1 June in Kolkata is 18:30 UTC of 31 May.
    business, number = shop(timezone="Asia/Kolkata", plan_id="free")
    make_deliveries(business, number, 1, at=datetime(2026, 5, 31, 18, 29, 59, tzinfo=UTC))
    make_deliveries(business, number, 1, at=datetime(2026, 5, 31, 18, 30, tzinfo=UTC))
    assert lines_of(close.close_period(business=business, month=MAY)) == [("messages", 1, 1)]


def test_one_failing_business_does_not_stop_the_others(db):
    broken, _ = shop(country="DE")
    good, _ = shop()
    with system("test"):
        for business in (broken, good):
            invoices_draft.ensure_period(business, MAY)
        Seller.objects.update(country="IE", vat_id="IE6388047V")
        BillingDetails.objects.create(business=broken, name="Broken", country="FR")
        from billing.models import TaxRate

        TaxRate.objects.filter(place="FR").delete()
    (invoice,) = close.close_due_periods()
    assert invoice.business_id == good.pk
    with system("test"):
        assert Period.objects.get(business=broken, month=MAY).state == "open"


def test_preview_says_what_closing_will_say_and_leaves_nothing(db):
    business, number = shop()
    make_deliveries(business, number, 1005)
    meter.meter_due()
    with scope(business.pk):
        seen = invoices_draft.preview(business=business, month=MAY)
        assert not Invoice.objects.exists()
        assert not InvoiceLine.objects.exists()
    # 49.00 + 1,000 x 0.0091 + 5 x 0.0082 = 58.14
    assert (seen.invoice.total_minor, seen.invoice.number) == (5814, None)
    closed = close.close_period(business=business, month=MAY)
    assert lines_of(closed) == [
        (line.kind, line.quantity, line.amount_minor) for line in seen.lines
    ]
    assert closed.total_minor == 5814
    with scope(business.pk):
        assert invoices_draft.preview(business=business, month=MAY) is None


def test_draft_waits_for_approval_without_a_number(db):
    business, _ = shop()
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Bakery Inc.", country="US", needs_approval=True
        )
    draft = close.close_period(business=business, month=MAY)
    assert (draft.status, draft.number, draft.total_minor) == ("draft", None, 4900)
    with system("test"):
        assert not NumberSeries.objects.exists()
    invoice = close.approve(invoice=draft)
    assert (invoice.status, invoice.number) == ("open", "PARLEY-2026-000001")
    with pytest.raises(WrongStatus):
        close.approve(invoice=invoice)


def test_discount_is_a_line_of_its_own(db):
    business, number = shop()
    make_deliveries(business, number, 3)
    with system("test"):
        Discount.objects.create(
            business=business, description="Launch offer", percent=Decimal("12.5"), first_month=MAY
        )
    invoice = close.close_period(business=business, month=MAY)
    # 12.5 % of 49.03 is 6.12875, rounded to 6.13.
    assert lines_of(invoice) == [("fee", 1, 4900), ("messages", 3, 3), ("discount", 1, -613)]
    assert invoice.total_minor == 4290


def test_reverse_charge_inside_the_eu_and_domestic_tax(db):
    with system("test"):
        Seller.objects.update(country="IE", vat_id="IE6388047V")
    make_exchange_rates()
    german, _ = shop()
    irish, _ = shop()
    with system("test"):
        BillingDetails.objects.create(
            business=german, name="Bäckerei GmbH", country="DE", vat_id="DE136695976"
        )
        BillingDetails.objects.create(business=irish, name="Bakery Ltd", country="IE")
    reverse, domestic = (close.close_period(business=one, month=MAY) for one in (german, irish))
    assert (reverse.tax_minor, reverse.total_minor, reverse.taxes[0]["category"]) == (0, 4900, "AE")
    assert "Reverse charge" in reverse.taxes[0]["note"]
    # 23 % of 49.00 is 11.27.
    assert (domestic.tax_minor, domestic.total_minor, domestic.taxes[0]["percent"]) == (
        1127,
        6027,
        "23",
    )
    assert reverse.buyer["vat_id"] == "DE136695976"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_invoice SET total_minor = 1, subtotal_minor = 1 WHERE id = %s",
        "UPDATE billing_invoice SET number = 'X' WHERE id = %s",
        "UPDATE billing_invoice SET buyer = '{}' WHERE id = %s",
        "UPDATE billing_invoice SET status = 'draft' WHERE id = %s",
        "DELETE FROM billing_invoice WHERE id = %s",
        "UPDATE billing_invoiceline SET amount_minor = 1 WHERE invoice_id = %s",
        "DELETE FROM billing_invoiceline WHERE invoice_id = %s",
    ],
)
def test_issued_invoice_cannot_be_changed(db, statement):
    business, _ = shop()
    invoice = close.close_period(business=business, month=MAY)
    with system("test"):
        before = Invoice.objects.filter(pk=invoice.pk).values().get()
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(statement, [invoice.pk])
        assert Invoice.objects.filter(pk=invoice.pk).values().get() == before
    assert lines_of(invoice) == [("fee", 1, 4900)]


def test_void_and_reissue_with_corrected_details(db):
    business, number = shop()
    make_deliveries(business, number, 3)
    first = close.close_period(business=business, month=MAY)
    close.void(invoice=first)
    with system("test"):
        BillingDetails.objects.create(business=business, name="Bakery Inc.", country="US")
    second = close.reissue(invoice=first)
    assert (first.status, second.status) == ("void", "open")
    assert (first.number, second.number) == ("PARLEY-2026-000001", "PARLEY-2026-000002")
    assert (first.buyer["name"], second.buyer["name"]) == ("Bakery", "Bakery Inc.")
    assert lines_of(first) == lines_of(second) == [("fee", 1, 4900), ("messages", 3, 3)]
    assert second.replaces_id == first.pk
    with pytest.raises(WrongStatus):
        close.reissue(invoice=first)
    with scope(business.pk):
        assert Invoice.objects.count() == 2


def test_new_invoice_is_announced_once(db):
    business, _ = shop()
    owner = make_member(business)
    invoice = close.close_period(business=business, month=MAY)
    with system("test"):
        (email,) = Email.objects.all()
    assert (email.recipient, email.subject) == (owner.email, f"Invoice {invoice.number}: $49.00")
    names = [f"billing.documents:invoice-{invoice.pk}-{kind}" for kind in ("pdf", "lines", "ubl")]
    assert email.attachments == names
    assert f"/invoices/{invoice.number}/" in email.text


def _close_all(ids, barrier):
    connections.close_all()
    barrier.wait()
    with system("test"):
        businesses = list(Business.objects.filter(pk__in=ids).select_related("plan").order_by("id"))
    for business in businesses:
        close.close_period(business=business, month=MAY)
    connections.close_all()


@pytest.mark.parametrize(
    ("processes", "months"), [(4, 12), pytest.param(8, 50, marks=pytest.mark.long)]
)
def test_processes_closing_the_same_months(committed_db, processes, months):
    ids = [
        make_business(f"Shop {n}", plan_id="team", timezone="UTC", clock_at=JUNE_2).pk
        for n in range(months)
    ]
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    closers = [context.Process(target=_close_all, args=(ids, barrier)) for _ in range(processes)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(120)
    assert [closer.exitcode for closer in closers] == [0] * processes
    with system("test"):
        numbers = sorted(Invoice.objects.values_list("number", flat=True))
        assert Invoice.objects.values("business").distinct().count() == months
        assert Period.objects.filter(month=MAY, state="closed").count() == months
    assert numbers == [f"PARLEY-2026-{n:06}" for n in range(1, months + 1)]


def test_crash_while_issuing_leaves_the_month_open_and_no_gap(committed_db, monkeypatch):
    business, number = shop()
    make_deliveries(business, number, 2)

    def crash(invoice):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("billing.emails.invoice_issued", crash)
        with pytest.raises(RuntimeError):
            close.close_period(business=business, month=MAY)
    with system("test"):
        assert not Invoice.objects.exists()
        assert Period.objects.get(business=business, month=MAY).state == "open"
    assert close.close_period(business=business, month=MAY).number == "PARLEY-2026-000001"


def test_other_business_sees_neither_invoice_nor_line(db):
    business, _ = shop()
    stranger, _ = shop()
    close.close_period(business=business, month=MAY)
    with scope(stranger.pk):
        assert not Invoice.objects.exists()
        assert not InvoiceLine.objects.exists()
        assert not Email.objects.exists()


@override_settings(BILLING_GRACE_HOURS=0)
def test_downtime_of_months_is_caught_up(db):
    business, number = shop(clock_at=datetime(2026, 8, 1, tzinfo=UTC))
    for month in (5, 6, 7):
        make_deliveries(business, number, 1, at=datetime(2026, month, 3, tzinfo=UTC))
    meter.meter_due()
    issued = close.close_due_periods()
    with scope(business.pk):
        assert [invoice.period.month.month for invoice in issued] == [5, 6, 7]
    assert [invoice.due_at for invoice in issued] == [datetime(2026, 8, 15, tzinfo=UTC)] * 3
    with scope(business.pk):
        assert Charge.objects.count() == 3
    assert issued[0].issued_at + timedelta(days=14) == issued[0].due_at
