"""E-invoices by EN 16931: CII and UBL 2.1 as XML, Factur-X as a PDF with the CII embedded.

Written without drafthorse, so that both syntaxes are made from one content in the same way.
"""

import re
from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from billing.documents.content import DocumentContent, DocumentLine
from core import money

GUIDELINE = "urn:cen.eu:en16931:2017"
RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC, CBC = UBL + "CommonAggregateComponents-2", UBL + "CommonBasicComponents-2"

# An element: its name, then text or children; None children are skipped.
Node = tuple[Any, ...]

# Characters that XML 1.0 forbids.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def cii(content: DocumentContent) -> bytes:
    """UN/CEFACT Cross Industry Invoice, as used by Factur-X and ZUGFeRD."""
    root = etree.Element(
        f"{{{RSM}}}CrossIndustryInvoice", nsmap={"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}
    )
    names = {"rsm": RSM, "udt": UDT, "qdt": QDT, "": RAM}
    for node in _cii_nodes(content):
        _append(root, node, names)
    return _bytes(root)


def ubl(content: DocumentContent) -> bytes:
    """UBL 2.1 Invoice or CreditNote."""
    kind = "CreditNote" if content.corrects else "Invoice"
    own = f"{UBL}{kind}-2"
    root = etree.Element(f"{{{own}}}{kind}", nsmap={None: own, "cac": CAC, "cbc": CBC})
    for node in _ubl_nodes(content, kind):
        _append(root, node, {"cac": CAC, "": CBC})
    return _bytes(root)


def facturx(content: DocumentContent, pdf: bytes) -> bytes:
    """The PDF with the CII embedded (Factur-X, profile EN 16931)."""
    # Imported here because it is slow to import.
    from facturx import generate_from_binary

    made: bytes = generate_from_binary(
        pdf,
        cii(content),
        flavor="factur-x",
        level="en16931",
        check_xsd=True,
        check_schematron=False,
        pdf_metadata={
            "author": content.seller["name"],
            "title": f"{content.title} {content.number}",
            "subject": content.title,
            "keywords": "Factur-X",
        },
    )
    return made


def _bytes(root: Any) -> bytes:
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return made


def _append(parent: Any, node: Node | None, names: dict[str, str]) -> None:
    if node is None:
        return
    name, *rest = node
    prefix, _, local = name.rpartition(":")
    element = etree.SubElement(parent, f"{{{names[prefix]}}}{local}")
    for part in rest:
        if isinstance(part, dict):
            element.attrib.update(part)
        elif isinstance(part, tuple) or part is None:
            _append(element, part, names)
        else:
            element.text = _ILLEGAL.sub("", str(part))


def _amount(content: DocumentContent, minor: int) -> str:
    return f"{money.minor_amount(minor, content.currency):f}"


def _price(line: DocumentLine) -> tuple[str, int]:
    """Net price and quantity; prices must not be negative, so a reduction has a negative
    quantity.
    """
    sign = -1 if line.unit_price_micros < 0 else 1
    return f"{money.micro_amount(abs(line.unit_price_micros)):f}", sign * line.quantity


def _percent(category: str, percent: Decimal | str) -> str | None:
    """The rate; None outside the scope of VAT, where EN 16931 forbids one."""
    return None if category == "O" else f"{Decimal(percent).normalize():f}"


def _addressed(party: dict[str, Any]) -> list[str]:
    """Up to three address lines."""
    lines = [line.strip() for line in party.get("address", "").splitlines() if line.strip()]
    return [*lines[:2], ", ".join(lines[2:])] if len(lines) > 3 else lines


def _vat_id(content: DocumentContent, party: dict[str, Any]) -> str:
    """The VAT id; empty outside the scope of VAT, where EN 16931 forbids one."""
    outside = any(group["category"] == "O" for group in content.taxes)
    return "" if outside else str(party.get("vat_id", ""))


def _days(month: date) -> tuple[date, date]:
    return month, month.replace(day=monthrange(month.year, month.month)[1])


def _cii_nodes(content: DocumentContent) -> list[Node]:
    return [
        (
            "rsm:ExchangedDocumentContext",
            ("GuidelineSpecifiedDocumentContextParameter", ("ID", GUIDELINE)),
        ),
        (
            "rsm:ExchangedDocument",
            ("ID", content.number),
            ("TypeCode", "381" if content.corrects else "380"),
            ("IssueDateTime", _cii_day(content.issued)),
            ("IncludedNote", ("Content", content.reason)) if content.reason else None,
        ),
        (
            "rsm:SupplyChainTradeTransaction",
            *(_cii_line(content, line) for line in content.lines),
            _cii_agreement(content),
            ("ApplicableHeaderTradeDelivery",),
            _cii_settlement(content),
        ),
    ]


def _cii_day(day: date) -> Node:
    return ("udt:DateTimeString", {"format": "102"}, f"{day:%Y%m%d}")


def _cii_line(content: DocumentContent, line: DocumentLine) -> Node:
    price, quantity = _price(line)
    percent = _percent(line.tax_category, line.tax_percent)
    return (
        "IncludedSupplyChainTradeLineItem",
        ("AssociatedDocumentLineDocument", ("LineID", line.position)),
        (
            "SpecifiedTradeProduct",
            ("Name", line.description),
            ("Description", line.tier_text) if line.tier_text else None,
        ),
        ("SpecifiedLineTradeAgreement", ("NetPriceProductTradePrice", ("ChargeAmount", price))),
        ("SpecifiedLineTradeDelivery", ("BilledQuantity", {"unitCode": "C62"}, quantity)),
        (
            "SpecifiedLineTradeSettlement",
            (
                "ApplicableTradeTax",
                ("TypeCode", "VAT"),
                ("CategoryCode", line.tax_category),
                ("RateApplicablePercent", percent) if percent is not None else None,
            ),
            (
                "SpecifiedTradeSettlementLineMonetarySummation",
                ("LineTotalAmount", _amount(content, line.amount_minor)),
            ),
        ),
    )


def _cii_agreement(content: DocumentContent) -> Node:
    reference = content.buyer.get("reference", "")
    return (
        "ApplicableHeaderTradeAgreement",
        ("BuyerReference", reference) if reference else None,
        _cii_party("SellerTradeParty", content, content.seller),
        _cii_party("BuyerTradeParty", content, content.buyer),
        ("BuyerOrderReferencedDocument", ("IssuerAssignedID", reference)) if reference else None,
    )


def _cii_party(name: str, content: DocumentContent, party: dict[str, Any]) -> Node:
    vat_id = _vat_id(content, party)
    lines = zip(("LineOne", "LineTwo", "LineThree"), _addressed(party), strict=False)
    return (
        name,
        ("ID", party.get("email") or party["name"])
        if name == "SellerTradeParty" and not vat_id
        else None,
        ("Name", party["name"]),
        ("PostalTradeAddress", *lines, ("CountryID", party["country"])),
        ("URIUniversalCommunication", ("URIID", {"schemeID": "EM"}, party["email"]))
        if party.get("email")
        else None,
        ("SpecifiedTaxRegistration", ("ID", {"schemeID": "VA"}, vat_id)) if vat_id else None,
    )


def _cii_settlement(content: DocumentContent) -> Node:
    first, last = _days(content.month)
    return (
        "ApplicableHeaderTradeSettlement",
        ("PaymentReference", content.number),
        ("InvoiceCurrencyCode", content.currency),
        _cii_means(content),
        *(_cii_tax(content, group) for group in content.taxes),
        (
            "BillingSpecifiedPeriod",
            ("StartDateTime", _cii_day(first)),
            ("EndDateTime", _cii_day(last)),
        ),
        ("SpecifiedTradePaymentTerms", ("DueDateDateTime", _cii_day(content.due)))
        if content.due
        else None,
        (
            "SpecifiedTradeSettlementHeaderMonetarySummation",
            ("LineTotalAmount", _amount(content, content.subtotal_minor)),
            ("TaxBasisTotalAmount", _amount(content, content.subtotal_minor)),
            (
                "TaxTotalAmount",
                {"currencyID": content.currency},
                _amount(content, content.tax_minor),
            ),
            ("GrandTotalAmount", _amount(content, content.total_minor)),
            ("DuePayableAmount", _amount(content, content.total_minor)),
        ),
        _cii_corrects(content),
    )


def _cii_means(content: DocumentContent) -> Node | None:
    iban = content.seller.get("iban", "").replace(" ", "")
    if not iban:
        return None
    return (
        "SpecifiedTradeSettlementPaymentMeans",
        ("TypeCode", "58"),
        ("PayeePartyCreditorFinancialAccount", ("IBANID", iban)),
    )


def _cii_tax(content: DocumentContent, group: dict[str, Any]) -> Node:
    percent = _percent(group["category"], group["percent"])
    return (
        "ApplicableTradeTax",
        ("CalculatedAmount", _amount(content, group["tax_minor"])),
        ("TypeCode", "VAT"),
        ("ExemptionReason", group["note"]) if group["note"] else None,
        ("BasisAmount", _amount(content, group["base_minor"])),
        ("CategoryCode", group["category"]),
        ("RateApplicablePercent", percent) if percent is not None else None,
    )


def _cii_corrects(content: DocumentContent) -> Node | None:
    if content.corrects is None:
        return None
    number, day = content.corrects
    return (
        "InvoiceReferencedDocument",
        ("IssuerAssignedID", number),
        ("FormattedIssueDateTime", ("qdt:DateTimeString", {"format": "102"}, f"{day:%Y%m%d}")),
    )


def _ubl_nodes(content: DocumentContent, kind: str) -> list[Node | None]:
    first, last = _days(content.month)
    reference = content.buyer.get("reference", "")
    return [
        ("CustomizationID", GUIDELINE),
        ("ID", content.number),
        ("IssueDate", content.issued),
        ("DueDate", content.due) if content.due else None,
        (f"{kind}TypeCode", "381" if content.corrects else "380"),
        ("Note", content.reason) if content.reason else None,
        ("DocumentCurrencyCode", content.currency),
        ("BuyerReference", reference) if reference else None,
        ("cac:InvoicePeriod", ("StartDate", first), ("EndDate", last)),
        ("cac:OrderReference", ("ID", reference)) if reference else None,
        _ubl_corrects(content),
        ("cac:AccountingSupplierParty", _ubl_party(content, content.seller, is_seller=True)),
        ("cac:AccountingCustomerParty", _ubl_party(content, content.buyer, is_seller=False)),
        _ubl_means(content),
        (
            "cac:TaxTotal",
            _ubl_amount(content, "TaxAmount", content.tax_minor),
            *(_ubl_tax(content, group) for group in content.taxes),
        ),
        (
            "cac:LegalMonetaryTotal",
            _ubl_amount(content, "LineExtensionAmount", content.subtotal_minor),
            _ubl_amount(content, "TaxExclusiveAmount", content.subtotal_minor),
            _ubl_amount(content, "TaxInclusiveAmount", content.total_minor),
            _ubl_amount(content, "PayableAmount", content.total_minor),
        ),
        *(_ubl_line(content, line, kind) for line in content.lines),
    ]


def _ubl_amount(content: DocumentContent, name: str, minor: int) -> Node:
    return (name, {"currencyID": content.currency}, _amount(content, minor))


def _ubl_corrects(content: DocumentContent) -> Node | None:
    if content.corrects is None:
        return None
    number, day = content.corrects
    return (
        "cac:BillingReference",
        ("cac:InvoiceDocumentReference", ("ID", number), ("IssueDate", day)),
    )


def _ubl_party(content: DocumentContent, party: dict[str, Any], *, is_seller: bool) -> Node:
    vat_id, email, lines = _vat_id(content, party), party.get("email", ""), _addressed(party)
    return (
        "cac:Party",
        ("EndpointID", {"schemeID": "EM"}, email) if email else None,
        ("cac:PartyIdentification", ("ID", email or party["name"]))
        if is_seller and not vat_id
        else None,
        (
            "cac:PostalAddress",
            *zip(("StreetName", "AdditionalStreetName"), lines, strict=False),
            ("cac:AddressLine", ("Line", lines[2])) if len(lines) > 2 else None,
            ("cac:Country", ("IdentificationCode", party["country"])),
        ),
        ("cac:PartyTaxScheme", ("CompanyID", vat_id), ("cac:TaxScheme", ("ID", "VAT")))
        if vat_id
        else None,
        ("cac:PartyLegalEntity", ("RegistrationName", party["name"])),
    )


def _ubl_means(content: DocumentContent) -> Node | None:
    iban = content.seller.get("iban", "").replace(" ", "")
    if not iban:
        return None
    return (
        "cac:PaymentMeans",
        ("PaymentMeansCode", "58"),
        ("PaymentID", content.number),
        ("cac:PayeeFinancialAccount", ("ID", iban)),
    )


def _ubl_tax(content: DocumentContent, group: dict[str, Any]) -> Node:
    percent = _percent(group["category"], group["percent"])
    return (
        "cac:TaxSubtotal",
        _ubl_amount(content, "TaxableAmount", group["base_minor"]),
        _ubl_amount(content, "TaxAmount", group["tax_minor"]),
        (
            "cac:TaxCategory",
            ("ID", group["category"]),
            ("Percent", percent) if percent is not None else None,
            ("TaxExemptionReason", group["note"]) if group["note"] else None,
            ("cac:TaxScheme", ("ID", "VAT")),
        ),
    )


def _ubl_line(content: DocumentContent, line: DocumentLine, kind: str) -> Node:
    price, quantity = _price(line)
    percent = _percent(line.tax_category, line.tax_percent)
    return (
        f"cac:{kind}Line",
        ("ID", line.position),
        (
            "CreditedQuantity" if kind == "CreditNote" else "InvoicedQuantity",
            {"unitCode": "C62"},
            quantity,
        ),
        _ubl_amount(content, "LineExtensionAmount", line.amount_minor),
        (
            "cac:Item",
            ("Description", line.tier_text) if line.tier_text else None,
            ("Name", line.description),
            (
                "cac:ClassifiedTaxCategory",
                ("ID", line.tax_category),
                ("Percent", percent) if percent is not None else None,
                ("cac:TaxScheme", ("ID", "VAT")),
            ),
        ),
        ("cac:Price", ("PriceAmount", {"currencyID": content.currency}, price)),
    )
