"""A paper as an EN 16931 e-invoice: CII and UBL 2.1 as XML, Factur-X as a PDF that carries the CII.

Written by hand rather than by drafthorse, so that both syntaxes are made from one paper in one way.
"""

import re
from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from billing.documents.content import Paper, PaperLine
from core import money

GUIDELINE = "urn:cen.eu:en16931:2017"
RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC, CBC = UBL + "CommonAggregateComponents-2", UBL + "CommonBasicComponents-2"

# An element: its name, then text or children; children that are None are left out.
Node = tuple[Any, ...]

# What XML 1.0 cannot hold.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def cii(paper: Paper) -> bytes:
    """UN/CEFACT Cross Industry Invoice, as Factur-X and ZUGFeRD carry it."""
    root = etree.Element(
        f"{{{RSM}}}CrossIndustryInvoice", nsmap={"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}
    )
    names = {"rsm": RSM, "udt": UDT, "qdt": QDT, "": RAM}
    for node in _cii_nodes(paper):
        _append(root, node, names)
    return _bytes(root)


def ubl(paper: Paper) -> bytes:
    """UBL 2.1 Invoice or CreditNote."""
    kind = "CreditNote" if paper.corrects else "Invoice"
    own = f"{UBL}{kind}-2"
    root = etree.Element(f"{{{own}}}{kind}", nsmap={None: own, "cac": CAC, "cbc": CBC})
    for node in _ubl_nodes(paper, kind):
        _append(root, node, {"cac": CAC, "": CBC})
    return _bytes(root)


def facturx(paper: Paper, pdf: bytes) -> bytes:
    """The PDF with the CII embedded (Factur-X, profile EN 16931)."""
    # Imported where it is needed: it brings a good deal along.
    from facturx import generate_from_binary

    made: bytes = generate_from_binary(
        pdf,
        cii(paper),
        flavor="factur-x",
        level="en16931",
        check_xsd=True,
        check_schematron=False,
        pdf_metadata={
            "author": paper.seller["name"],
            "title": f"{paper.title} {paper.number}",
            "subject": paper.title,
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


def _amount(paper: Paper, minor: int) -> str:
    return f"{money.minor_amount(minor, paper.currency):f}"


def _price(line: PaperLine) -> tuple[str, int]:
    """Net price and quantity; a price is never negative, so a reduction has a negative quantity."""
    sign = -1 if line.unit_price_micros < 0 else 1
    return f"{money.micro_amount(abs(line.unit_price_micros)):f}", sign * line.quantity


def _percent(category: str, percent: Decimal | str) -> str | None:
    """The rate, which papers outside the scope of VAT must not name."""
    return None if category == "O" else f"{Decimal(percent).normalize():f}"


def _addressed(party: dict[str, Any]) -> list[str]:
    """Up to three address lines."""
    lines = [line.strip() for line in party.get("address", "").splitlines() if line.strip()]
    return [*lines[:2], ", ".join(lines[2:])] if len(lines) > 3 else lines


def _vat_id(paper: Paper, party: dict[str, Any]) -> str:
    """The VAT id, which papers outside the scope of VAT must not name."""
    outside = any(group["category"] == "O" for group in paper.taxes)
    return "" if outside else str(party.get("vat_id", ""))


def _days(month: date) -> tuple[date, date]:
    return month, month.replace(day=monthrange(month.year, month.month)[1])


def _cii_nodes(paper: Paper) -> list[Node]:
    return [
        (
            "rsm:ExchangedDocumentContext",
            ("GuidelineSpecifiedDocumentContextParameter", ("ID", GUIDELINE)),
        ),
        (
            "rsm:ExchangedDocument",
            ("ID", paper.number),
            ("TypeCode", "381" if paper.corrects else "380"),
            ("IssueDateTime", _cii_day(paper.issued)),
            ("IncludedNote", ("Content", paper.reason)) if paper.reason else None,
        ),
        (
            "rsm:SupplyChainTradeTransaction",
            *(_cii_line(paper, line) for line in paper.lines),
            _cii_agreement(paper),
            ("ApplicableHeaderTradeDelivery",),
            _cii_settlement(paper),
        ),
    ]


def _cii_day(day: date) -> Node:
    return ("udt:DateTimeString", {"format": "102"}, f"{day:%Y%m%d}")


def _cii_line(paper: Paper, line: PaperLine) -> Node:
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
                ("LineTotalAmount", _amount(paper, line.amount_minor)),
            ),
        ),
    )


def _cii_agreement(paper: Paper) -> Node:
    reference = paper.buyer.get("reference", "")
    return (
        "ApplicableHeaderTradeAgreement",
        ("BuyerReference", reference) if reference else None,
        _cii_party("SellerTradeParty", paper, paper.seller),
        _cii_party("BuyerTradeParty", paper, paper.buyer),
        ("BuyerOrderReferencedDocument", ("IssuerAssignedID", reference)) if reference else None,
    )


def _cii_party(name: str, paper: Paper, party: dict[str, Any]) -> Node:
    vat_id = _vat_id(paper, party)
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


