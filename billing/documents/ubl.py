"""E-invoices in UBL 2.1: Invoice and CreditNote."""

from typing import Any

from lxml import etree

from billing.documents import terms
from billing.documents.content import DocumentContent, DocumentLine
from billing.documents.terms import Profile
from billing.documents.xml import Node, append, written

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC, CBC = UBL + "CommonAggregateComponents-2", UBL + "CommonBasicComponents-2"


def ubl(content: DocumentContent, profile: Profile = terms.EN16931) -> bytes:
    """UBL 2.1 Invoice or CreditNote."""
    kind = "CreditNote" if content.credits else "Invoice"
    own = f"{UBL}{kind}-2"
    root = etree.Element(f"{{{own}}}{kind}", nsmap={None: own, "cac": CAC, "cbc": CBC})
    for node in _nodes(content, kind, profile):
        append(root, node, {"cac": CAC, "": CBC})
    return written(root)


def _nodes(content: DocumentContent, kind: str, profile: Profile) -> list[Node | None]:
    return [
        *_head(content, kind, profile),
        ("cac:AccountingSupplierParty", _seller(content)),
        ("cac:AccountingCustomerParty", _buyer(content)),
        _means(content),
        _credit_terms(content),
        *_taxes(content, profile),
        _totals(content),
        *(_line(content, line, kind) for line in content.lines),
    ]


def _head(content: DocumentContent, kind: str, profile: Profile) -> list[Node | None]:
    first, last = terms.period(content.month)
    note, buyer = terms.note(content), content.buyer
    return [
        ("CustomizationID", profile.customization),
        _if("ProfileID", profile.process),
        ("ID", content.number),
        ("IssueDate", content.issued),
        ("DueDate", content.due) if content.due else None,
        (f"{kind}TypeCode", "381" if content.credits else "380"),
        _if("Note", note),
        ("DocumentCurrencyCode", content.currency),
        _if("TaxCurrencyCode", content.seller_tax.get("currency")),
        _if("BuyerReference", buyer.get("reference")),
        ("cac:InvoicePeriod", ("StartDate", first), ("EndDate", last)),
        ("cac:OrderReference", ("ID", buyer["order_number"]))
        if buyer.get("order_number")
        else None,
        _corrects(content),
    ]


def _if(name: str, text: Any) -> Node | None:
    return (name, text) if text else None


def _amount(content: DocumentContent, name: str, minor: int) -> Node:
    return (name, {"currencyID": content.currency}, terms.amount(content, minor))


def _corrects(content: DocumentContent) -> Node | None:
    if content.corrects is None:
        return None
    number, day = content.corrects
    return (
        "cac:BillingReference",
        ("cac:InvoiceDocumentReference", ("ID", number), ("IssueDate", day)),
    )


def _seller(content: DocumentContent) -> Node:
    seller, number = content.seller, terms.seller_tax_number(content)
    identifier = terms.seller_identifier(content)
    return (
        "cac:Party",
        _endpoint(seller),
        ("cac:PartyIdentification", ("ID", identifier)) if identifier else None,
        _address(seller),
        _tax_scheme(terms.seller_vat_id(content), "VAT"),
        _tax_scheme(number, "FC"),
        _legal(seller, is_seller=True),
        _contact(seller),
    )


def _buyer(content: DocumentContent) -> Node:
    buyer = content.buyer
    return (
        "cac:Party",
        _endpoint(buyer),
        _address(buyer),
        _tax_scheme(terms.buyer_vat_id(content), "VAT"),
        _legal(buyer, is_seller=False),
        _contact(buyer),
    )


def _endpoint(party: dict[str, Any]) -> Node | None:
    found = terms.endpoint(party)
    return ("EndpointID", {"schemeID": found[0]}, found[1]) if found else None


