"""Business terms of EN 16931, as both syntaxes write them: ids, amounts, notes."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from stdnum.eu import vat

from billing.documents.content import DocumentContent, DocumentLine
from billing.documents.xml import clean
from billing.models.details import normalize_vat_id
from core import money

BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
# Codes of reasons why no tax is charged (VATEX), by category.
REASON_CODES = {"AE": "VATEX-EU-AE", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
# Categories of which the document must say why.
WITH_REASON = frozenset({"AE", "E", "G", "K", "O"})
# The prefix of VAT ids where it is not the country's code.
PREFIXES = {"GR": ("EL", "GR"), "MC": ("FR",), "IM": ("GB",), "GB": ("GB", "XI")}
# Countries in which VAT ids are written without their prefix.
ADD_PREFIX = frozenset({"GB", "NO"})
# Prefixes of VAT ids that a seller may have abroad; a permit of a state (TX 1) begins otherwise.
VAT_PREFIXES = frozenset(code.upper() for code in vat.MEMBER_STATES) | {"CH", "EL", "EU", "XI"}
VAT_PREFIXES |= ADD_PREFIX
CREDIT_TRANSFER, SEPA_TRANSFER = "30", "58"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a document says it conforms to: BT-24 and BT-23."""

    customization: str
    process: str = ""
    # XRechnung wants a rate also outside the scope of VAT.
    always_has_rate: bool = False


EN16931 = Profile("urn:cen.eu:en16931:2017")
XRECHNUNG = Profile(
    "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", BILLING, True
)
PEPPOL = Profile(
    "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0", BILLING
)


def amount(content: DocumentContent, minor: int) -> str:
    """Minor units of the document's currency as text."""
    return f"{money.minor_amount(minor, content.currency):f}"


def own_amount(content: DocumentContent) -> str:
    """The tax in the seller's currency (BT-111) as text."""
    own = content.seller_tax
    return f"{money.minor_amount(own['tax_minor'], own['currency']):f}"


def price(line: DocumentLine) -> tuple[str, int]:
    """Net price and quantity; prices must not be negative, so a reduction has a negative
    quantity. Where the prices of what the line counts differ, it is one piece of their sum.
    """
    if line.prices_differ:
        return f"{money.micro_amount(line.amount_micros):f}", 1
    sign = -1 if line.unit_price_micros < 0 else 1
    return f"{money.micro_amount(abs(line.unit_price_micros)):f}", sign * line.quantity


def percent(category: str, given: Decimal | str) -> str | None:
    """The rate; None outside the scope of VAT, where EN 16931 forbids one."""
    return None if category == "O" else f"{Decimal(given).normalize():f}"


def is_outside(content: DocumentContent) -> bool:
    """Whether the document is outside the scope of VAT, so that it may name no VAT ids."""
    return any(group["category"] == "O" for group in content.taxes)


def vat_number(party: Mapping[str, Any], number: str | None = None) -> str:
    """A party's VAT id with its country's prefix; empty for another tax id, such as a GSTIN or an
    EIN, which no field for VAT ids may hold.
    """
    given = normalize_vat_id(number or party.get("vat_id") or "")
    country = party.get("country") or ""
    if given[:1].isdigit() and country in ADD_PREFIX:
        given = f"{country}{given}"
    return given if given.startswith(PREFIXES.get(country, (country,))) and country else ""


def seller_vat_id(content: DocumentContent) -> str:
    """BT-31: of the place of taxation where the seller is registered there, else its own."""
    if is_outside(content):
        return ""
    abroad = normalize_vat_id(_id_abroad(content))
    if abroad:
        return abroad if abroad[:2] in VAT_PREFIXES else ""
    return vat_number(content.seller)


def _id_abroad(content: DocumentContent) -> str:
    """The seller's tax id in the place of taxation; empty where that is its home."""
    return next((one["seller_id"] for one in content.taxes if one.get("seller_id")), "")


def seller_tax_number(content: DocumentContent) -> str:
    """BT-32: the tax id of a seller that is no VAT id; empty where there is a VAT id."""
    if seller_vat_id(content):
        return ""
    seller = content.seller
    other = "" if vat_number(seller) else seller.get("vat_id")
    return clean(_id_abroad(content) or seller.get("tax_number") or other or "")


def buyer_vat_id(content: DocumentContent) -> str:
    """BT-48; empty outside the scope of VAT."""
    return "" if is_outside(content) else vat_number(content.buyer)


def company_number(party: Mapping[str, Any], *, is_seller: bool) -> str:
    """BT-30 or BT-47: the number in the register; of a buyer without one its tax id that is no VAT
    id.
    """
    number = clean(party.get("registration") or "")
    if number or is_seller or vat_number(party):
        return number
    return clean(party.get("vat_id") or "")


def seller_identifier(content: DocumentContent) -> str:
    """BT-29: only for a seller that nothing else identifies."""
    if seller_vat_id(content) or content.seller.get("registration"):
        return ""
    return clean(content.seller.get("email") or content.seller["name"])


def endpoint(party: Mapping[str, Any]) -> tuple[str, str] | None:
    """BT-34 or BT-49, scheme and id: the electronic address, else the e-mail address."""
    if party.get("endpoint_scheme") and party.get("endpoint_id"):
        return party["endpoint_scheme"], clean(party["endpoint_id"])
    return ("EM", clean(party["email"])) if party.get("email") else None


def address_lines(party: Mapping[str, Any]) -> list[str]:
    """Up to three lines of the street address."""
    lines = [clean(line) for line in (party.get("address") or "").splitlines() if clean(line)]
    return [*lines[:2], ", ".join(lines[2:])] if len(lines) > 3 else lines


def contact(party: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Name, telephone and e-mail of the contact, each may be empty; None where all are."""
    name, phone = clean(party.get("contact_name") or ""), clean(party.get("phone") or "")
    return (name, phone, clean(party.get("email") or "")) if name or phone else None


def note(content: DocumentContent) -> str:
    """BT-22: why it was credited, and what tax notes no tax group may hold."""
    notes = [
        group["note"]
        for group in content.taxes
        if group["note"] and group["category"] not in WITH_REASON
    ]
    return " ".join(filter(None, [clean(content.reason), *notes]))


def exemption(group: Mapping[str, Any]) -> tuple[str, str]:
    """Reason (BT-120) and its code (BT-121) of a tax group; both may be empty."""
    if group["category"] not in WITH_REASON:
        return "", ""
    return clean(group["note"]), REASON_CODES.get(group["category"], "")


def iban(content: DocumentContent) -> str:
    """BT-84 without spaces."""
    return str(content.seller.get("iban") or "").replace(" ", "")


def means_code(content: DocumentContent) -> str:
    """BT-81: a SEPA transfer for euros, else a credit transfer."""
    return SEPA_TRANSFER if content.currency == "EUR" else CREDIT_TRANSFER


def period(month: date) -> tuple[date, date]:
    """First and last day of a month."""
    return month, month.replace(day=monthrange(month.year, month.month)[1])
