"""XRechnung 3 and Peppol BIS 3: every rule that touches what is written, by its id, kept by good
documents and broken by bad ones; and what is missing for a format is named.
"""

from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from billing.documents import einvoice, terms
from billing.documents.content import DocumentContent
from billing.documents.einvoice import NotPossible
from tests.billing.documents import rules
from tests.billing.documents.rules import Rule
from tests.billing.documents.samples import (
    BERLIN,
    CORRECTED,
    DENVER,
    DUBLIN,
    KORN,
    MUMBAI,
    PARIS,
    PUNE,
    every_content,
    in_dollars,
    make_content,
)
from tests.billing.documents.test_documents import failures, ubl_schema

Write = Callable[[DocumentContent], bytes]
# What has no place in a format, by the name of the content: the seller has no account there.
WITHOUT_ACCOUNT = {"from India, in India", "from India, abroad"}


def documents(write: Write) -> dict[str, bytes]:
    return {
        name: write(content)
        for name, content in every_content().items()
        if write is einvoice.peppol or name not in WITHOUT_ACCOUNT
    }


def sample_for(rule: Rule) -> DocumentContent:
    """A content whose document has what the rule is about."""
    special = {
        "BR-DE-18": make_content(corrects=CORRECTED),
        # Two notes are allowed between Germans.
        "PEPPOL-EN16931-R002": make_content(DUBLIN, PARIS, corrects=CORRECTED),
        "PEPPOL-EN16931-P0101": make_content(corrects=CORRECTED),
        "PEPPOL-EN16931-P0104": make_content(DUBLIN, DENVER),
        "PEPPOL-EN16931-P0105": make_content({**DUBLIN, "vat_id": ""}, DENVER),
        "PEPPOL-EN16931-P0107": make_content(DUBLIN, PARIS),
        # Rules of Germany, which Peppol has as well, would be broken with these otherwise.
        "PEPPOL-EN16931-R003": make_content(DUBLIN, PARIS),
    }
    in_two = {"PEPPOL-EN16931-R005", "PEPPOL-EN16931-R054", "PEPPOL-EN16931-R055"}
    return special.get(rule.id, in_dollars() if rule.id in in_two else make_content())


def spoiled(rule: Rule, write: Write) -> tuple[Any, Any]:
    """A good document for a rule, and the same spoiled."""
    good, bad = (etree.fromstring(write(sample_for(rule))) for _ in range(2))
    rule.spoil(bad)
    return good, bad


CASES = [(one, einvoice.xrechnung) for one in rules.XRECHNUNG] + [
    (one, einvoice.peppol) for one in rules.PEPPOL
]


@pytest.mark.parametrize(("rule", "write"), CASES, ids=[rule.id for rule, _ in CASES])
def test_a_rule_is_kept_by_every_document_and_broken_by_a_spoiled_one(
    rule: Rule, write: Write
) -> None:
    for name, made in documents(write).items():
        assert rule.holds(etree.fromstring(made)), (rule.id, name)
    good, bad = spoiled(rule, write)
    assert (rule.holds(good), rule.holds(bad)) == (True, False)


@pytest.mark.parametrize("name", list(every_content()))
def test_every_document_keeps_the_rules_and_the_schema_of_en_16931(name: str) -> None:
    content = every_content()[name]
    for profile in (terms.EN16931, terms.XRECHNUNG, terms.PEPPOL):
        made = einvoice.ubl(content, profile)
        assert failures("ubl", made) == []
        ubl_schema(content).assertValid(etree.fromstring(made))
    assert failures("cii", einvoice.cii(content)) == []


def terms_of(made: bytes, *paths: str) -> list[str]:
    root = etree.fromstring(made)
    return [rules.text(root, path) for path in paths]


@pytest.mark.parametrize(
    ("content", "seller", "buyer"),
    [
        # VAT ids, tax numbers that are none (BT-32), and company numbers (BT-47).
        (make_content(DUBLIN, PARIS), ("IE6388047V VAT",), ("FR83404833048", "")),
        (make_content(DUBLIN, DENVER), ("IE6388047V VAT",), ("", "123456789")),
        (make_content(DUBLIN, PUNE), ("IE6388047V VAT",), ("", "27AAACC1206D1ZM")),
        (make_content(MUMBAI, PUNE), ("27AAPFU0939F1ZV FC",), ("", "27AAACC1206D1ZM")),
        (
            make_content({**BERLIN, "vat_id": "", "tax_number": "37/123/45678"}),
            ("37/123/45678 FC",),
            ("DE811569869", ""),
        ),
        (make_content({**DUBLIN, "vat_id": ""}, DENVER), (), ("", "123456789")),
        (
            make_content(DUBLIN, {**DENVER, "registration": "C 77"}),
            ("IE6388047V VAT",),
            ("", "C 77"),
        ),
        (
            make_content({**DUBLIN, "country": "GB", "vat_id": "980780684"}, PARIS),
            ("GB980780684 VAT",),
            ("FR83404833048", ""),
        ),
    ],
)
def test_tax_ids_stand_where_they_belong(
    content: DocumentContent, seller: tuple[str, ...], buyer: tuple[str, str]
) -> None:
    root = etree.fromstring(einvoice.ubl(content))
    schemes = rules.find(root, f"{rules.SELLER}/cac:PartyTaxScheme")
    numbers = [
        f"{rules.text(one, 'cbc:CompanyID')} {rules.text(one, 'cac:TaxScheme/cbc:ID')}"
        for one in schemes
    ]
    assert tuple(numbers) == seller
    assert buyer == (
        rules.text(root, f"{rules.BUYER}/cac:PartyTaxScheme/cbc:CompanyID"),
        rules.text(root, f"{rules.BUYER}/cac:PartyLegalEntity/cbc:CompanyID"),
    )
    assert [one.split()[0] for one in failures("cii", einvoice.cii(content))] == []


