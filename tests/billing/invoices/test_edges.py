"""Edge cases of invoicing: refusals store nothing, rare cases add up."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from billing import finance_exports, tasks
from billing.documents import archive, sources
from billing.errors import TooMuch, WrongStatus
from billing.invoices import close, credit_notes
from billing.metering import meter
from billing.models import (
    BillingDetails,
    CreditNote,
    CreditUse,
    Discount,
    DunningStep,
    Export,
    GatewayEvent,
    Invoice,
    InvoiceLine,
    NumberSeries,
    Refund,
    Seller,
    TaxRate,
)
from billing.models.details import validate_vat_id
from billing.models.invoices import validate_iban
from billing.payments import dunning, receipts, stripe_collection
from core import outbox
from core.models import Email
from core.tenancy import system
from tests.billing.documents.test_documents import failures
from tests.billing.documents.test_exports import state_of
from tests.billing.invoices.test_close import MAY, lines_of, shop
from tests.billing.payments.test_dunning import set_time
from tests.billing.payments.test_pages import member
from tests.billing.payments.test_stripe_collection import owing, state, stripe
from tests.factories import (
    make_business,
    make_deliveries,
    make_exchange_rates,
    make_member,
)

__all__ = ["stripe"]


def notes() -> int:
    with system("test"):
        return CreditNote.objects.count()


def taxed() -> Any:
    """A seller in Ireland and a customer there: $49.00 and 23 % on it, which is 11.27; and its
    invoice.
    """
    with system("test"):
        Seller.objects.update(country="IE", vat_id="IE6388047V")
    make_exchange_rates()
    business, _ = shop(country="IE")
    make_member(business)
    return business, close.close_period(business=business, month=MAY)


def test_what_is_void_or_not_issued_is_not_credited(db: None) -> None:
    _, invoice = owing()
    close.void(invoice=invoice)
    with pytest.raises(WrongStatus, match="is void: there is nothing to credit"):
        credit_notes.credit(invoice=invoice, reason="Goodwill")
    assert notes() == 0


def test_credit_goes_only_where_it_can(db: None) -> None:
    _, invoice = owing()
    with pytest.raises(WrongStatus, match="is not paid; the credit reduces what is due"):
        credit_notes.credit(
            invoice=invoice, reason="Goodwill", amounts={1: 100}, use=CreditUse.REFUND
        )
    with pytest.raises(TooMuch, match="Nothing is left to credit"):
        credit_notes.credit(invoice=invoice, reason="Nothing", amounts={1: 0})
    receipts.record_transfer(invoice=invoice, amount_minor=4000, reference="A")
    with pytest.raises(TooMuch, match="900 minor units are due"):
        credit_notes.credit(
            invoice=invoice, reason="Goodwill", amounts={1: 901}, use=CreditUse.INVOICE
        )
    with pytest.raises(WrongStatus, match="has payments or credits"):
        close.void(invoice=invoice)
    assert notes() == 0
    credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 900})
    assert state(invoice)[0] == "paid"


def test_what_was_paid_from_the_balance_cannot_be_refunded_as_money(db: None) -> None:
    business, may = owing()
    receipts.record_transfer(invoice=may, amount_minor=4900, reference="A")
    credit_notes.credit(invoice=may, reason="Goodwill")
    june = close.close_period(business=business, month=date(2026, 6, 1))
    assert june is not None
    assert state(june) == ("paid", [("succeeded", 4900)])
    with pytest.raises(TooMuch, match="0 minor units were paid"):
        credit_notes.credit(invoice=june, reason="Money back", use=CreditUse.REFUND)
    assert notes() == 1


def test_a_refund_goes_back_over_the_payments_in_their_order(db: None) -> None:
    _, invoice = owing()
    for number, minor in enumerate((1000, 2000, 1900)):
        receipts.record_transfer(invoice=invoice, amount_minor=minor, reference=f"STMT {number}")
    for minor in (1500, 1000):
        credit_notes.credit(
            invoice=invoice, reason="Back", amounts={1: minor}, use=CreditUse.REFUND
        )
    with system("test"):
        rows = Refund.objects.order_by("id").values_list(
            "credit_note__number", "payment__attempt", "amount_minor"
        )
        assert list(rows) == [
            ("CN-2026-000001", 1, 1000),
            ("CN-2026-000001", 2, 500),
            ("CN-2026-000002", 2, 1000),
        ]


def test_tax_of_a_credit_follows_the_rate_of_its_lines(db: None) -> None:
    business, _ = shop()
    make_member(business)
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Bakery", country="US", needs_approval=True
        )
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    # 49.00 without tax, and 9.10 at 20 %, which is 1.82.
    rates = (("O", "0", 4900, 0), ("S", "20", 910, 182))
    groups = [
        {"category": category, "percent": percent, "base_minor": base, "tax_minor": tax, "note": ""}
        for category, percent, base, tax in rates
    ]
    with system("test"):
        InvoiceLine.objects.create(
            invoice=invoice,
            business=business,
            position=2,
            kind="messages",
            description="Messages",
            month=MAY,
            quantity=1000,
            unit_price_micros=9100,
            amount_micros=9_100_000,
            amount_minor=910,
            tax_category="S",
            tax_percent=20,
        )
        Invoice.objects.filter(pk=invoice.pk).update(
            taxes=groups,
            subtotal_minor=5810,
            tax_minor=182,
            total_minor=5992,
            # Issued by hand: issuing puts one tax on all lines.
            number="PARLEY-2026-000001",
            issued_on=date(2026, 6, 2),
            status="open",
        )
    note = credit_notes.credit(invoice=invoice, reason="Messages", amounts={2: 910})
    assert (note.taxes, note.total_minor) == ([groups[1]], 1092)
    assert credit_notes.credit(invoice=invoice, reason="Rest").taxes == [groups[0]]
    assert state(invoice)[0] == "paid"


def test_discount_of_less_than_half_a_cent_is_exact_and_rounded_with_the_sum(db: None) -> None:
    business, number = shop(plan_id="free")
    make_deliveries(business, number, 3)
    with system("test"):
        Discount.objects.create(
            business=business, description="Launch", percent=Decimal(10), first_month=MAY
        )
    # 0.0273 less 10 %, 0.00273, is 0.02457: two cents, of which the discount's line has minus one.
    invoice = close.close_period(business=business, month=MAY)
    assert lines_of(invoice) == [("messages", 3, 3), ("discount", 1, -1)]
    with system("test"):
        exact = list(invoice.lines.values_list("amount_micros", flat=True))
    assert (exact, invoice.subtotal_minor) == ([27_300, -2_730], 2)


def test_what_cannot_be_metered_in_time_is_billed_in_the_next_month(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    business, number = shop(plan_id="free")
    make_deliveries(business, number, 3)
    monkeypatch.setattr(close, "MAX_BATCHES", 0)
    assert close.close_period(business=business, month=MAY) is None
    meter.meter_due()
    assert lines_of(close.close_period(business=business, month=date(2026, 6, 1))) == [
        ("late", 3, 3)
    ]


def test_an_invoice_without_an_address_is_issued_and_not_mailed(db: None) -> None:
    business, _ = shop()
    assert state(close.close_period(business=business, month=MAY)) == ("open", [])
    with system("test"):
        assert not Email.objects.exists()


def test_a_mail_may_be_plain(db: None, settings: Any, mailoutbox: list[Any]) -> None:
    owing()
    with system("test"):
        Email.objects.update(html="", attachments=[])
    assert outbox.send_due() == 1
    (sent,) = mailoutbox
    assert (sent.alternatives, sent.attachments) == ([], [])


def test_one_failing_dunning_step_does_not_stop_the_others(db: None, settings: Any) -> None:
    settings.STRIPE_API_KEY = ""
    # A step's mark holds 30 characters.
    settings.BILLING_DUNNING = [
        ("x" * 31, 0, "remind"),
        ("reminder", 0, "remind"),
        ("charge", 0, "charge"),
    ]
    business, invoice = owing()
    set_time(business, invoice.due_at)
    assert dunning.run_due() == 2
    with system("test"):
        assert set(DunningStep.objects.values_list("step", flat=True)) == {"reminder", "charge"}
        assert (
            Email.objects.filter(kind="past_due", key=f"invoice-{invoice.pk}-reminder").count() == 1
        )
    # Two workers with the same list in hand: the second finds the step taken.
    assert dunning._run_step(invoice, dunning.schedule()[1]) is False
    assert state(invoice) == ("open", [])


def test_dunning_waits_for_the_result_of_a_payment(db: None, stripe: Any) -> None:
    business, invoice = owing()
    set_time(business, invoice.due_at + timedelta(days=1))
    stripe_collection.start_charge(invoice=invoice)
    assert dunning.run_due() == 0
    stripe_collection.collect_due()
    assert (dunning.run_due(), state(invoice)) == (0, ("paid", [("succeeded", 4900)]))


def test_every_document_of_a_credit_note(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    _, invoice = taxed()
    note = credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 1000})
    with system("test"):
        data = {
            kind: archive.read_document(archive.get_document(note, kind))
            for kind in ("pdf", "lines", "cii", "ubl", "facturx")
        }
        assert sources.document_content(note).corrects == (str(invoice), invoice.issued_at.date())
    assert (
        data["lines"].decode().splitlines()[1]
        == 'CN-2026-000001,1,"Hosting, plan Team",2026-05,10.00,USD'
    )
    assert [failures(syntax, data[syntax]) for syntax in ("cii", "ubl")] == [[], []]
    assert {data["pdf"][:5], data["facturx"][:5]} == {b"%PDF-"}


def test_pages_refuse_what_there_is_not(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, invoice = owing()
    note = credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 1000})
    client = member(business)
    assert client.get(reverse("credit_note", args=[note.number, "lines"])).status_code == 200
    assert client.get(reverse("credit_note", args=[note.number, "docx"])).status_code == 404
    assert client.get(reverse("credit_note", args=["CN-2026-000009", "lines"])).status_code == 404
    export = finance_exports.request_export(kind="zip", business=business)
    assert client.get(f"/invoices/exports/{export.pk}/file/").status_code == 404


def test_an_unfinished_form_of_billing_details_is_refused(db: None) -> None:
    business = make_business()
    answer = member(business).post(
        reverse("billing_details"), {"name": "Korn", "country": "", "vat_id": "DE136695976"}
    )
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["country"])
    with system("test"):
        assert not BillingDetails.objects.exists()


def test_a_month_goes_from_delivery_to_money_by_tasks_alone(
    db: None, stripe: Any, settings: Any, tmp_path: Any, mailoutbox: list[Any]
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_deliveries(business, number, 1000)
    with system("test"):
        BillingDetails.objects.create(
            business=business,
            name="Bakery",
            country="US",
            email="books@bakery.example",
            customer_id="cus_1",
            method_id="pm_1",
        )
    for task in (tasks.sweep, tasks.close_due_periods, tasks.collect):
        task()
    assert outbox.send_due() == 1
    with system("test"):
        invoice = Invoice.objects.get()
    assert (invoice.total_minor, [mail.subject for mail in mailoutbox]) == (
        5810,
        [f"Invoice {invoice.number}: $58.10"],
    )
    set_time(business, invoice.due_at)
    tasks.collect()
    assert (state(invoice), stripe.charges) == (("paid", [("succeeded", 5810)]), [5810])
    export = finance_exports.request_export(kind="journal", business=business)
    tasks.export()
    assert state_of(export)[0] == "done"


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (validate_iban, "DE89370400440532013000", "DE89370400440532013001"),
        (validate_vat_id, "DE136695976", "DE136695970"),
    ],
)
def test_check_digits_are_checked(check: Any, right: str, wrong: str) -> None:
    check(right)
    with pytest.raises(ValidationError, match=wrong):
        check(wrong)


def test_rows_have_the_names_accountants_use(db: None, stripe: Any) -> None:
    _, invoice = owing()
    payment = stripe_collection.start_charge(invoice=invoice)
    stripe_collection.collect_due()
    note = credit_notes.credit(
        invoice=invoice, reason="Back", amounts={1: 1000}, use=CreditUse.REFUND
    )
    number = "PARLEY-2026-000001"
    with system("test"):
        named = [
            invoice,
            InvoiceLine.objects.get(),
            payment,
            note,
            note.lines.get(),
            Refund.objects.get(),
            NumberSeries.objects.get(prefix="CN"),
            Seller.objects.get(),
            BillingDetails.objects.get(),
            Email.objects.earliest("id"),
            TaxRate(place="IE", percent=Decimal(23)),
            Discount(description="Launch", percent=Decimal(10)),
            DunningStep(invoice=invoice, step="first reminder"),
            GatewayEvent(kind="charge", event_id="evt_1"),
            Export(pk=7, kind="journal"),
            archive.get_document(invoice, "lines"),
        ]
        assert [str(row) for row in named] == [
            number,
            f"{number} line 1",
            f"{number} attempt 1",
            "CN-2026-000001",
            "CN-2026-000001 line 1",
            f"refund of {number} attempt 1",
            "CN-2026: 1",
            Seller.objects.get().name,
            "Bakery",
            f"Invoice {number}: $49.00",
            "IE 23 %",
            "Launch, 10 %",
            f"first reminder of {number}",
            "charge evt_1",
            "Journal, CSV 7",
            f"{number}-lines.csv",
        ]
