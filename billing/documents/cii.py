"""E-invoices in UN/CEFACT CII (D16B), as in Factur-X and ZUGFeRD."""

from datetime import date
from typing import Any

from lxml import etree

from billing.documents import terms
from billing.documents.content import DocumentContent, DocumentLine
from billing.documents.terms import Profile
from billing.documents.xml import Node, append, written

RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"


def cii(content: DocumentContent, profile: Profile = terms.EN16931) -> bytes:
    """Cross Industry Invoice of an invoice or a credit note."""
    root = etree.Element(
        f"{{{RSM}}}CrossIndustryInvoice", nsmap={"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}
    )
    names = {"rsm": RSM, "udt": UDT, "qdt": QDT, "": RAM}
    for node in _nodes(content, profile):
        append(root, node, names)
    return written(root)


def _nodes(content: DocumentContent, profile: Profile) -> list[Node]:
    note = terms.note(content)
    return [
        (
            "rsm:ExchangedDocumentContext",
            ("BusinessProcessSpecifiedDocumentContextParameter", ("ID", profile.process))
            if profile.process
            else None,
            ("GuidelineSpecifiedDocumentContextParameter", ("ID", profile.customization)),
        ),
        (
            "rsm:ExchangedDocument",
            ("ID", content.number),
            ("TypeCode", "381" if content.credits else "380"),
            ("IssueDateTime", _day(content.issued)),
            ("IncludedNote", ("Content", note)) if note else None,
        ),
        (
            "rsm:SupplyChainTradeTransaction",
            *(_line(content, line) for line in content.lines),
            _agreement(content),
            ("ApplicableHeaderTradeDelivery",),
            _settlement(content, profile),
        ),
    ]


def _day(day: date) -> Node:
    return ("udt:DateTimeString", {"format": "102"}, f"{day:%Y%m%d}")


def _if(name: str, text: Any) -> Node | None:
    return (name, text) if text else None


def _line(content: DocumentContent, line: DocumentLine) -> Node:
    price, quantity = terms.price(line)
    percent = terms.percent(line.tax_category, line.tax_percent)
    return (
        "IncludedSupplyChainTradeLineItem",
        ("AssociatedDocumentLineDocument", ("LineID", line.position)),
        (
            "SpecifiedTradeProduct",
            ("Name", line.description),
            _if("Description", line.tier_text),
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
                ("LineTotalAmount", terms.amount(content, line.amount_minor)),
            ),
        ),
    )


def _agreement(content: DocumentContent) -> Node:
    order = content.buyer.get("order_number")
    return (
        "ApplicableHeaderTradeAgreement",
        _if("BuyerReference", content.buyer.get("reference")),
        _seller(content),
        _buyer(content),
        ("BuyerOrderReferencedDocument", ("IssuerAssignedID", order)) if order else None,
    )


def _seller(content: DocumentContent) -> Node:
    seller = content.seller
    return (
        "SellerTradeParty",
        _if("ID", terms.seller_identifier(content)),
        *_party(seller, is_seller=True),
        _registration(terms.seller_vat_id(content), "VA"),
        _registration(terms.seller_tax_number(content), "FC"),
    )


def _buyer(content: DocumentContent) -> Node:
    return (
        "BuyerTradeParty",
        *_party(content.buyer, is_seller=False),
        _registration(terms.buyer_vat_id(content), "VA"),
    )


def _party(party: dict[str, Any], *, is_seller: bool) -> list[Node | None]:
    number = terms.company_number(party, is_seller=is_seller)
    lines = zip(("LineOne", "LineTwo", "LineThree"), terms.address_lines(party), strict=False)
    found = terms.endpoint(party)
    return [
        ("Name", party["name"]),
        ("SpecifiedLegalOrganization", ("ID", number)) if number else None,
        _contact(party),
        (
            "PostalTradeAddress",
            _if("PostcodeCode", party.get("postcode")),
            *lines,
            _if("CityName", party.get("city")),
            ("CountryID", party["country"]),
            _if("CountrySubDivisionName", party.get("region")),
        ),
        ("URIUniversalCommunication", ("URIID", {"schemeID": found[0]}, found[1]))
        if found
        else None,
    ]


