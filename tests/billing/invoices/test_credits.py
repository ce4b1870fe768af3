"""Credits: never a negative invoice, one note a deed, what was paid is kept or paid back."""

import multiprocessing
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Business, User
from billing.documents import archive
from billing.errors import TooMuch, WrongStatus
from billing.invoices import close, credit_notes
from billing.invoices import draft as drafts
from billing.metering import meter
from billing.metering.reversals import reverse_charge
from billing.models import (
    BillingDetails,
    Charge,
    CreditNote,
    CreditUse,
    Discount,
    Invoice,
    Payment,
    Posting,
    Refund,
    Seller,
)
from billing.payments import outcomes, receipts, settlement
from core.tenancy import system
from tests.billing.invoices.test_close import shop
from tests.factories import (
    make_business,
    make_deliveries,
    make_exchange_rates,
    make_member,
    make_number,
)

MAY, JUNE, JULY = (date(2026, month, 1) for month in (5, 6, 7))


def at(business: Business, month: int) -> None:
    with system("test"):
        Business.objects.filter(pk=business.pk).update(
            clock_at=datetime(2026, month, 2, 1, tzinfo=UTC)
        )
        business.refresh_from_db()


def reversed_in_june(count: int = 100, **fields: Any) -> tuple[Business, Invoice]:
    """A business whose messages of May, 100 at $0.0865 to Germany, were invoiced and are taken
    back in June: $8.65.
    """
    business, number = shop(**{"plan_id": "free"} | fields)
    make_deliveries(business, number, 100, to="4915112345678")
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    with system("test"):
        charges = list(Charge.objects.order_by("id").values_list("id", flat=True))
    for one in charges[:count]:
        reverse_charge(business_id=business.pk, charge_id=one, reason="Sent twice")
    at(business, 7)
    return business, invoice


def balance(of: Business | Invoice) -> int:
    with system("test"):
        business = of.business if isinstance(of, Invoice) else of
        return settlement.balance_minor(business, "USD")


def test_a_month_of_reversals_is_a_credit_note_and_no_invoice(db: None) -> None:
    business, may = reversed_in_june()
    assert may.total_minor == 865
    assert close.close_period(business=business, month=JUNE) is None
    with system("test"):
        assert Invoice.objects.count() == 1
        note = CreditNote.objects.select_related("period").get()
        assert note.month == JUNE
        lines = list(note.lines.values_list("kind", "month", "quantity", "amount_minor"))
    assert (note.number, note.total_minor, note.use) == ("CN-2026-000001", 865, "balance")
    assert lines == [("late", MAY, 100, 865)]
    assert balance(business) == 865


def test_the_credit_stands_until_it_is_used(db: None) -> None:
    business, _ = reversed_in_june()
    close.close_period(business=business, month=JUNE)
    with system("test"):
        number = business.numbers.get()
    make_deliveries(business, number, 200, to="4915112345678", at=datetime(2026, 7, 5, tzinfo=UTC))
    at(business, 8)
    july = close.close_period(business=business, month=JULY)
    assert july is not None
    # 200 x 0.0865 = 17.30; 8.65 of it is paid by the credit.
    assert (july.total_minor, july.prepaid_minor, july.payable_minor) == (1730, 865, 865)
    with system("test"):
        assert july.due_now() == 865
    assert balance(business) == 0


def test_the_credit_can_be_paid_out_once(db: None) -> None:
    business, _ = reversed_in_june()
    close.close_period(business=business, month=JUNE)
    with pytest.raises(TooMuch, match="865 minor units are left"):
        receipts.pay_out_balance(business=business, currency="USD", amount_minor=866)
    first, second = (
        receipts.pay_out_balance(business=business, currency="USD", amount_minor=865, key="deed")
        for _ in range(2)
    )
    assert first.pk == second.pk
    assert balance(business) == 0
    outcomes.settle_manually(first, moved=True, reference="STMT 3")
    with system("test"):
        sides = Posting.objects.filter(event=f"refund:{first.pk}")
        assert list(sides.values_list("role", "amount_minor")) == [("balance", 865), ("bank", -865)]
        more = Refund(business=business, currency="USD", amount_minor=1, key="more")
        for way, refused in (("bank", "used_within_balance"), ("stripe", "the money came by bank")):
            more.method = way
            with pytest.raises(IntegrityError) as error, transaction.atomic():
                more.save()
            assert refused in str(error.value.__cause__) or refused in repr(
                error.value.__cause__.diag.constraint_name
            )


def test_fees_discounts_and_tax_are_in_the_months_credit(db: None) -> None:
    make_exchange_rates()
    with system("test"):
        Seller.objects.update(country="IE", vat_id="IE6388047V")
    business, number = shop(plan_id="free")
    with system("test"):
        BillingDetails.objects.create(business=business, name="Bakery Ltd", country="IE")
        Discount.objects.create(
            business=business, description="Partner", percent=10, first_month=MAY
        )
    make_deliveries(business, number, 1000, to="4915112345678")
    may = close.close_period(business=business, month=MAY)
    assert may is not None
    # 1,000 x 0.0865 = 86.50, less 10 %: 77.85; 23 % of it is 17.9055.
    assert (may.subtotal_minor, may.tax_minor) == (7785, 1791)
    with system("test"):
        charges = list(Charge.objects.order_by("id").values_list("id", flat=True))
        Business.objects.filter(pk=business.pk).update(plan_id="team")
    for one in charges:
        reverse_charge(business_id=business.pk, charge_id=one, reason="Outage")
    at(business, 7)
    assert close.close_period(business=business, month=JUNE) is None
    with system("test"):
        note = CreditNote.objects.get()
        lines = list(note.lines.values_list("kind", "amount_minor"))
    # On Team from 2 June: 29 of 30 days, 47.3667. 86.50 - 47.3667 = 39.1333, less 10 %: 35.22.
    assert lines == [("fee", -4737), ("late", 8650), ("discount", -391)]
    assert (note.subtotal_minor, note.tax_minor, note.total_minor) == (3522, 810, 4332)