def test_prepaid_and_due_amounts() -> None:
    # 52.29 and 19 % of it, 9.94: 62.23, of which the balance paid 10.00.
    paths = ("cac:LegalMonetaryTotal/cbc:PrepaidAmount", "cac:LegalMonetaryTotal/cbc:PayableAmount")
    assert terms_of(einvoice.ubl(make_content(prepaid_minor=1000)), *paths) == ["10.00", "52.23"]
    assert terms_of(einvoice.ubl(make_content(prepaid_minor=6223)), *paths) == ["62.23", "0.00"]
    assert terms_of(einvoice.ubl(make_content()), *paths) == ["", "62.23"]
    made = einvoice.cii(make_content(prepaid_minor=1000)).decode()
    assert ">10.00</ram:TotalPrepaidAmount>" in made
    assert ">52.23</ram:DuePayableAmount>" in made


def test_tax_is_said_in_the_sellers_currency_as_well() -> None:
    own = "cac:TaxTotal[not(cac:TaxSubtotal)]/cbc:TaxAmount"
    made = einvoice.ubl(in_dollars())
    assert terms_of(made, "cbc:TaxCurrencyCode", own) == ["EUR", "8.85"]
    assert rules.find(etree.fromstring(made), own)[0].get("currencyID") == "EUR"
    assert '<ram:TaxTotalAmount currencyID="EUR">8.85<' in einvoice.cii(in_dollars()).decode()
    assert terms_of(einvoice.ubl(make_content()), "cbc:TaxCurrencyCode", own) == ["", ""]


def test_three_decimals_are_refused_with_a_reason() -> None:
    refused = einvoice.refusal(make_content(currency="KWD"))
    assert refused.startswith("There is no e-invoice in KWD")
    for currency in ("EUR", "JPY", "ISK"):
        assert einvoice.refusal(make_content(currency=currency)) == ""


def lacking(format: str, seller: dict[str, Any], buyer: dict[str, Any]) -> list[str]:
    return [one.rule for one in einvoice.lacks(format, seller, buyer)]


@pytest.mark.parametrize(
    ("format", "seller", "buyer", "rule"),
    [
        *(
            ("xrechnung", name, "", rule)
            for name, rule in (
                ("iban", "BR-DE-1"),
                ("city", "BR-DE-3"),
                ("postcode", "BR-DE-4"),
                ("contact_name", "BR-DE-5"),
                ("phone", "BR-DE-6"),
                ("email", "BR-DE-7"),
            )
        ),
        *(
            ("xrechnung", "", name, rule)
            for name, rule in (
                ("city", "BR-DE-8"),
                ("postcode", "BR-DE-9"),
                ("reference", "BR-DE-15"),
            )
        ),
        ("peppol", "endpoint_id", "", "PEPPOL-EN16931-R020"),
        ("peppol", "", "endpoint_id", "PEPPOL-EN16931-R010"),
        ("peppol", "phone", "", "DE-R-006"),
        ("peppol", "", "reference", "DE-R-015"),
    ],
)
def test_what_is_missing_for_a_format_is_named_by_its_rule(
    format: str, seller: str, buyer: str, rule: str
) -> None:
    assert lacking(format, BERLIN, KORN) == []
    ours, theirs = {**BERLIN, seller: ""}, {**KORN, buyer: ""}
    assert lacking(format, ours, theirs) == [rule]
    write: Write = getattr(einvoice, format)
    with pytest.raises(NotPossible, match=rule):
        write(make_content(ours, theirs))


def test_the_formats_differ_in_what_they_ask() -> None:
    small = {**BERLIN, "vat_id": "", "is_small_business": True}
    assert lacking("xrechnung", small, KORN) == ["BR-DE-16"]
    assert lacking("xrechnung", {**small, "tax_number": "37/123/45678"}, KORN) == []
    no_reference = {**PARIS, "reference": "", "order_number": ""}
    assert lacking("peppol", DUBLIN, no_reference) == ["PEPPOL-EN16931-R003"]
    by_mail = {**KORN, "endpoint_scheme": "EM", "endpoint_id": "books@korn.example"}
    assert lacking("peppol", DUBLIN, by_mail) == ["PEPPOL-EN16931-R010"]
    assert lacking("xrechnung", DUBLIN, by_mail) == []
    nothing = {"name": "A", "country": "DE"}
    for format in ("ubl", "cii", "facturx", "none"):
        assert lacking(format, nothing, nothing) == []
