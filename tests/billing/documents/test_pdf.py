"""The PDF: groups with their sums, due and prepaid amounts, tax, how to pay, and the customer's
language.
"""

import dataclasses
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import segno
from django.utils import translation
from pypdf import PdfReader

from billing.documents import archive, pdf, wording
from billing.documents.content import DocumentContent
from billing.documents.sources import document_content
from billing.invoices import close, credit_notes, tax
from billing.models import BillingDetails, Discount, Invoice
from core.tenancy import system
from tests.billing.documents.samples import (
    BERLIN,
    CORRECTED,
    DENVER,
    DUBLIN,
    KORN,
    MUMBAI,
    PARIS,
    PUNE,
    in_dollars,
    line,
    make_content,
)
from tests.billing.invoices.test_close import MAY, shop
from tests.billing.taxes import decide
from tests.factories import make_deliveries

ENGLISH = {**KORN, "language": "en"}


def pages(content: DocumentContent) -> list[str]:
    """The text of each page, spaces and line ends as one space."""
    read = PdfReader(io.BytesIO(pdf.render(content)))
    return [" ".join(page.extract_text().split()) for page in read.pages]


def many_lines(buyer: dict[str, Any]) -> DocumentContent:
    """$4.55 in 77 lines: a fee of 1.00, and 76 lines of messages with 0.05 or 0.04 or 0.01."""
    treated = decide(DUBLIN, buyer)
    lines = [line(1, "Hosting, plan Team", 1, 1_000_000, 100, treated, kind="fee", market="")]
    for number in range(76):
        category = ("marketing", "utility")[number % 2]
        cents = 5 if number < 60 else 4 if number < 73 else 1
        made = line(
            number + 2,
            f"{category.title()} messages to Market {number}",
            1,
            cents * 10_000,
            cents,
            treated,
            market=f"Market {number}",
        )
        lines.append(dataclasses.replace(made, category=category))
    total = 100 + 60 * 5 + 13 * 4 + 3
    return make_content(
        DUBLIN,
        buyer,
        lines=lines,
        taxes=[tax.tax_group(treated, total)],
        subtotal_minor=total,
        tax_minor=0,
        total_minor=total,
    )


def test_lines_are_grouped_by_category_and_stand_in_an_annex() -> None:
    content = many_lines(DENVER | {"language": "en"})
    assert (len(content.lines), content.total_minor) == (77, 455)
    first, *annex = pages(content)
    # 38 lines each: marketing has 30 x 0.05 + 7 x 0.04 + 1 x 0.01, utility 30 x 0.05 + 6 x 0.04 +
    # 2 x 0.01.
    assert "Hosting fee Hosting, plan Team €1.00" in first
    assert "Marketing messages Market 0, Market 2, Market 4 and 35 more 38 €1.79" in first
    assert "Utility messages Market 1, Market 3, Market 5 and 35 more 38 €1.76" in first
    assert "Subtotal €4.55" in first
    assert "Market 40" not in first
    every = " ".join(annex)
    assert every.startswith("Annex: all lines")
    assert all(f"messages to Market {number} 1 €" in every for number in range(76))
    assert len(annex) < 4


def test_due_and_prepaid_amounts() -> None:
    # 52.29 and 19 % of it, 9.94: 62.23.
    (first, *_) = pages(make_content(buyer=ENGLISH, prepaid_minor=1000))
    assert "Total €62.23 Paid from your balance −€10.00 Payable €52.23" in first
    # A document is not changed when it is paid: it never says what is due now.
    assert "Amount due" not in first
    (first, *_) = pages(make_content(buyer=ENGLISH))
    assert "€62.23, payable by " in first
    assert "Paid from your balance" not in first
    (first, *_) = pages(make_content(buyer=ENGLISH, prepaid_minor=6223, pay_url="https://x/pay"))
    assert "Payable €0.00" in first
    assert "payable by" not in first
    assert "Pay online" not in first
    assert "IBAN" not in first


def test_tax_stands_in_a_table_with_the_sellers_currency() -> None:
    (first, *_) = pages(in_dollars(buyer=ENGLISH))
    assert "USt 19 % $52.29 $9.94" in first
    assert "Tax in EUR: €8.85 (1 USD = 0.890155 EUR)" in first
    (first, *_) = pages(make_content(MUMBAI, {**PUNE, "language": "en"}, currency="INR"))
    assert "CGST 9 % ₹52.29 ₹4.71 SGST 9 % ₹52.29 ₹4.71" in first
    assert "Tax id 27AAPFU0939F1ZV" in first
    (first, *_) = pages(make_content(DUBLIN, {**PARIS, "language": "en"}))
    assert "Reverse charge" in first


def test_the_address_is_written_as_its_country_does() -> None:
    (first, *_) = pages(make_content(DUBLIN, {**DENVER, "language": "en"}))
    assert "Denver Bikes Inc. 1 Main Street Denver, CO 80201 United States" in first
    (first, *_) = pages(make_content(BERLIN, ENGLISH))
    assert "Hauptstraße 1 20095 Hamburg Germany VAT id DE811569869" in first


def test_it_says_how_to_pay() -> None:
    (first, *_) = pages(make_content(buyer=ENGLISH, pay_url="https://parley.example/pay/x/"))
    for expected in (
        "Account holder Parley Deutschland GmbH",
        "IBAN DE89 3704 0044 0532 0130 00",
        "BIC COBADEFFXXX",
        "Reference PARLEY-2026-000001",
        "Scan in your banking app",
        "Pay online",
    ):
        assert expected in first
    made = pdf.render(make_content(pay_url="https://parley.example/pay/x/"))
    notes: Any = PdfReader(io.BytesIO(made)).pages[0]["/Annots"]
    (link,) = (one.get_object()["/A"]["/URI"] for one in notes)
    assert link == "https://parley.example/pay/x/"


