"""Dunning and mails of invoices; credit that is kept or paid back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.test import Client

from accounts.models import Business
from billing.errors import TooMuch
from billing.invoices import close, credit_notes
from billing.models import (
    BillingDetails,
    CreditNote,
    CreditNoteLine,
    CreditUse,
    DunningStep,
    Refund,
    Seller,
)
from billing.payments import dunning, receipts, settlement, stripe_collection
from core import outbox
from core.models import Email
from core.tenancy import system
from tests.billing.invoices.test_close import MAY, shop
from tests.billing.payments.test_stripe_collection import later, owing, state, stripe
from tests.factories import (
    make_deliveries,
    make_exchange_rates,
    make_key,
    make_member,
)

# Fixtures.
__all__ = ["stripe"]


def fresh(business):
    with system("test"):
        business.refresh_from_db()


def set_time(business, moment):
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=moment)
        business.refresh_from_db()


def test_credit_by_line_reduces_the_open_invoice_and_tax_adds_up(db):
    with system("test"):
        Seller.objects.update(country="IE", vat_id="IE6388047V")
    make_exchange_rates()
    business, number = shop()
    make_member(business)
    make_deliveries(business, number, 1000)
    with system("test"):
        BillingDetails.objects.create(business=business, name="Bakery Ltd", country="IE")
    invoice = close.close_period(business=business, month=MAY)
    # 49.00 + 9.10 = 58.10; 23 % is 13.363, rounded to 13.36.
    assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (5810, 1336, 7146)
    first = credit_notes.credit(
        invoice=invoice, reason="Half the month was down", amounts={1: 2450}
    )
    # 23 % of 24.50 is 5.635, rounded to 5.64.
    assert (first.number, first.use, first.subtotal_minor, first.tax_minor) == (
        "CN-2026-000001",
        "invoice",
        2450,
        564,
    )
    with pytest.raises(TooMuch):
        credit_notes.credit(invoice=invoice, reason="Again", amounts={1: 2451})
    rest = credit_notes.credit(invoice=invoice, reason="All of it")
    assert (rest.number, rest.subtotal_minor, rest.tax_minor) == (
        "CN-2026-000002",
        3360,
        1336 - 564,
    )
    assert state(invoice) == ("paid", [])
    with system("test"):
        assert CreditNote.objects.count() == 2


def test_database_refuses_credit_beyond_the_line_and_changes_to_a_note(db):
    _, invoice = owing()
    note = credit_notes.credit(invoice=invoice, reason="Part", amounts={1: 4000})
    with system("test"):
        line = invoice.lines.get()
        with pytest.raises(DatabaseError), transaction.atomic():
            CreditNoteLine.objects.create(
                credit_note=note,
                business_id=note.business_id,
                invoice_line=line,
                position=9,
                kind="fee",
                month=MAY,
                amount_micros=9_010_000,
                amount_minor=901,
            )
        with pytest.raises(DatabaseError), transaction.atomic():
            CreditNote.objects.filter(pk=note.pk).update(reason="other")


def test_credit_of_a_paid_invoice_is_kept_and_pays_the_next(db):
    business, invoice = owing()
    receipts.record_transfer(invoice=invoice, amount_minor=4900, reference="A")
    note = credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 6_00})
    assert note.use == CreditUse.BALANCE
    with system("test"):
        assert settlement.balance_minor(business, "USD") == 600
    june = close.close_period(business=business, month=datetime(2026, 6, 1).date())
    assert state(june) == ("open", [("succeeded", 600)])
    with system("test"):
        assert (june.due_now(), settlement.balance_minor(business, "USD")) == (4300, 0)


def test_refund_goes_back_on_the_card_once(db, stripe):
    _, invoice = owing()
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 1000}, use=CreditUse.REFUND)
    stripe.lose = 1
    stripe_collection.collect_due()
    with system("test"):
        assert Refund.objects.get().status == "unknown"
    later()
    stripe_collection.collect_due()
    with system("test"):
        assert Refund.objects.get().status == "succeeded"
    assert [thing["amount"] for thing in stripe.things.values() if thing["object"] == "refund"] == [
        1000
    ]
    with pytest.raises(TooMuch):
        credit_notes.credit(
            invoice=invoice, reason="Too much", amounts={1: 3901}, use=CreditUse.REFUND
        )


def test_dunning_follows_its_schedule_and_payment_lifts_the_suspension_at_once(db, stripe):
    business, invoice = owing()
    due = datetime(2026, 6, 16, 1, tzinfo=UTC)
    assert invoice.due_at == due
    stripe.decline = True
    set_time(business, due - timedelta(seconds=1))
    assert dunning.run_due() == 0
    for day, step in (
        (0, "charge on the due date"),
        (1, "first reminder"),
        (3, "second charge"),
        (7, "third charge"),
        (10, "last reminder"),
    ):
        set_time(business, due + timedelta(days=day))
        assert dunning.run_due() == 1
        stripe_collection.collect_due()
        with system("test"):
            assert DunningStep.objects.latest("id").step == step
        fresh(business)
        assert business.may_send()
    assert dunning.run_due() == 0
    # A manual attempt uses none of the automatic ones.
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    set_time(business, due + timedelta(days=14))
    assert dunning.run_due() == 1
    fresh(business)
    assert not business.may_send()
    assert state(invoice) == ("open", [("failed", 4900)] * 4)
    # The schedule is at its end: nothing is tried, written or taken by itself any more.
    set_time(business, due + timedelta(days=90))
    assert dunning.run_due() == 0
    stripe_collection.collect_due()
    assert state(invoice) == ("open", [("failed", 4900)] * 4)
    stripe.decline = False
    stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    fresh(business)
    assert business.may_send()
    assert state(invoice)[0] == "paid"
    with system("test"):
        subjects = list(Email.objects.order_by("id").values_list("subject", flat=True))
    number = invoice.number
    assert subjects == [
        f"Invoice {number}: $49.00",
        f"Payment of {number} did not go through",
        f"Invoice {number} is past due: $49.00",
        f"Payment of {number} did not go through",
        f"Payment of {number} did not go through",
        f"Invoice {number} is past due: $49.00",
        f"Payment of {number} did not go through",
        f"Sending is stopped: invoice {number} is unpaid",
    ]


def test_a_suspension_for_another_reason_is_not_lifted_by_paying(db):
    business, invoice = owing()
    with system("test"):
        business.suspend("Abuse")
    receipts.record_transfer(invoice=invoice, amount_minor=4900, reference="A")
    fresh(business)
    assert not business.may_send()


def test_mail_is_sent_once_with_its_documents(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    _, invoice = owing()
    mail.outbox = []
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    (sent,) = mail.outbox
    assert sent.subject == f"Invoice {invoice.number}: $49.00"
    assert [attachment.filename for attachment in sent.attachments] == [
        f"{invoice.number}.pdf",
        f"{invoice.number}-lines.csv",
        f"{invoice.number}-ubl.xml",
    ]
    assert sent.alternatives[0].mimetype == "text/html"
    with system("test"):
        assert Email.objects.get().state == "sent"


def test_api_lists_filters_and_serves_the_same_documents(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_deliveries(business, number, 3)
    invoice = close.close_period(business=business, month=MAY)
    stranger, _ = shop()
    client = Client(headers={"Authorization": f"Bearer {make_key(business)}"})
    other = Client(headers={"Authorization": f"Bearer {make_key(stranger)}"})
    weak = Client(headers={"Authorization": f"Bearer {make_key(business, scopes=['messages'])}"})
    (found,) = client.get("/api/v1/invoices/?status=open&from=2026-05&to=2026-05").json()["data"]
    assert (found["number"], found["total"], found["due"], found["month"]) == (
        invoice.number,
        "49.03",
        "49.03",
        "2026-05",
    )
    assert client.get("/api/v1/invoices/?status=paid").json()["data"] == []
    assert client.get("/api/v1/invoices/?from=may").status_code == 400
    detail = client.get(f"/api/v1/invoices/{invoice.number}/").json()
    assert [(line["amount"], line["unit_price"]) for line in detail["lines"]] == [
        ("49.00", "49"),
        ("0.03", "0.0091"),
    ]
    pdf = client.get(f"/api/v1/invoices/{invoice.number}/documents/pdf/")
    assert pdf.content[:5] == b"%PDF-"
    assert pdf.content == client.get(f"/api/v1/invoices/{invoice.number}/documents/pdf/").content
    rows = b"".join(
        client.get(f"/api/v1/invoices/{invoice.number}/messages.csv").streaming_content
    ).decode()
    assert len(rows.splitlines()) == 4
    for path in ("", "documents/pdf/", "messages.csv"):
        assert other.get(f"/api/v1/invoices/{invoice.number}/{path}").status_code == 404
        assert weak.get(f"/api/v1/invoices/{invoice.number}/{path}").status_code == 403
        assert Client().get(f"/api/v1/invoices/{invoice.number}/{path}").status_code == 401
    assert other.get("/api/v1/invoices/").json()["data"] == []
    assert client.get(f"/api/v1/invoices/{invoice.number}/documents/docx/").status_code == 404