def _address(party: dict[str, Any]) -> Node:
    lines = terms.address_lines(party)
    return (
        "cac:PostalAddress",
        *zip(("StreetName", "AdditionalStreetName"), lines, strict=False),
        _if("CityName", party.get("city")),
        _if("PostalZone", party.get("postcode")),
        _if("CountrySubentity", party.get("region")),
        ("cac:AddressLine", ("Line", lines[2])) if len(lines) > 2 else None,
        ("cac:Country", ("IdentificationCode", party["country"])),
    )


def _tax_scheme(number: str, scheme: str) -> Node | None:
    if not number:
        return None
    return ("cac:PartyTaxScheme", ("CompanyID", number), ("cac:TaxScheme", ("ID", scheme)))


def _legal(party: dict[str, Any], *, is_seller: bool) -> Node:
    return (
        "cac:PartyLegalEntity",
        ("RegistrationName", party["name"]),
        _if("CompanyID", terms.company_number(party, is_seller=is_seller)),
    )


def _contact(party: dict[str, Any]) -> Node | None:
    found = terms.contact(party)
    if found is None:
        return None
    name, phone, email = found
    return ("cac:Contact", _if("Name", name), _if("Telephone", phone), _if("ElectronicMail", email))


def _means(content: DocumentContent) -> Node | None:
    iban, seller = terms.iban(content), content.seller
    if not iban:
        return None
    bic = seller.get("bic")
    return (
        "cac:PaymentMeans",
        ("PaymentMeansCode", terms.means_code(content)),
        ("PaymentID", content.number),
        (
            "cac:PayeeFinancialAccount",
            ("ID", iban),
            ("Name", seller["name"]),
            ("cac:FinancialInstitutionBranch", ("ID", bic)) if bic else None,
        ),
    )


def _credit_terms(content: DocumentContent) -> Node | None:
    """Payment terms of a credit note, which has no due date."""
    if not content.credits:
        return None
    return ("cac:PaymentTerms", ("Note", content.payment_terms))


def _taxes(content: DocumentContent, profile: Profile) -> list[Node | None]:
    own = content.seller_tax
    return [
        (
            "cac:TaxTotal",
            _amount(content, "TaxAmount", content.tax_minor),
            *(_tax(content, group, profile) for group in content.taxes),
        ),
        (
            "cac:TaxTotal",
            ("TaxAmount", {"currencyID": own["currency"]}, terms.own_amount(content)),
        )
        if own
        else None,
    ]


def _tax(content: DocumentContent, group: dict[str, Any], profile: Profile) -> Node:
    reason, code = terms.exemption(group)
    percent = terms.percent(group["category"], group["percent"])
    if percent is None and profile.always_has_rate:
        percent = "0"
    return (
        "cac:TaxSubtotal",
        _amount(content, "TaxableAmount", group["base_minor"]),
        _amount(content, "TaxAmount", group["tax_minor"]),
        (
            "cac:TaxCategory",
            ("ID", group["category"]),
            ("Percent", percent) if percent is not None else None,
            _if("TaxExemptionReasonCode", code),
            _if("TaxExemptionReason", reason),
            ("cac:TaxScheme", ("ID", "VAT")),
        ),
    )


def _totals(content: DocumentContent) -> Node:
    return (
        "cac:LegalMonetaryTotal",
        _amount(content, "LineExtensionAmount", content.subtotal_minor),
        _amount(content, "TaxExclusiveAmount", content.subtotal_minor),
        _amount(content, "TaxInclusiveAmount", content.total_minor),
        _amount(content, "PrepaidAmount", content.prepaid_minor) if content.prepaid_minor else None,
        _amount(content, "PayableAmount", content.due_minor),
    )


def _line(content: DocumentContent, line: DocumentLine, kind: str) -> Node:
    price, quantity = terms.price(line)
    percent = terms.percent(line.tax_category, line.tax_percent)
    return (
        f"cac:{kind}Line",
        ("ID", line.position),
        (
            "CreditedQuantity" if kind == "CreditNote" else "InvoicedQuantity",
            {"unitCode": "C62"},
            quantity,
        ),
        _amount(content, "LineExtensionAmount", line.amount_minor),
        (
            "cac:Item",
            _if("Description", line.tier_text),
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
