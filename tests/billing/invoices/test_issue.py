"""Issuing: seller, buyer, tax, number and date together; refused while the seller is incomplete."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Business
from billing.errors import WrongStatus
from billing.invoices import close
from billing.invoices.issue import SellerIncomplete
from billing.models import (
    BillingDetails,
    Invoice,
    InvoiceStatus,
    NumberSeries,
    Period,
    Posting,
    Seller,
)
from core.models import Email
from core.tenancy import system
from tests.billing.invoices.test_close import shop
from tests.factories import make_exchange_rates, make_member

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


def drafted(**details: object) -> Invoice:
    """A draft of $49.00 that waits for approval."""
    business, _ = shop()
    make_member(business)
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Bakery Ltd", country="IE", needs_approval=True, **details
        )
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    return invoice


def test_a_draft_takes_seller_tax_and_number_of_the_moment_it_is_issued(db: None) -> None:
    make_exchange_rates()
    draft = drafted()
    with system("test"):
        assert draft.seller["name"] == "Parley"
        assert draft.tax_minor == 0
        Seller.objects.update(
            name="Parley Ltd", country="IE", vat_id="IE6388047V", number_prefix="PLTD"
        )
        BillingDetails.objects.update(reference="PO-9")
    invoice = close.approve(invoice=draft)
    assert (invoice.number, invoice.seller["name"]) == ("PLTD-2026-000001", "Parley Ltd")
    assert (invoice.tax_minor, invoice.total_minor) == (1127, 6027)
    assert invoice.buyer["reference"] == "PO-9"
    with system("test"):
        (line,) = invoice.lines.all()
        assert (line.tax_category, line.tax_percent) == ("S", Decimal(23))
        assert {posting.posted_on for posting in Posting.objects.all()} == {invoice.issued_on}


def test_a_lines_amount_and_an_issued_lines_tax_are_final(db: None) -> None:
    draft = drafted()
    for statement in (
        "UPDATE billing_invoiceline SET amount_minor = 1",
        "DELETE FROM billing_invoiceline",
    ):
        with (
            system("test"),
            pytest.raises(DatabaseError, match="final"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    close.approve(invoice=draft)
    with (
        system("test"),
        pytest.raises(DatabaseError, match="final"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE billing_invoiceline SET tax_percent = 1")


@pytest.mark.parametrize("missing", ["address", "name", "country"])
def test_nothing_is_issued_for_a_seller_without_what_an_invoice_shows(
    db: None, missing: str
) -> None:
    business, _ = shop()
    make_member(business)
    with system("test"):
        Seller.objects.update(**{missing: "  "})
    with pytest.raises(SellerIncomplete, match=f"the seller has no {missing}"):
        close.close_period(business=business, month=MAY)
    assert close.close_due_periods() == []
    with system("test"):
        assert Period.objects.get(business=business, month=MAY).state == "open"
        for row in (Invoice, NumberSeries, Posting, Email):
            assert not row.objects.exists()
        Seller.objects.update(**{missing: "1 Main Street"[: 2 if missing == "country" else 99]})
    (issued,) = close.close_due_periods()
    assert issued.number == "PARLEY-2026-000001"


def test_a_month_with_nothing_closes_without_a_complete_seller(db: None) -> None:
    business, _ = shop(plan_id="free")
    with system("test"):
        Seller.objects.update(address="")
    assert close.close_period(business=business, month=MAY) is None
    with system("test"):
        assert Period.objects.get(business=business, month=MAY).state == "closed"


def test_approval_is_refused_too_and_the_draft_stays(db: None) -> None:
    draft = drafted()
    with system("test"):
        Seller.objects.update(address="")
    with pytest.raises(SellerIncomplete):
        close.approve(invoice=draft)
    with system("test"):
        draft.refresh_from_db()
    assert (draft.status, draft.number) == (InvoiceStatus.DRAFT, None)


def test_number_document_and_posting_name_one_day_of_the_seller(db: None) -> None:
    # 31 December 20:00 in New York is 1 January 01:00 in UTC and 06:30 in Kolkata.
    moment = datetime(2027, 1, 1, 1, tzinfo=UTC)
    for zone, day in (("America/New_York", date(2026, 12, 31)), ("Asia/Kolkata", None)):
        business, _ = shop(timezone="Asia/Tokyo")
        with system("test"):
            Seller.objects.update(timezone=zone)
            Business.objects.filter(pk=business.pk).update(clock_at=moment)
            business.refresh_from_db()
        invoice = close.close_period(business=business, month=MAY)
        assert invoice is not None
        day = day or date(2027, 1, 1)
        assert invoice.issued_on == day
        assert str(invoice.number).startswith(f"PARLEY-{day.year}-")
        with system("test"):
            sides = Posting.objects.filter(event=f"invoice:{invoice.pk}")
            assert {side.posted_on for side in sides} == {day}


def test_a_clock_set_back_takes_no_number_of_an_ended_year(db: None) -> None:
    business, _ = shop()
    assert close.close_period(business=business, month=MAY) is not None
    late, _ = shop(clock_at=datetime(2025, 12, 31, tzinfo=UTC))
    with pytest.raises(WrongStatus, match="The series PARLEY-2025 has ended"):
        close.close_period(business=late, month=date(2025, 12, 1))
    with system("test"):
        assert list(NumberSeries.objects.values_list("year", "last")) == [(2026, 1)]
