"""Money that arrives: unallocated cash, allocation over invoices, value dates, references."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from accounts.models import Business, KeyScope
from billing.documents.sources import document_content
from billing.errors import TooMuch, WrongStatus
from billing.invoices import close
from billing.models import CashReceipt, Invoice, Payment, Posting
from billing.payments import receipts, settlement
from core.tenancy import system
from tests.billing.invoices.test_close import shop
from tests.factories import make_key

MAY, JUNE, JULY = (date(2026, month, 1) for month in (5, 6, 7))


def owing(*months: date) -> tuple[Business, list[Invoice]]:
    """A business on Team with unpaid invoices of $49.00 for these months."""
    business, _ = shop(clock_at=datetime(2026, 8, 2, 1, tzinfo=UTC))
    invoices = [close.close_period(business=business, month=month) for month in months]
    return business, [one for one in invoices if one]


def due(invoices: list[Invoice]) -> list[int]:
    with system("test"):
        return [one.due_now() for one in invoices]


def unallocated(business: Business) -> int:
    with system("test"):
        return settlement.unallocated_minor(business, "USD")


def test_a_cent_too_much_is_the_customers_and_pays_the_next_invoice(db: None) -> None:
    business, (may,) = owing(MAY)
    receipts.record_transfer(invoice=may, amount_minor=4901, reference="STMT 1")
    assert (due([may]), unallocated(business)) == ([0], 1)
    june = close.close_period(business=business, month=JUNE)
    assert june is not None
    assert (june.prepaid_minor, june.payable_minor, due([june])) == (1, 4899, [4899])
    assert unallocated(business) == 0


def test_one_transfer_pays_several_invoices_the_oldest_first(db: None) -> None:
    business, invoices = owing(MAY, JUNE, JULY)
    receipt = receipts.record(
        business=business, amount_minor=12_000, currency="USD", reference="STMT 1"
    )
    assert due(invoices) == [0, 0, 2700]
    with system("test"):
        rows = receipt.payments.order_by("id").values_list("invoice_id", "allocated_minor")
        assert [minor for _, minor in rows] == [4900, 4900, 2200]
    assert unallocated(business) == 0


def test_it_may_be_told_what_it_pays_and_the_rest_later(db: None) -> None:
    business, invoices = owing(MAY, JUNE)
    receipt = receipts.record(
        business=business,
        amount_minor=6000,
        currency="USD",
        reference="STMT 1",
        allocations={invoices[1].pk: 4900},
    )
    assert (due(invoices), unallocated(business)) == ([4900, 0], 1100)
    receipts.allocate(receipt=receipt)
    assert (due(invoices), unallocated(business)) == ([3800, 0], 0)


@pytest.mark.parametrize("minor", [0, -1, 4901, 5001])
def test_more_than_is_due_or_left_is_not_allocated(db: None, minor: int) -> None:
    business, (may,) = owing(MAY)
    with pytest.raises(TooMuch):
        receipts.record(
            business=business,
            amount_minor=5000,
            currency="USD",
            reference="STMT 1",
            allocations={may.pk: minor},
        )
    with system("test"):
        assert not CashReceipt.objects.exists()
        assert not Posting.objects.filter(event__startswith="receipt").exists()


def test_another_customers_or_currencys_invoice_is_not_paid(db: None) -> None:
    business, _ = owing(MAY)
    _, (foreign,) = owing(MAY)
    for invoice, currency in ((foreign, "USD"), (foreign, "EUR")):
        with pytest.raises(WrongStatus):
            receipts.record(
                business=business,
                amount_minor=100,
                currency=currency,
                reference="STMT 1",
                allocations={invoice.pk: 100},
            )
    assert due([foreign]) == [4900]


def test_a_reference_counts_once_for_a_customer_and_amount(db: None) -> None:
    (one, (first,)), (_, (second,)) = owing(MAY), owing(MAY)
    # Two customers may write the same text.
    receipts.record_transfer(invoice=first, amount_minor=100, reference="Invoice")
    receipts.record_transfer(invoice=second, amount_minor=100, reference="Invoice")
    receipts.record_transfer(invoice=first, amount_minor=200, reference="Invoice")
    with pytest.raises(IntegrityError), transaction.atomic():
        receipts.record_transfer(invoice=first, amount_minor=100, reference="Invoice")
    with system("test"):
        assert CashReceipt.objects.filter(business=one).count() == 2
    assert due([first, second]) == [4600, 4800]


def test_one_deed_is_done_once(db: None) -> None:
    business, (may,) = owing(MAY)
    made = [
        receipts.record_transfer(invoice=may, amount_minor=100, reference="A", key="deed")
        for _ in range(2)
    ]
    assert made[0].pk == made[1].pk
    again = receipts.record(
        business=business, amount_minor=100, currency="USD", reference="A", key="deed"
    )
    assert again.pk == made[0].receipt_id
    assert due([may]) == [4800]


def test_the_value_date_is_the_posting_date_and_not_to_come(db: None) -> None:
    _, (may,) = owing(MAY)
    receipts.record_transfer(
        invoice=may, amount_minor=100, reference="A", value_date=date(2026, 7, 30)
    )
    with system("test"):
        days = Posting.objects.filter(event__startswith="receipt").values_list("posted_on")
        assert {day for (day,) in days} == {date(2026, 7, 30)}
    with pytest.raises(WrongStatus, match="still to come"):
        receipts.record_transfer(
            invoice=may, amount_minor=100, reference="B", value_date=date(2026, 8, 3)
        )


def test_what_is_left_goes_back_never_more(db: None) -> None:
    business, (may,) = owing(MAY)
    receipts.record_transfer(invoice=may, amount_minor=5000, reference="A")
    with system("test"):
        receipt = CashReceipt.objects.get()
    with pytest.raises(TooMuch):
        receipts.send_back(receipt=receipt, amount_minor=101)
    receipts.send_back(receipt=receipt, amount_minor=60, key="x")
    receipts.send_back(receipt=receipt, amount_minor=60, key="x")
    assert unallocated(business) == 40


def test_the_bank_fee_is_the_sellers(db: None) -> None:
    business, (may,) = owing(MAY)
    receipts.record(
        business=business, amount_minor=4900, currency="USD", reference="A", fee_minor=150
    )
    assert due([may]) == [0]
    with system("test"):
        fee = Posting.objects.filter(event__startswith="fee")
        assert list(fee.values_list("role", "amount_minor")) == [("fees", 150), ("bank", -150)]


@pytest.mark.parametrize(
    "statement",
    [
        # Over what is due, over what arrived, and out of a balance that there is not.
        """INSERT INTO billing_payment (business_id, invoice_id, attempt, method, status,
               amount_minor, allocated_minor, receipt_id, currency, key, reference, is_automatic,
               failure, next_url, created_at)
           SELECT business_id, %(invoice)s, 9, 'bank', 'succeeded', 4900, 4900, id, 'USD', 'k', '',
                  false, '', '', now() FROM billing_cashreceipt""",
        """INSERT INTO billing_payment (business_id, invoice_id, attempt, method, status,
               amount_minor, allocated_minor, receipt_id, currency, key, reference, is_automatic,
               failure, next_url, created_at)
           SELECT business_id, %(other)s, 9, 'bank', 'succeeded', 101, 101, id, 'USD', 'k', '',
                  false, '', '', now() FROM billing_cashreceipt""",
        """INSERT INTO billing_payment (business_id, invoice_id, attempt, method, status,
               amount_minor, allocated_minor, currency, key, reference, is_automatic, failure,
               next_url, created_at)
           SELECT business_id, %(other)s, 9, 'balance', 'succeeded', 1, 1, 'USD', 'k', '', false,
                  '', '', now() FROM billing_cashreceipt""",
        "UPDATE billing_payment SET allocated_minor = amount_minor + 1",
        "UPDATE billing_cashreceipt SET amount_minor = 9000",
        "DELETE FROM billing_cashreceipt",
    ],
)
def test_the_database_refuses_what_did_not_arrive(db: None, statement: str) -> None:
    _, (may, june) = owing(MAY, JUNE)
    receipts.record_transfer(invoice=may, amount_minor=4900, reference="A")
    names = {"invoice": may.pk, "other": june.pk}
    with (
        system("test"),
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, names)
    with system("test"):
        assert Payment.objects.count() == 1


def test_what_was_prepaid_is_on_document_api_and_page(db: None) -> None:
    business, (may,) = owing(MAY)
    receipts.record_transfer(invoice=may, amount_minor=5900, reference="A")
    june = close.close_period(business=business, month=JUNE)
    assert june is not None
    with system("test"):
        content = document_content(june)
    assert (content.total_minor, content.prepaid_minor, content.due_minor) == (4900, 1000, 3900)
    client = Client(
        headers={"Authorization": f"Bearer {make_key(business, scopes=[KeyScope.BILLING])}"}
    )
    found: Any = client.get(f"/api/v1/invoices/{june.number}/").json()
    assert [found[name] for name in ("total", "prepaid", "payable", "paid", "due")] == [
        "49.00",
        "10.00",
        "39.00",
        "10.00",
        "39.00",
    ]