def transfer_of(**more: Any) -> str:
    values = pdf._payment(make_content(**more))
    return values["transfer_code"] if values else ""


def test_the_code_for_transfers_has_account_amount_and_reference() -> None:
    text = (
        "BCD\n002\n1\nSCT\nCOBADEFFXXX\nParley Deutschland GmbH\nDE89370400440532013000\n"
        "EUR52.23\n\n\nPARLEY-2026-000001"
    )
    wanted = segno.make_qr(text.encode(), error="m", boost_error=False)
    assert transfer_of(prepaid_minor=1000) == pdf._svg(wanted)
    assert transfer_of(prepaid_minor=1000) != transfer_of()


@pytest.mark.parametrize(
    "more",
    [
        {"currency": "USD"},
        {"seller": {**BERLIN, "iban": ""}},
        {"prepaid_minor": 6223},
        {"corrects": CORRECTED},
        {"is_test": True},
        {"total_minor": 100_000_000_000},
    ],
)
def test_there_is_no_code_for_other_currencies_nor_where_nothing_is_due(
    more: dict[str, Any],
) -> None:
    assert transfer_of(**more) == ""


def test_a_test_document_says_so() -> None:
    first = pages(make_content(buyer=ENGLISH, is_test=True))[0]
    assert "Test document: nothing is owed" in first
    assert "IBAN" not in first


def test_a_german_customer_reads_german() -> None:
    text = " ".join(pages(make_content(prepaid_minor=1000)))
    for expected in (
        "Rechnung PARLEY-2026-000001",
        "Monat Mai 2026",
        "Fällig 16. Juni 2026",
        "Zu zahlen 52,23 €",
        "Aus Ihrem Guthaben bezahlt −10,00 €",
        "USt 19 % 52,29 € 9,94 €",
        "Nachrichten 1 bis 1.000",
        "Anlage: alle Positionen",
        "Deutschland USt-IdNr. DE811569869",
        "Seite 1 von",
    ):
        assert expected in text
    assert translation.get_language() == "en"
    assert "Gutschrift" in pages(make_content(corrects=CORRECTED))[0]


@pytest.mark.parametrize(
    ("text", "kind", "category", "rule", "german"),
    [
        ("Hosting, plan Team", "fee", "", "", "Hosting, Tarif Team"),
        (
            "Hosting, plan Team, 3 to 10 May (8 of 31 days)",
            "fee",
            "",
            "",
            "Hosting, Tarif Team, 3. bis 10. Mai (8 von 31 Tagen)",
        ),
        (
            "Hosting, plan Team, 10 May (1 of 31 days)",
            "fee",
            "",
            "",
            "Hosting, Tarif Team, 10. Mai (1 von 31 Tagen)",
        ),
        (
            "Marketing messages to Germany",
            "messages",
            "marketing",
            "tier",
            "Marketing-Nachrichten nach Deutschland",
        ),
        (
            "Marketing messages to Germany, failed",
            "messages",
            "marketing",
            "failed",
            "Marketing-Nachrichten nach Deutschland, fehlgeschlagen",
        ),
        (
            "Service messages to Germany, free of charge, delivered in 2026-05",
            "late",
            "service",
            "free_entry",
            "Service-Nachrichten nach Deutschland, kostenlos, zugestellt im Monat 2026-05",
        ),
        ("Launch offer, 10 %", "discount", "", "", "Launch offer, 10 %"),
        ("Of another kind", "later", "", "", "Of another kind"),
    ],
)
def test_descriptions_are_translated_where_they_are_ours(
    text: str, kind: str, category: str, rule: str, german: str
) -> None:
    def described() -> str:
        late = kind == "late"
        return wording.description(
            text, kind=kind, category=category, market="Germany", rule=rule, of=MAY, is_late=late
        )

    with translation.override("de"):
        assert described() == german
    with translation.override("en"):
        assert described() == text


def test_documents_of_an_invoice_are_in_its_customers_language(
    db: None, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    business, number = shop(clock_at=datetime(2026, 6, 10, tzinfo=UTC))
    make_deliveries(business, number, 3)
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Korn", country="DE", language="de", city="Hamburg"
        )
        Discount.objects.create(
            business=business,
            description="Treue",
            percent=Decimal(10),
            first_month=MAY,
        )
    invoice = close.close_period(business=business, month=MAY)
    assert isinstance(invoice, Invoice)
    note = credit_notes.credit(invoice=invoice, reason="Kulanz", amounts={1: 1000})
    with system("test"):
        content = document_content(invoice)
        assert [one.description for one in content.lines] == [
            "Hosting, Tarif Team",
            "Information-Nachrichten nach Nordamerika",
            "Treue, 10 %",
        ]
        assert content.lines[1].category == "utility"
        for source, title in ((invoice, "Rechnung"), (note, "Gutschrift")):
            kept = archive.read_document(archive.get_document(source, "pdf"))
            text = PdfReader(io.BytesIO(kept)).pages[0].extract_text()
            assert text.startswith(title)
        xml = archive.read_document(archive.get_document(invoice, "ubl")).decode()
        assert "Hosting, Tarif Team" in xml


@pytest.mark.parametrize(
    ("name", "german"),
    [
        ("Germany", "Deutschland"),
        ("North America", "Nordamerika"),
        ("Rest of Western Europe", "Übriges Westeuropa"),
        ("A market of our own", "A market of our own"),
        ("", ""),
    ],
)
def test_markets_are_in_the_customers_language(name: str, german: str) -> None:
    with translation.override("de"):
        assert wording.market_name(name) == german
    with translation.override("en"):
        assert wording.market_name(name) == name
