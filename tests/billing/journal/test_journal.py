"""The journal: every event of money booked once, balanced, by posting date, for either side."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import Business
from billing import finance_exports
from billing.invoices import close, credit_notes
from billing.journal import post
from billing.models import CreditUse, Invoice, LedgerAccount, Posting, Refund
from billing.payments import outcomes, receipts, settlement
from core.tenancy import system
from tests.billing.documents.test_exports import made
from tests.billing.invoices.test_close import MAY, shop

JUNE = date(2026, 6, 1)


@pytest.fixture
def invoice(db: None, settings: Any, tmp_path: Any) -> Invoice:
    """$49.00, issued on 2 June 2026."""
    settings.MEDIA_ROOT = tmp_path
    business, _ = shop()
    found = close.close_period(business=business, month=MAY)
    assert found is not None
    return found


def on(invoice: Invoice, month: int, day: int) -> None:
    """Set the clock of the invoice's business."""
    with system("test"):
        Business.objects.filter(pk=invoice.business_id).update(
            clock_at=datetime(2026, month, day, 12, tzinfo=UTC)
        )
        invoice.refresh_from_db()
        invoice.business.refresh_from_db()


def entries(prefix: str) -> list[tuple[str, date, int]]:
    with system("test"):
        rows = Posting.objects.filter(event__startswith=prefix).order_by("event", "position")
        return list(rows.values_list("role", "posted_on", "amount_minor"))


def balances() -> dict[str, int]:
    """The trial balance: minor units by role, without those that are zero."""
    sums: Counter[str] = Counter()
    with system("test"):
        for role, minor in Posting.objects.values_list("role", "amount_minor"):
            sums[role] += minor
    assert sum(sums.values()) == 0
    return {role: minor for role, minor in sums.items() if minor}


def test_a_void_is_booked_on_its_own_day(invoice: Invoice) -> None:
    on(invoice, 7, 9)
    close.void(invoice=invoice)
    assert entries("void:") == [
        ("receivable", date(2026, 7, 9), -4900),
        ("hosting", date(2026, 7, 9), 4900),
    ]
    assert balances() == {}


def test_a_write_off_and_what_is_paid_later(invoice: Invoice) -> None:
    receipts.record_transfer(invoice=invoice, amount_minor=1000, reference="A")
    on(invoice, 9, 1)
    close.mark_uncollectible(invoice=invoice)
    assert entries("write_off:") == [
        ("bad_debt", date(2026, 9, 1), 3900),
        ("receivable", date(2026, 9, 1), -3900),
    ]
    assert balances() == {"hosting": -4900, "bank": 1000, "bad_debt": 3900}
    on(invoice, 10, 1)
    receipts.record_transfer(invoice=invoice, amount_minor=900, reference="B")
    credit_notes.credit(invoice=invoice, reason="x", amounts={1: 1000})
    assert balances() == {"hosting": -3900, "bank": 1900, "bad_debt": 2000}
    close_it = receipts.record_transfer(invoice=invoice, amount_minor=2000, reference="C")
    assert close_it.allocated_minor == 2000
    assert balances() == {"hosting": -3900, "bank": 3900}


def test_a_written_off_invoice_can_be_voided(invoice: Invoice) -> None:
    close.mark_uncollectible(invoice=invoice)
    close.void(invoice=invoice)
    assert balances() == {}


def test_refunds_and_credits_end_in_nothing(invoice: Invoice) -> None:
    receipts.record_transfer(invoice=invoice, amount_minor=5000, reference="A")
    credit_notes.credit(invoice=invoice, reason="x", use=CreditUse.REFUND)
    with system("test"):
        refund = Refund.objects.get()
    assert balances() == {"bank": 5000, "unallocated": -100, "balance": -4900}
    outcomes.settle_manually(refund, moved=True, reference="B")
    assert balances() == {"bank": 100, "unallocated": -100}
    with system("test"):
        assert settlement.unallocated_minor(invoice.business, "USD") == 100


def test_the_database_refuses_an_entry_that_does_not_balance(invoice: Invoice) -> None:
    with system("test"):
        Posting.objects.create(
            business_id=invoice.business_id,
            event="made:1",
            position=1,
            posted_on=JUNE,
            role="bank",
            amount_minor=5,
            currency="USD",
        )
        with (
            pytest.raises(IntegrityError, match="does not balance"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
    with system("test"), pytest.raises(IntegrityError), transaction.atomic():
        post.invoice_issued(invoice)
    with (
        system("test"),
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
    ):
        Posting.objects.update(amount_minor=1)


def test_an_unbalanced_entry_is_not_even_written(invoice: Invoice) -> None:
    with system("test"):
        invoice.refresh_from_db()
        invoice.total_minor += 1
        before = Posting.objects.count()
        with pytest.raises(ValueError, match="does not balance"):
            post.invoice_voided(invoice, JUNE)
        assert Posting.objects.count() == before


def rows_of(business: Business | None, **filters: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made(business, "journal", **filters)[1].decode())))


def test_the_two_sides_mirror_each_other_but_for_what_is_the_sellers(invoice: Invoice) -> None:
    with system("test"):
        business = invoice.business
    receipts.record(
        business=business, amount_minor=4000, currency="USD", reference="A", fee_minor=30
    )
    close.mark_uncollectible(invoice=invoice)

    def sums(rows: list[dict[str, str]]) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for row in rows:
            side = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
            found[row["account_name"]] = found.get(row["account_name"], Decimal(0)) + side
        return {name: amount for name, amount in found.items() if amount}

    assert sums(rows_of(None)) == {
        "Bank": Decimal("39.70"),
        "Bank and payment fees": Decimal("0.30"),
        "Bad debts": Decimal("9.00"),
        "Revenue: hosting": Decimal("-49.00"),
    }
    # The customer still owes what the seller gave up.
    assert sums(rows_of(business)) == {
        "Hosting": Decimal("49.00"),
        "Bank": Decimal("-40.00"),
        "Trade payables": Decimal("-9.00"),
    }


def test_accounts_are_data(invoice: Invoice) -> None:
    with system("test"):
        LedgerAccount.objects.filter(chart="seller", role="hosting").update(
            number="8400", name="Hosting 19 %"
        )
        LedgerAccount.objects.filter(chart="seller", role="receivable").delete()
    assert {(row["account"], row["account_name"]) for row in rows_of(None)} == {
        ("8400", "Hosting 19 %"),
        ("receivable", "Trade receivables"),
    }


def test_a_later_payment_is_in_the_month_it_came(invoice: Invoice) -> None:
    on(invoice, 8, 3)
    receipts.record_transfer(
        invoice=invoice, amount_minor=4900, reference="A", value_date=date(2026, 7, 31)
    )
    with system("test"):
        business = invoice.business
    days = [row["date"] for row in rows_of(business, **{"from": "2026-07", "to": "2026-07"})]
    assert days == ["2026-07-31"] * 2
    days = [row["date"] for row in rows_of(business, **{"from": "2026-08"})]
    assert days == ["2026-08-03"] * 2


def test_a_journal_has_no_statuses(db: None) -> None:
    with pytest.raises(finance_exports.BadFilter, match="every event"):
        finance_exports.request_export(kind="journal", filters={"statuses": ["open"]})
