"""Finance exports: balanced journals, reproducible ZIPs, workbooks without formulas; cancelled and
resumed.
"""

import csv
import io
import threading
import zipfile
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import Plan
from billing import finance_exports
from billing.documents import archive, einvoice
from billing.errors import BillingError
from billing.invoices import close, credit_notes
from billing.models import BillingDetails, Export
from billing.payments import receipts
from core import outbox
from core.queue.claim import claim
from core.tenancy import system
from hosting.models import Contact, Message
from tests.billing.invoices.test_close import MAY, shop
from tests.factories import make_deliveries


@pytest.fixture
def billed(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_deliveries(business, number, 3)
    return business, close.close_period(business=business, month=MAY)


def made(business, kind, **filters):
    export = finance_exports.request_export(kind=kind, business=business, filters=filters)
    assert finance_exports.run_due() == 1
    with system("test"):
        export.refresh_from_db()
    assert (export.state, export.error) == ("done", "")
    with default_storage.open(export.path) as file:
        return export, file.read()


def test_journal_balances_for_every_document(billed):
    business, invoice = billed
    receipts.record_transfer(invoice=invoice, amount_minor=4903, reference="Statement 1")
    credit_notes.credit(invoice=invoice, reason="=Goodwill()", amounts={1: 900})
    export, data = made(business, "journal")
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    sums = {}
    for row in rows:
        amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        sums[row["document"]] = sums.get(row["document"], 0) + amount
    # Money that arrived has no document of ours.
    assert sums == {"PARLEY-2026-000001": 0, "CN-2026-000001": 0, "": 0}
    found = [(row["account"], row["debit"], row["credit"]) for row in rows]
    # A purchase journal: payables, hosting, messages; bank and payments on account; credits.
    assert found == [
        ("3300", "", "49.03"),
        ("6835", "49.00", ""),
        ("6805", "0.03", ""),
        ("1800", "", "49.03"),
        ("1310", "49.03", ""),
        ("1310", "", "49.03"),
        ("3300", "49.03", ""),
        ("6835", "", "9.00"),
        ("1320", "9.00", ""),
    ]
    assert "'=Goodwill()" in data.decode()
    assert (export.done, export.total, export.size) == (9, 9, len(data))
    sellers = csv.DictReader(io.StringIO(made(None, "journal")[1].decode()))
    assert [(row["account"], row["debit"], row["credit"]) for row in sellers] == [
        ("1400", "49.03", ""),
        ("4400", "", "49.00"),
        ("4410", "", "0.03"),
        ("1800", "49.03", ""),
        ("1710", "", "49.03"),
        ("1710", "49.03", ""),
        ("1400", "", "49.03"),
        ("4400", "9.00", ""),
        ("1700", "", "9.00"),
    ]


def test_zip_has_every_document_and_the_same_bytes(billed):
    business, _ = billed
    _, first = made(business, "zip")
    _, second = made(business, "zip")
    assert first == second
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    number = "2026-05/PARLEY-2026-000001"
    assert names == [f"{number}.pdf", f"{number}-lines.csv", f"{number}-ubl.xml"]


@pytest.mark.parametrize(
    ("chosen", "country", "kinds"),
    [
        ("facturx", "US", ["-facturx.pdf", "-lines.csv"]),
        ("cii", "US", [".pdf", "-lines.csv", "-cii.xml"]),
        ("none", "US", [".pdf", "-lines.csv"]),
        # What it chose cannot be made: the seller has no account.
        ("xrechnung", "DE", [".pdf", "-lines.csv", "-ubl.xml"]),
    ],
)
def test_mails_and_zips_have_the_e_invoice_that_the_customer_chose(
    db, settings, tmp_path, mailoutbox, chosen, country, kinds
):
    settings.MEDIA_ROOT = tmp_path
    business, _ = shop()
    with system("test"):
        BillingDetails.objects.create(
            business=business,
            name="Bakery",
            country=country,
            email="books@bakery.example",
            einvoice_format=chosen,
        )
    invoice = close.close_period(business=business, month=MAY)
    credit_notes.credit(invoice=invoice, reason="Goodwill", amounts={1: 900})
    assert outbox.send_due() == 2
    names = {name for mail in mailoutbox for name, *_ in mail.attachments}
    wanted = {f"PARLEY-2026-000001{kind}" for kind in kinds}
    wanted |= {f"CN-2026-000001{kind}" for kind in kinds if kind != "-lines.csv"}
    assert names == wanted
    found = zipfile.ZipFile(io.BytesIO(made(business, "zip")[1])).namelist()
    assert {name.removeprefix("2026-05/") for name in found} == {
        f"{number}{kind}" for number in ("PARLEY-2026-000001", "CN-2026-000001") for kind in kinds
    }


def test_a_currency_of_three_decimals_has_no_e_invoice_and_says_why(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    with system("test"):
        Plan.objects.create(
            code="kuwait", name="Kuwait", currency="KWD", monthly_fee_micros=15_125_000
        )
    business, _ = shop(currency="KWD", plan_id="kuwait")
    invoice = close.close_period(business=business, month=MAY)
    with system("test"):
        assert archive.kinds_for_customer(invoice) == ["pdf", "lines"]
        assert archive.einvoice_kinds(invoice) == []
        for kind in ("ubl", "cii", "facturx", "xrechnung", "peppol"):
            with pytest.raises(einvoice.NotPossible, match="There is no e-invoice in KWD"):
                archive.get_document(invoice, kind)
        assert not invoice.documents.exists()
        assert archive.get_document(invoice, "pdf").size > 0


def test_workbook_has_every_message_and_no_formula(billed):
    business, _ = billed
    with system("test"):
        contact = Contact.objects.get(business=business)
        first = Message.objects.filter(contact=contact).earliest("id")
        Message.objects.filter(pk=first.pk).update(wamid="=1+1")
    _, data = made(business, "messages")
    sheet = load_workbook(io.BytesIO(data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 4
    assert {row[13] for row in rows[1:]} == {0.0091}
    assert "=1+1" in {row[3] for row in rows[1:]}
    assert {cell.data_type for cell in sheet["D"][1:]} == {"s"}


def test_other_businesses_and_months_stay_out(billed):
    business, invoice = billed
    stranger, _ = shop()
    close.close_period(business=stranger, month=MAY)
    assert {
        row["document"]
        for row in csv.DictReader(io.StringIO(made(business, "journal")[1].decode()))
    } == {str(invoice)}
    # By posting date: May was invoiced, and so posted, in June.
    assert made(business, "journal", to="2026-05")[0].total == 0
    assert made(business, "journal", **{"from": "2026-06", "to": "2026-06"})[0].total == 3
    assert made(None, "journal")[0].total == 5
    assert made(None, "journal", businesses=[stranger.pk])[0].total == 2
    assert made(None, "zip", businesses=[stranger.pk], statuses=["open"])[0].total == 1


@pytest.mark.usefixtures("committed_db")
def test_cancelled_while_running_and_resumed(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_deliveries(business, number, 3)
    close.close_period(business=business, month=MAY)
    export = finance_exports.request_export(kind="zip", business=business)
    (row,) = claim(finance_exports.QUEUE)
    under_way = finance_exports._iterate_invoices(export, row)
    next(under_way)
    elsewhere(finance_exports.cancel, export=export)
    with pytest.raises(finance_exports.Cancelled):
        next(under_way)
    assert finance_exports.run_due() == 0
    assert state_of(export) == ("cancelled", "")
    finance_exports.resume(export=export)
    assert finance_exports.run_due() == 1
    assert state_of(export)[0] == "done"
    with pytest.raises(BillingError):
        finance_exports.cancel(export=export)


def test_files_go_after_thirty_days_and_are_made_again(billed, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    first, twin = (finance_exports.request_export(kind="journal") for _ in range(2))
    assert finance_exports.run_due() == 2
    with system("test"):
        path = Export.objects.get(pk=first.pk).path
    with system("test"):
        Export.objects.filter(pk=first.pk).update(
            finished_at=timezone.now() - timedelta(days=30, seconds=1)
        )
        Export.objects.filter(pk=twin.pk).update(finished_at=timezone.now() - timedelta(days=29))
    assert finance_exports.expire_files() == 1
    assert (state_of(first)[0], state_of(twin)[0], default_storage.exists(path)) == (
        "expired",
        "done",
        True,
    )
    with system("test"):
        Export.objects.filter(pk=twin.pk).update(finished_at=timezone.now() - timedelta(days=31))
    assert (finance_exports.expire_files(), finance_exports.expire_files()) == (1, 0)
    assert not default_storage.exists(path)
    finance_exports.resume(export=first)
    assert finance_exports.run_due() == 1
    assert (state_of(first)[0], default_storage.exists(path)) == ("done", True)


def elsewhere(work, **arguments):
    """Run on another connection, as another process would."""

    def run():
        work(**arguments)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def state_of(export):
    with system("test"):
        return Export.objects.values_list("state", "sha256").get(pk=export.pk)


@pytest.mark.parametrize("filters", [{"from": "may"}, {"statuses": ["lost"]}, {"colour": "red"}])
def test_bad_filters_are_refused(db, filters):
    with pytest.raises(finance_exports.BadFilter):
        finance_exports.request_export(kind="zip", filters=filters)
    with system("test"):
        assert not Export.objects.exists()