def _contact(party: dict[str, Any]) -> Node | None:
    found = terms.contact(party)
    if found is None:
        return None
    name, phone, email = found
    return (
        "DefinedTradeContact",
        _if("PersonName", name),
        ("TelephoneUniversalCommunication", ("CompleteNumber", phone)) if phone else None,
        ("EmailURIUniversalCommunication", ("URIID", email)) if email else None,
    )


def _registration(number: str, scheme: str) -> Node | None:
    return ("SpecifiedTaxRegistration", ("ID", {"schemeID": scheme}, number)) if number else None


def _settlement(content: DocumentContent, profile: Profile) -> Node:
    first, last = terms.period(content.month)
    return (
        "ApplicableHeaderTradeSettlement",
        ("PaymentReference", content.number),
        _if("TaxCurrencyCode", content.seller_tax.get("currency")),
        ("InvoiceCurrencyCode", content.currency),
        _means(content),
        *(_tax(content, group, profile) for group in content.taxes),
        ("BillingSpecifiedPeriod", ("StartDateTime", _day(first)), ("EndDateTime", _day(last))),
        ("SpecifiedTradePaymentTerms", ("DueDateDateTime", _day(content.due)))
        if content.due
        else ("SpecifiedTradePaymentTerms", ("Description", content.payment_terms)),
        _totals(content),
        _corrects(content),
    )


def _means(content: DocumentContent) -> Node | None:
    iban, bic = terms.iban(content), content.seller.get("bic")
    if not iban:
        return None
    return (
        "SpecifiedTradeSettlementPaymentMeans",
        ("TypeCode", terms.means_code(content)),
        (
            "PayeePartyCreditorFinancialAccount",
            ("IBANID", iban),
            ("AccountName", content.seller["name"]),
        ),
        ("PayeeSpecifiedCreditorFinancialInstitution", ("BICID", bic)) if bic else None,
    )


def _tax(content: DocumentContent, group: dict[str, Any], profile: Profile) -> Node:
    reason, code = terms.exemption(group)
    percent = terms.percent(group["category"], group["percent"])
    if percent is None and profile.always_has_rate:
        percent = "0"
    return (
        "ApplicableTradeTax",
        ("CalculatedAmount", terms.amount(content, group["tax_minor"])),
        ("TypeCode", "VAT"),
        _if("ExemptionReason", reason),
        ("BasisAmount", terms.amount(content, group["base_minor"])),
        ("CategoryCode", group["category"]),
        _if("ExemptionReasonCode", code),
        ("RateApplicablePercent", percent) if percent is not None else None,
    )


def _totals(content: DocumentContent) -> Node:
    own, prepaid = content.seller_tax, content.prepaid_minor
    return (
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        ("LineTotalAmount", terms.amount(content, content.subtotal_minor)),
        ("TaxBasisTotalAmount", terms.amount(content, content.subtotal_minor)),
        (
            "TaxTotalAmount",
            {"currencyID": content.currency},
            terms.amount(content, content.tax_minor),
        ),
        ("TaxTotalAmount", {"currencyID": own["currency"]}, terms.own_amount(content))
        if own
        else None,
        ("GrandTotalAmount", terms.amount(content, content.total_minor)),
        ("TotalPrepaidAmount", terms.amount(content, prepaid)) if prepaid else None,
        ("DuePayableAmount", terms.amount(content, content.due_minor)),
    )


def _corrects(content: DocumentContent) -> Node | None:
    if content.corrects is None:
        return None
    number, day = content.corrects
    return (
        "InvoiceReferencedDocument",
        ("IssuerAssignedID", number),
        ("FormattedIssueDateTime", ("qdt:DateTimeString", {"format": "102"}, f"{day:%Y%m%d}")),
    )