def _cii_settlement(paper: Paper) -> Node:
    first, last = _days(paper.month)
    return (
        "ApplicableHeaderTradeSettlement",
        ("PaymentReference", paper.number),
        ("InvoiceCurrencyCode", paper.currency),
        _cii_means(paper),
        *(_cii_tax(paper, group) for group in paper.taxes),
        (
            "BillingSpecifiedPeriod",
            ("StartDateTime", _cii_day(first)),
            ("EndDateTime", _cii_day(last)),
        ),
        ("SpecifiedTradePaymentTerms", ("DueDateDateTime", _cii_day(paper.due)))
        if paper.due
        else None,
        (
            "SpecifiedTradeSettlementHeaderMonetarySummation",
            ("LineTotalAmount", _amount(paper, paper.subtotal_minor)),
            ("TaxBasisTotalAmount", _amount(paper, paper.subtotal_minor)),
            ("TaxTotalAmount", {"currencyID": paper.currency}, _amount(paper, paper.tax_minor)),
            ("GrandTotalAmount", _amount(paper, paper.total_minor)),
            ("DuePayableAmount", _amount(paper, paper.total_minor)),
        ),
        _cii_corrects(paper),
    )


def _cii_means(paper: Paper) -> Node | None:
    iban = paper.seller.get("iban", "").replace(" ", "")
    if not iban:
        return None
    return (
        "SpecifiedTradeSettlementPaymentMeans",
        ("TypeCode", "58"),
        ("PayeePartyCreditorFinancialAccount", ("IBANID", iban)),
    )


def _cii_tax(paper: Paper, group: dict[str, Any]) -> Node:
    percent = _percent(group["category"], group["percent"])
    return (
        "ApplicableTradeTax",
        ("CalculatedAmount", _amount(paper, group["tax_minor"])),
        ("TypeCode", "VAT"),
        ("ExemptionReason", group["note"]) if group["note"] else None,
        ("BasisAmount", _amount(paper, group["base_minor"])),
        ("CategoryCode", group["category"]),
        ("RateApplicablePercent", percent) if percent is not None else None,
    )


def _cii_corrects(paper: Paper) -> Node | None:
    if paper.corrects is None:
        return None
    number, day = paper.corrects
    return (
        "InvoiceReferencedDocument",
        ("IssuerAssignedID", number),
        ("FormattedIssueDateTime", ("qdt:DateTimeString", {"format": "102"}, f"{day:%Y%m%d}")),
    )


def _ubl_nodes(paper: Paper, kind: str) -> list[Node | None]:
    first, last = _days(paper.month)
    reference = paper.buyer.get("reference", "")
    return [
        ("CustomizationID", GUIDELINE),
        ("ID", paper.number),
        ("IssueDate", paper.issued),
        ("DueDate", paper.due) if paper.due else None,
        (f"{kind}TypeCode", "381" if paper.corrects else "380"),
        ("Note", paper.reason) if paper.reason else None,
        ("DocumentCurrencyCode", paper.currency),
        ("BuyerReference", reference) if reference else None,
        ("cac:InvoicePeriod", ("StartDate", first), ("EndDate", last)),
        ("cac:OrderReference", ("ID", reference)) if reference else None,
        _ubl_corrects(paper),
        ("cac:AccountingSupplierParty", _ubl_party(paper, paper.seller, is_seller=True)),
        ("cac:AccountingCustomerParty", _ubl_party(paper, paper.buyer, is_seller=False)),
        _ubl_means(paper),
        (
            "cac:TaxTotal",
            _ubl_amount(paper, "TaxAmount", paper.tax_minor),
            *(_ubl_tax(paper, group) for group in paper.taxes),
        ),
        (
            "cac:LegalMonetaryTotal",
            _ubl_amount(paper, "LineExtensionAmount", paper.subtotal_minor),
            _ubl_amount(paper, "TaxExclusiveAmount", paper.subtotal_minor),
            _ubl_amount(paper, "TaxInclusiveAmount", paper.total_minor),
            _ubl_amount(paper, "PayableAmount", paper.total_minor),
        ),
        *(_ubl_line(paper, line, kind) for line in paper.lines),
    ]


def _ubl_amount(paper: Paper, name: str, minor: int) -> Node:
    return (name, {"currencyID": paper.currency}, _amount(paper, minor))


def _ubl_corrects(paper: Paper) -> Node | None:
    if paper.corrects is None:
        return None
    number, day = paper.corrects
    return (
        "cac:BillingReference",
        ("cac:InvoiceDocumentReference", ("ID", number), ("IssueDate", day)),
    )


def _ubl_party(paper: Paper, party: dict[str, Any], *, is_seller: bool) -> Node:
    vat_id, email, lines = _vat_id(paper, party), party.get("email", ""), _addressed(party)
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


def _ubl_means(paper: Paper) -> Node | None:
    iban = paper.seller.get("iban", "").replace(" ", "")
    if not iban:
        return None
    return (
        "cac:PaymentMeans",
        ("PaymentMeansCode", "58"),
        ("PaymentID", paper.number),
        ("cac:PayeeFinancialAccount", ("ID", iban)),
    )


def _ubl_tax(paper: Paper, group: dict[str, Any]) -> Node:
    percent = _percent(group["category"], group["percent"])
    return (
        "cac:TaxSubtotal",
        _ubl_amount(paper, "TaxableAmount", group["base_minor"]),
        _ubl_amount(paper, "TaxAmount", group["tax_minor"]),
        (
            "cac:TaxCategory",
            ("ID", group["category"]),
            ("Percent", percent) if percent is not None else None,
            ("TaxExemptionReason", group["note"]) if group["note"] else None,
            ("cac:TaxScheme", ("ID", "VAT")),
        ),
    )


def _ubl_line(paper: Paper, line: PaperLine, kind: str) -> Node:
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
        _ubl_amount(paper, "LineExtensionAmount", line.amount_minor),
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
        ("cac:Price", ("PriceAmount", {"currencyID": paper.currency}, price)),
    )
