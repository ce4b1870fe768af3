"""Rules of XRechnung and Peppol BIS that touch what Parley writes, by their ids, for UBL.

Each says whether a document keeps it, and how a document that kept it is spoiled so that it breaks
it. Written from the published descriptions; `test_official.py` holds that the published rule files
say the same of every spoiled document. Not here: rules about what Parley never writes (allowances,
direct debits, cards, attachments, deliveries, line periods, invoiced objects, references to
projects).
"""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies
from stdnum import iban

from billing.models.parties import endpoint_schemes

NS = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
SELLER = "cac:AccountingSupplierParty/cac:Party"
BUYER = "cac:AccountingCustomerParty/cac:Party"
TYPE = "*[self::cbc:InvoiceTypeCode or self::cbc:CreditNoteTypeCode]"
SUBTOTAL = "cac:TaxTotal/cac:TaxSubtotal"
CATEGORY = f"{SUBTOTAL}/cac:TaxCategory"
LINE = "*[self::cac:InvoiceLine or self::cac:CreditNoteLine]"
Root = Any


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its id, whether a document keeps it, and how one is spoiled."""

    id: str
    holds: Callable[[Root], bool]
    spoil: Callable[[Root], None]


def find(root: Root, path: str) -> list[Any]:
    """What a path finds from the root element."""
    found: list[Any] = root.xpath(path, namespaces=NS)
    return found


def text(root: Root, path: str) -> str:
    """The text of the first element that a path finds; empty without one."""
    found = find(root, path)
    return (found[0].text or "").strip() if found else ""


def remove(path: str) -> Callable[[Root], None]:
    """Removes every element that a path finds; there must be one."""

    def spoil(root: Root) -> None:
        found = find(root, path)
        assert found, path
        for element in found:
            element.getparent().remove(element)

    return spoil


def put(path: str, value: str) -> Callable[[Root], None]:
    """Gives every element that a path finds this text; there must be one."""

    def spoil(root: Root) -> None:
        found = find(root, path)
        assert found, path
        for element in found:
            element.text = value

    return spoil


def put_attribute(path: str, name: str, value: str) -> Callable[[Root], None]:
    """Gives the first element that a path finds this attribute."""

    def spoil(root: Root) -> None:
        find(root, path)[0].set(name, value)

    return spoil


def repeat(path: str) -> Callable[[Root], None]:
    """Writes the first element that a path finds a second time behind it."""

    def spoil(root: Root) -> None:
        element = find(root, path)[0]
        element.addnext(copy.deepcopy(element))

    return spoil


def needs(rule: str, path: str, *, spoil: str = "") -> Rule:
    """A rule that an element is there and has text."""
    return Rule(rule, lambda root: bool(text(root, path)), remove(spoil or path))


def _has_tax_id(root: Root) -> bool:
    taxed = {one.text for one in find(root, f"{CATEGORY}/cbc:ID")} - {"O"}
    return not taxed or bool(text(root, f"{SELLER}/cac:PartyTaxScheme/cbc:CompanyID"))


def _accounts_are_right(root: Root) -> bool:
    means = find(root, "cac:PaymentMeans[cbc:PaymentMeansCode='58']")
    return all(iban.is_valid(text(one, "cac:PayeeFinancialAccount/cbc:ID")) for one in means)


def _no_discount_lines(root: Root) -> bool:
    return not text(root, "cac:PaymentTerms/cbc:Note").startswith("#")


XRECHNUNG = [
    needs("BR-DE-1", "cac:PaymentMeans/cbc:PaymentMeansCode", spoil="cac:PaymentMeans"),
    Rule(
        "BR-DE-2",
        lambda root: bool(find(root, f"{SELLER}/cac:Contact")),
        remove(f"{SELLER}/cac:Contact"),
    ),
    needs("BR-DE-3", f"{SELLER}/cac:PostalAddress/cbc:CityName"),
    needs("BR-DE-4", f"{SELLER}/cac:PostalAddress/cbc:PostalZone"),
    needs("BR-DE-5", f"{SELLER}/cac:Contact/cbc:Name"),
    needs("BR-DE-6", f"{SELLER}/cac:Contact/cbc:Telephone"),
    needs("BR-DE-7", f"{SELLER}/cac:Contact/cbc:ElectronicMail"),
    needs("BR-DE-8", f"{BUYER}/cac:PostalAddress/cbc:CityName"),
    needs("BR-DE-9", f"{BUYER}/cac:PostalAddress/cbc:PostalZone"),
    Rule(
        "BR-DE-14",
        lambda root: len(find(root, CATEGORY)) == len(find(root, f"{CATEGORY}/cbc:Percent")),
        remove(f"{CATEGORY}/cbc:Percent"),
    ),
    needs("BR-DE-15", "cbc:BuyerReference"),
    Rule("BR-DE-16", _has_tax_id, remove(f"{SELLER}/cac:PartyTaxScheme")),
    Rule(
        "BR-DE-17",
        lambda root: text(root, TYPE) in {"326", "380", "384", "389", "381", "875", "876", "877"},
        put(TYPE, "393"),
    ),
    Rule("BR-DE-18", _no_discount_lines, put("cac:PaymentTerms/cbc:Note", "#SKONTO#soon#")),
    Rule(
        "BR-DE-19",
        _accounts_are_right,
        put("cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID", "DE89370400440532013001"),
    ),
    Rule(
        "BR-DE-21",
        lambda root: (
            text(root, "cbc:CustomizationID")
            == "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
        ),
        put("cbc:CustomizationID", "urn:cen.eu:en16931:2017"),
    ),
    needs(
        "BR-DE-23-a",
        "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID",
        spoil="cac:PaymentMeans/cac:PayeeFinancialAccount",
    ),
    Rule(
        "BR-DE-27",
        lambda root: len(re.findall(r"\d", text(root, f"{SELLER}/cac:Contact/cbc:Telephone"))) > 2,
        put(f"{SELLER}/cac:Contact/cbc:Telephone", "n/a"),
    ),
    Rule(
        "BR-DE-28",
        lambda root: bool(
            re.fullmatch(
                r"[^@\s]+[^@.\s]@[^@.\s]+(\.[^@.\s]+)+",
                text(root, f"{SELLER}/cac:Contact/cbc:ElectronicMail"),
            )
        ),
        put(f"{SELLER}/cac:Contact/cbc:ElectronicMail", "billing.parley.example"),
    ),
]


def _is_empty(element: Any) -> bool:
    return len(element) == 0 and not (element.text or "").strip()


def _lines_add_up(root: Root) -> bool:
    for line in find(root, LINE):
        quantity = text(line, "*[self::cbc:InvoicedQuantity or self::cbc:CreditedQuantity]")
        exact = Decimal(quantity) * Decimal(text(line, "cac:Price/cbc:PriceAmount"))
        if abs(Decimal(text(line, "cbc:LineExtensionAmount")) - exact) > Decimal("0.02"):
            return False
    return True


def _one_currency(root: Root) -> bool:
    own = {"TaxTotal"} if find(root, "cbc:TaxCurrencyCode") else set()
    found = {
        element.get("currencyID")
        for element in find(root, ".//*[@currencyID]")
        if not (own and element.getparent() in find(root, "cac:TaxTotal[not(cac:TaxSubtotal)]"))
    }
    return found == {text(root, "cbc:DocumentCurrencyCode")}


def _totals_have_one_sign(root: Root) -> bool:
    totals = [Decimal(one.text) for one in find(root, "cac:TaxTotal/cbc:TaxAmount")]
    return all(one >= 0 for one in totals) or all(one <= 0 for one in totals)


def _totals_in_own_currency(root: Root) -> bool:
    wanted = 1 if find(root, "cbc:TaxCurrencyCode") else 0
    return len(find(root, "cac:TaxTotal[not(cac:TaxSubtotal)]")) == wanted


def _codes_fit(code: str, category: str) -> Callable[[Root], bool]:
    path = f"{CATEGORY}[cbc:TaxExemptionReasonCode='{code}']/cbc:ID"
    return lambda root: all(one.text == category for one in find(root, path))


def _endpoints_are_known(root: Root) -> bool:
    known = {code for code, _name in endpoint_schemes()} - {"EM", "AN", "AQ", "AS", "AU"}
    return all(one.get("schemeID") in known for one in find(root, "//cbc:EndpointID"))


def _add_empty_note(root: Root) -> None:
    repeat("cbc:ID")(root)
    element = find(root, "cbc:ID")[1]
    element.tag, element.text = f"{{{NS['cbc']}}}UUID", ""


PEPPOL = [
    needs("PEPPOL-EN16931-R001", "cbc:ProfileID"),
    Rule(
        "PEPPOL-EN16931-R002",
        lambda root: len(find(root, "cbc:Note")) <= 1,
        repeat("cbc:Note"),
    ),
    Rule(
        "PEPPOL-EN16931-R003",
        lambda root: bool(
            text(root, "cbc:BuyerReference") or text(root, "cac:OrderReference/cbc:ID")
        ),
        remove("cbc:BuyerReference | cac:OrderReference"),
    ),
    Rule(
        "PEPPOL-EN16931-R004",
        lambda root: text(root, "cbc:CustomizationID").startswith(
            "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
        ),
        put("cbc:CustomizationID", "urn:cen.eu:en16931:2017"),
    ),
    Rule(
        "PEPPOL-EN16931-R005",
        lambda root: text(root, "cbc:TaxCurrencyCode") != text(root, "cbc:DocumentCurrencyCode"),
        lambda root: put("cbc:TaxCurrencyCode", text(root, "cbc:DocumentCurrencyCode"))(root),
    ),
    Rule(
        "PEPPOL-EN16931-R007",
        lambda root: bool(
            re.fullmatch(
                r"urn:fdc:peppol.eu:2017:poacc:billing:\d\d:1.0", text(root, "cbc:ProfileID")
            )
        ),
        put("cbc:ProfileID", "billing"),
    ),
    Rule(
        "PEPPOL-EN16931-R008",
        lambda root: not any(_is_empty(element) for element in root.iter()),
        _add_empty_note,
    ),
    needs("PEPPOL-EN16931-R010", f"{BUYER}/cbc:EndpointID"),
    needs("PEPPOL-EN16931-R020", f"{SELLER}/cbc:EndpointID"),
    Rule(
        "PEPPOL-EN16931-R051",
        _one_currency,
        put_attribute("cac:LegalMonetaryTotal/cbc:PayableAmount", "currencyID", "SEK"),
    ),
    Rule(
        "PEPPOL-EN16931-R053",
        lambda root: len(find(root, "cac:TaxTotal[cac:TaxSubtotal]")) == 1,
        repeat("cac:TaxTotal[cac:TaxSubtotal]"),
    ),
    Rule("PEPPOL-EN16931-R054", _totals_in_own_currency, remove("cbc:TaxCurrencyCode")),
    Rule(
        "PEPPOL-EN16931-R055",
        _totals_have_one_sign,
        put("cac:TaxTotal[not(cac:TaxSubtotal)]/cbc:TaxAmount", "-8.85"),
    ),
    Rule("PEPPOL-EN16931-R120", _lines_add_up, put(f"{LINE}/cac:Price/cbc:PriceAmount", "7.77")),
    Rule(
        "PEPPOL-EN16931-P0100",
        lambda root: text(root, "cbc:InvoiceTypeCode") in {"", "380"},
        put("cbc:InvoiceTypeCode", "381"),
    ),
    Rule(
        "PEPPOL-EN16931-P0101",
        lambda root: text(root, "cbc:CreditNoteTypeCode") in {"", "381"},
        put("cbc:CreditNoteTypeCode", "380"),
    ),
    *(
        Rule(rule, _codes_fit(code, category), put(f"{CATEGORY}/cbc:ID", "S"))
        for rule, code, category in (
            ("PEPPOL-EN16931-P0104", "VATEX-EU-G", "G"),
            ("PEPPOL-EN16931-P0105", "VATEX-EU-O", "O"),
            ("PEPPOL-EN16931-P0107", "VATEX-EU-AE", "AE"),
        )
    ),
    Rule(
        "PEPPOL-EN16931-CL007",
        lambda root: all(
            one.get("currencyID") in list_currencies() for one in find(root, "//*[@currencyID]")
        ),
        put_attribute("cac:LegalMonetaryTotal/cbc:PayableAmount", "currencyID", "ZZ9"),
    ),
    Rule(
        "PEPPOL-EN16931-CL008",
        _endpoints_are_known,
        put_attribute(f"{BUYER}/cbc:EndpointID", "schemeID", "EM"),
    ),
    Rule(
        "PEPPOL-EN16931-F001",
        lambda root: all(
            re.fullmatch(r"\d{4}-\d\d-\d\d", one.text)
            for one in find(root, "//*[self::cbc:IssueDate or self::cbc:DueDate]")
        ),
        put("cbc:IssueDate", "02.06.2026"),
    ),
]