def test_a_month_of_exactly_nothing_is_an_invoice_over_nothing(db: None) -> None:
    business, number = shop(plan_id="free")
    make_deliveries(business, number, 1)
    meter.meter_due()
    with system("test"):
        charge = Charge.objects.get()
    reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="Test")
    assert close.close_period(business=business, month=MAY) is None
    with system("test"):
        assert not CreditNote.objects.exists()


def test_less_than_half_a_cent_below_zero_is_no_credit(db: None) -> None:
    business, number = shop(plan_id="free")
    make_deliveries(business, number, 1)  # 0.0091, rounded to 0.01
    close.close_period(business=business, month=MAY)
    make_deliveries(business, number, 1, at=datetime(2026, 6, 3, tzinfo=UTC), to="919820012345")
    meter.meter_due()  # 0.0061
    with system("test"):
        charge = Charge.objects.earliest("id")
    reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="Test")
    at(business, 7)
    june = close.close_period(business=business, month=JUNE)
    assert june is not None  # 0.0061 - 0.0091 = -0.003, rounded to 0.00
    assert (june.total_minor, june.status) == (0, "paid")


def test_the_database_refuses_a_negative_invoice(db: None) -> None:
    business = make_business(clock_at=datetime(2026, 6, 2, tzinfo=UTC))
    with system("test"):
        drafts.ensure_period(business, MAY)
        period = business.periods.get()
        for amounts in ((-1, 0, -1), (-100, 100, 0), (0, -1, -1)):
            names = ("subtotal_minor", "tax_minor", "total_minor")
            with pytest.raises(IntegrityError), transaction.atomic():
                Invoice.objects.create(
                    business=business,
                    period=period,
                    currency="USD",
                    due_at=business.now(),
                    **dict(zip(names, amounts, strict=True)),
                )


def test_documents_of_a_months_credit(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, _ = reversed_in_june()
    make_member(business)
    close.close_period(business=business, month=JUNE)
    with system("test"):
        note = CreditNote.objects.get()
        for kind in ("pdf", "lines", "cii", "ubl"):
            assert archive.read_document(archive.get_document(note, kind))


def paid(**fields: Any) -> Invoice:
    """$49.00, of which $20.00 is paid."""
    business, _ = shop(**fields)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    receipts.record_transfer(invoice=invoice, amount_minor=2000, reference="A")
    return invoice


def test_a_full_credit_of_a_partly_paid_invoice_keeps_what_was_paid(db: None) -> None:
    invoice = paid()
    note = credit_notes.credit(invoice=invoice, reason="All wrong")
    assert (note.total_minor, note.reduces_minor, note.kept_minor, note.use) == (
        4900,
        2900,
        2000,
        "balance",
    )
    with system("test"):
        invoice.refresh_from_db()
        assert (invoice.status, invoice.due_now()) == ("paid", 0)
    assert balance(invoice) == 2000


def test_or_pays_it_back(db: None) -> None:
    invoice = paid()
    note = credit_notes.credit(invoice=invoice, reason="All wrong", use=CreditUse.REFUND)
    assert (note.reduces_minor, note.use) == (2900, "refund")
    with system("test"):
        assert Refund.objects.get().amount_minor == 2000
    assert balance(invoice) == 0
    other = paid()
    with pytest.raises(WrongStatus, match="is not paid"):
        credit_notes.credit(invoice=other, reason="Part", amounts={1: 100}, use=CreditUse.REFUND)


def test_a_double_submit_writes_one_credit_note(client: Client, db: None) -> None:
    business, _ = shop()
    make_member(business)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    client.force_login(User.objects.create_superuser("ops@example.com"))
    url = reverse("admin:billing_invoice_credit", args=[invoice.pk])
    page = client.get(url).content.decode()
    deed = page.split('name="deed" value="')[1].split('"')[0]
    assert len(deed) == 36
    for _ in range(2):
        answer = client.post(url, {"reason": "gift", "line_1": "1.00", "deed": deed})
        assert answer.status_code == 302
    # Another page is another deed.
    client.post(url, {"reason": "gift", "line_1": "1.00", "deed": str(uuid4())})
    with system("test"):
        assert CreditNote.objects.count() == 2
        actions = list(AuditEntry.objects.values_list("action", flat=True))
    assert actions.count("invoice.credited") == 2


def _credit(pk: int, key: str) -> None:
    connections.close_all()
    with system("test"):
        invoice = Invoice.objects.select_related("business").get(pk=pk)
    credit_notes.credit(invoice=invoice, reason="gift", amounts={1: 100}, key=key)
    connections.close_all()


def test_five_processes_with_one_key_write_one_note(committed_db: None) -> None:
    business, _ = shop()
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    connections.close_all()
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_credit, args=(invoice.pk, "deed-1")) for _ in range(5)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
    assert [one.exitcode for one in writers] == [0] * 5
    with system("test"):
        note = CreditNote.objects.get()
        assert Posting.objects.filter(event=f"credit:{note.pk}").count() == 2
        assert not Payment.objects.exists()


def test_numbers_of_another_business_do_not_meet(db: None) -> None:
    first, second = paid(), None
    business, number = shop()
    second = close.close_period(business=business, month=MAY)
    assert second is not None
    notes = [
        credit_notes.credit(invoice=one, reason="x", amounts={1: 1}, key="same")
        for one in (first, second)
    ]
    assert notes[0].pk != notes[1].pk
    assert make_number(business).pk != number.pk
