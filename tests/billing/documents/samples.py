"""Contents of invoices and credit notes for the tests of e-invoices, in every treatment of tax."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from billing.documents.content import DocumentContent, DocumentLine
from billing.invoices import tax, treatments
from tests.billing.taxes import decide

MAY = date(2026, 5, 1)
CORRECTED = ("PARLEY-2026-000001", date(2026, 6, 2))
BERLIN: dict[str, Any] = {
    "name": "Parley Deutschland GmbH",
    "address": "Invalidenstraße 1\nHinterhaus",
    "postcode": "10115",
    "city": "Berlin",
    "country": "DE",
    "vat_id": "DE136695976",
    "registration": "HRB 1234 B",
    "contact_name": "Rosa Rechner",
    "phone": "+49 30 1234567",
    "email": "billing@parley.example",
    "endpoint_scheme": "9930",
    "endpoint_id": "DE136695976",
    "iban": "DE89 3704 0044 0532 0130 00",
    "bic": "COBADEFFXXX",
}
DUBLIN: dict[str, Any] = {
    **BERLIN,
    "name": "Parley Ltd",
    "address": "1 Quay Street",
    "postcode": "D02 X285",
    "city": "Dublin",
    "country": "IE",
    "vat_id": "IE6388047V",
    "registration": "",
    "endpoint_scheme": "9935",
    "endpoint_id": "IE6388047V",
    "iban": "IE29AIBK93115212345678",
    "bic": "AIBKIE2D",
}
KORN: dict[str, Any] = {
    "name": "Bäckerei & Söhne <GmbH>",
    "address": "Hauptstraße 1",
    "postcode": "20095",
    "city": "Hamburg",
    "country": "DE",
    "vat_id": "DE811569869",
    "reference": "04011000-12345-34",
    "order_number": "PO-7",
    "email": "rechnung@baeckerei.example",
    "contact_name": "Karl Korn",
    "endpoint_scheme": "0204",
    "endpoint_id": "04011000-12345-34",
    "language": "de",
}
PARIS: dict[str, Any] = {
    **KORN,
    "name": "Boulangerie SARL",
    "address": "1 rue de Rivoli",
    "postcode": "75001",
    "city": "Paris",
    "country": "FR",
    "vat_id": "FR83404833048",
    "endpoint_scheme": "9957",
    "endpoint_id": "FR83404833048",
}
DENVER: dict[str, Any] = {
    **KORN,
    "name": "Denver Bikes Inc.",
    "address": "1 Main Street",
    "postcode": "80201",
    "city": "Denver",
    "region": "CO",
    "country": "US",
    "vat_id": "123456789",
    "endpoint_scheme": "9959",
    "endpoint_id": "123456789",
}
MUMBAI: dict[str, Any] = {
    **BERLIN,
    "name": "Parley India Pvt Ltd",
    "address": "1 Marine Drive",
    "postcode": "400001",
    "city": "Mumbai",
    "region": "MH",
    "country": "IN",
    "vat_id": "27AAPFU0939F1ZV",
    "registration": "",
    "iban": "",
    "bic": "",
}
PUNE: dict[str, Any] = {
    **DENVER,
    "name": "Chai Point",
    "city": "Pune",
    "postcode": "411001",
    "region": "MH",
    "country": "IN",
    "vat_id": "27AAACC1206D1ZM",
}


def line(
    position: int,
    description: str,
    quantity: int,
    micros: int,
    minor: int,
    treated: tax.Treatment,
    **more: Any,
) -> DocumentLine:
    fields: dict[str, Any] = {
        "kind": "messages",
        "month": MAY,
        "market": "Germany",
        "tier": (None, None),
    } | more
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


def make_content(
    seller: Mapping[str, Any] = BERLIN, buyer: Mapping[str, Any] = KORN, **more: Any
) -> DocumentContent:
    """An invoice of 49.00 + 9.10 - 5.81 = 52.29, taxed by the rules of the data files."""
    treated = more.pop("treated", None) or decide(seller, buyer)
    lines = [
        line(1, "Hosting, plan Team", 1, 49_000_000, 4900, treated, kind="fee", market=""),
        line(2, "Utility messages to Germany", 1000, 9_100, 910, treated, tier=(1, 1000)),
        line(3, "Launch offer, 10 %", 1, -5_810_000, -581, treated, kind="discount", market=""),
    ]
    group = tax.tax_group(treated, 5229)
    fields: dict[str, Any] = {
        "number": "PARLEY-2026-000001",
        "issued": date(2026, 6, 2),
        "due": None if more.get("corrects") else date(2026, 6, 16),
        "month": MAY,
        "currency": "EUR",
        "seller": dict(seller),
        "buyer": dict(buyer),
        "lines": lines,
        "taxes": [group],
        "subtotal_minor": 5229,
        "tax_minor": group["tax_minor"],
        "total_minor": 5229 + group["tax_minor"],
        "reason": "Delivered twice" if more.get("corrects") else "",
    }
    return DocumentContent(**fields | more)


def in_dollars(**more: Any) -> DocumentContent:
    """An invoice in dollars with German VAT: 9.94 dollars of tax are 8.85 euros."""
    return make_content(
        currency="USD",
        seller_tax=treatments.converted(994, "USD", "EUR", Decimal("0.890155"), MAY),
        **more,
    )


def two_rates() -> DocumentContent:
    """A month of the old rate beside one of the new: 21 % on 49.00, 19 % on 9.10."""
    old, new = (tax.Treatment("S", Decimal(percent), name="TVA") for percent in (19, 21))
    plain = make_content(treated=new)
    lines = [plain.lines[0], line(2, "Late messages", 1000, 9_100, 910, old)]
    taxes = [tax.tax_group(new, 4900), tax.tax_group(old, 910)]
    # 10.29 and 1.73.
    return dataclasses.replace(
        plain, lines=lines, taxes=taxes, subtotal_minor=5810, tax_minor=1202, total_minor=7012
    )


def in_yen() -> DocumentContent:
    """5,000 yen for the plan and 900 for messages, which have no smaller unit."""
    treated = decide(DUBLIN, PARIS)
    plain = make_content(DUBLIN, PARIS, currency="JPY")
    lines = [
        line(1, "Hosting, plan Team", 1, 5_000_000_000, 5000, treated, kind="fee", market=""),
        line(2, "Utility messages to Japan", 1000, 900_000, 900, treated, tier=(1, 1000)),
    ]
    taxes = [tax.tax_group(treated, 5900)]
    return dataclasses.replace(
        plain, lines=lines, taxes=taxes, subtotal_minor=5900, tax_minor=0, total_minor=5900
    )


def every_content() -> dict[str, DocumentContent]:
    """Contents by what is special about them."""
    small = {**BERLIN, "vat_id": "", "tax_number": "37/123/45678", "is_small_business": True}
    texan = {
        **DUBLIN,
        "country": "US",
        "vat_id": "987654321",
        "region": "TX",
        "registrations": [{"place": "US-TX", "number": "TX 1", "valid_from": "2025-01-01"}],
    }
    return {
        "domestic": make_content(),
        "domestic, credit note": make_content(corrects=CORRECTED),
        "prepaid in part": make_content(prepaid_minor=1000),
        "prepaid": make_content(prepaid_minor=5229 + 994),
        "reverse charge": make_content(DUBLIN, PARIS),
        "reverse charge, credit note": make_content(DUBLIN, PARIS, corrects=CORRECTED),
        "consumer abroad": make_content(DUBLIN, {**PARIS, "vat_id": ""}),
        "Monaco": make_content(BERLIN, {**PARIS, "country": "MC", "vat_id": "FR53000004605"}),
        "export with an EIN": make_content(DUBLIN, DENVER),
        "export with a GSTIN": make_content(DUBLIN, PUNE),
        "small business": make_content(small),
        "in dollars": in_dollars(),
        "in dollars, credit note": in_dollars(corrects=CORRECTED),
        "two rates": two_rates(),
        "in yen": in_yen(),
        "from India, in India": make_content(MUMBAI, PUNE, currency="INR"),
        "from India, abroad": make_content(MUMBAI, DENVER, currency="USD"),
        "from Texas": make_content(texan, {**DENVER, "region": "TX"}, currency="USD"),
        "not registered": make_content({**DUBLIN, "vat_id": ""}, DENVER),
        "not registered, credit note": make_content(
            {**DUBLIN, "vat_id": ""}, DENVER, corrects=CORRECTED
        ),
    }
