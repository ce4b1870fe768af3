"""E-invoices by EN 16931: the formats, and what is missing for each of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from billing.documents import terms
from billing.documents.cii import cii as cii
from billing.documents.content import DocumentContent
from billing.documents.ubl import ubl as ubl
from billing.errors import BillingError
from billing.models import EInvoiceFormat
from core import money

# Currencies have at most so many decimals in EN 16931.
MAX_DECIMALS = 2


class NotPossible(BillingError):
    """The document cannot be made in this format; the message says why."""

    code = "einvoice_not_possible"


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is missing for a format, by the rule that asks for it; `of` is seller or
    buyer.
    """

    rule: str
    of: str
    text: str


def xrechnung(content: DocumentContent) -> bytes:
    """XRechnung 3 in UBL; raises NotPossible where something is missing."""
    _check(content, EInvoiceFormat.XRECHNUNG)
    return ubl(content, terms.XRECHNUNG)


def peppol(content: DocumentContent) -> bytes:
    """Peppol BIS Billing 3; raises NotPossible where something is missing."""
    _check(content, EInvoiceFormat.PEPPOL)
    return ubl(content, terms.PEPPOL)


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
        # Of this profile the XML is the invoice as well, not data beside it.
        afrelationship="alternative",
        pdf_metadata={
            "author": content.seller["name"],
            "title": f"{content.title} {content.number}",
            "subject": content.title,
            "keywords": "Factur-X",
        },
    )
    return made


def refusal(content: DocumentContent) -> str:
    """Why the document has no form by EN 16931 at all; empty where it has."""
    if content.is_test:
        # A program that reads it would book it: no code of EN 16931 says that nothing is owed.
        return _("A test invoice has no e-invoice: nothing is owed.")
    if money.exponent(content.currency) > MAX_DECIMALS:
        return _(
            "There is no e-invoice in %(currency)s: EN 16931 has amounts of two decimals, and "
            "%(currency)s has three."
        ) % {"currency": content.currency}
    if terms.is_outside(content) and len(content.taxes) > 1:
        return _("There is no e-invoice of what is partly outside the scope of VAT.")
    return ""


def _check(content: DocumentContent, format: str) -> None:
    found = lacks(format, content.seller, content.buyer)
    if found:
        raise NotPossible(
            _("%(format)s lacks: %(what)s.")
            % {
                "format": EInvoiceFormat(format).label,
                "what": "; ".join(f"{one.text} ({one.rule})" for one in found),
            }
        )


def lacks(format: str, seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> list[Lack]:
    """What seller and buyer, as stored in invoices, lack for a format; empty where it can be
    made.
    """
    rules = _RULES.get(EInvoiceFormat(format))
    return list(rules(seller, buyer)) if rules else []


def _of_xrechnung(seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> Iterator[Lack]:
    needed = (
        ("BR-DE-1", "iban", _("the seller's IBAN")),
        ("BR-DE-3", "city", _("the seller's city")),
        ("BR-DE-4", "postcode", _("the seller's postcode")),
        ("BR-DE-5", "contact_name", _("the seller's contact")),
        ("BR-DE-6", "phone", _("the seller's telephone")),
        ("BR-DE-7", "email", _("the seller's e-mail address")),
    )
    for rule, name, text in needed:
        if not seller.get(name):
            yield Lack(rule, "seller", text)
    if sum(letter.isdigit() for letter in seller.get("phone") or "") < 3 and seller.get("phone"):
        yield Lack("BR-DE-27", "seller", _("a telephone of at least three digits of the seller"))
    # Without any it is not registered, and then its documents may name none.
    if seller.get("is_small_business") and not (seller.get("vat_id") or seller.get("tax_number")):
        yield Lack("BR-DE-16", "seller", _("the seller's VAT id or tax number"))
    for rule, name, text in (
        ("BR-DE-8", "city", _("your city")),
        ("BR-DE-9", "postcode", _("your postcode")),
        ("BR-DE-15", "reference", _("your reference, such as the Leitweg-ID")),
    ):
        if not buyer.get(name):
            yield Lack(rule, "buyer", text)
    for rule, of, party, text in (
        ("PEPPOL-EN16931-R020", "seller", seller, _("the seller's electronic address")),
        ("PEPPOL-EN16931-R010", "buyer", buyer, _("your electronic address or e-mail address")),
    ):
        if terms.endpoint(party) is None:
            yield Lack(rule, of, text)


def _of_peppol(seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> Iterator[Lack]:
    for rule, of, party, text in (
        ("PEPPOL-EN16931-R020", "seller", seller, _("the seller's electronic address")),
        ("PEPPOL-EN16931-R010", "buyer", buyer, _("your electronic address, with its scheme")),
    ):
        # Peppol's network knows no e-mail addresses.
        if not party.get("endpoint_id") or party.get("endpoint_scheme") in ("", "EM", None):
            yield Lack(rule, of, text)
    if not (buyer.get("reference") or buyer.get("order_number")):
        yield Lack("PEPPOL-EN16931-R003", "buyer", _("your reference or purchase order"))
    if seller.get("country") == "DE" and buyer.get("country") == "DE":
        yield from _german(seller, buyer)


def _german(seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> Iterator[Lack]:
    """What Peppol asks of invoices within Germany, as XRechnung does (DE-R-*)."""
    for lack in _of_xrechnung(seller, buyer):
        if lack.rule.startswith("BR-DE-"):
            yield replace(lack, rule=f"DE-R-{int(lack.rule.removeprefix('BR-DE-')):03}")


_Rules = Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Lack]]
_RULES: dict[EInvoiceFormat, _Rules] = {
    EInvoiceFormat.XRECHNUNG: _of_xrechnung,
    EInvoiceFormat.PEPPOL: _of_peppol,
}
