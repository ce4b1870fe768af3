"""The journal as a file: tax, refunds and void numbers balance."""

import csv
import io
from typing import Any

from billing.invoices import close, credit_notes
from billing.models import (
    CreditUse,
    Refund,
)
from billing.payments import outcomes, receipts
from core.tenancy import system
from hosting.models import Delivery
from tests.billing.documents.test_exports import made
from tests.billing.invoices.test_close import MAY, lines_of, shop
from tests.billing.invoices.test_edges import taxed
from tests.factories import (
    make_deliveries,
)


def make_free(business: Any, number: Any) -> None:
    """One free message: the customer came by an advertisement."""
    make_deliveries(business, number, 1)
    with system("test"):
        Delivery.objects.update(free_entry=True)


def test_journal_books_tax_refunds_and_void_numbers_so_that_all_balances(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, void = taxed()
    assert (void.tax_minor, void.total_minor) == (1127, 6027)
    close.void(invoice=void)
    second = close.reissue(invoice=void)
    receipts.record_transfer(invoice=second, amount_minor=6027, reference="STMT 1")
    credit_notes.credit(invoice=second, reason="Back", amounts={1: 1000}, use=CreditUse.REFUND)
    with system("test"):
        refund = Refund.objects.get()
    # As the treasurer notes a transfer back.
    outcomes.settle_manually(refund, moved=True, reference="STMT 2")
    rows = list(csv.DictReader(io.StringIO(made(business, "journal")[1].decode())))
    assert [
        (row["document"][-8:], row["account"], row["debit"], row["credit"]) for row in rows
    ] == [
        # The customer's purchase journal: payables, hosting, input tax, bank, credits.
        ("6-000001", "3300", "", "60.27"),
        ("6-000001", "6835", "49.00", ""),
        ("6-000001", "1406", "11.27", ""),
        ("6-000001", "3300", "60.27", ""),
        ("6-000001", "6835", "", "49.00"),
        ("6-000001", "1406", "", "11.27"),
        ("6-000002", "3300", "", "60.27"),
        ("6-000002", "6835", "49.00", ""),
        ("6-000002", "1406", "11.27", ""),
        ("", "1800", "", "60.27"),
        ("", "1310", "60.27", ""),
        ("6-000002", "1310", "", "60.27"),
        ("6-000002", "3300", "60.27", ""),
        ("6-000001", "6835", "", "10.00"),
        ("6-000001", "1406", "", "2.30"),
        ("6-000001", "1320", "12.30", ""),
        ("6-000001", "1320", "", "12.30"),
        ("6-000001", "1800", "12.30", ""),
    ]
    assert {row["tax_percent"] for row in rows if row["account"] == "1406"} == {"23"}


def test_journal_leaves_out_lines_that_cost_nothing(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_free(business, number)
    invoice = close.close_period(business=business, month=MAY)
    assert lines_of(invoice) == [("fee", 1, 4900), ("messages", 1, 0)]
    rows = list(csv.DictReader(io.StringIO(made(business, "journal")[1].decode())))
    assert [(row["account"], row["debit"], row["credit"]) for row in rows] == [
        ("3300", "", "49.00"),
        ("6835", "49.00", ""),
    ]
