"""Tax on invoices and credit notes: by date of supply, in two currencies, in a customer's words."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from accounts.models import PlanTerm
from billing import models
from billing.invoices import close, credit_notes, tax_data, tax_rules, treatments
from billing.invoices.tax_rules import NoTaxRule
from billing.models import (
    BillingDetails,
    ExchangeRate,
    Invoice,
    Period,
    Seller,
    TaxCountry,
    TaxRate,
    TaxRegistration,
)
from core.tenancy import scope, system
from tests.billing.invoices.test_close import MAY, shop
from tests.billing.invoices.test_tax import DE, FR
from tests.factories import make_deliveries, make_exchange_rates


def bill(seller: dict[str, Any], details: dict[str, Any], **fields: Any) -> tuple[Any, Any]:
    with system("test"):
        Seller.objects.update(**seller)
    business, number = shop(**fields)
    with system("test"):
        BillingDetails.objects.create(business=business, name="Bakery", **details)
    return business, number


def test_july_in_romania_is_taxed_by_july_when_it_is_billed_in_august(db: None) -> None:
    make_exchange_rates()
    make_exchange_rates("RON", "5")
    business, number = bill(
        {"country": "RO", "vat_id": "RO18547290"},
        {"country": "RO"},
        clock_at=datetime(2025, 8, 3, tzinfo=UTC),
    )
    july = date(2025, 7, 1)
    with system("test"):
        began = datetime(2025, 7, 1, tzinfo=UTC)
        PlanTerm.objects.filter(business=business).update(started_at=began)
    make_deliveries(business, number, 1000, at=datetime(2025, 7, 5, tzinfo=UTC))
    invoice = close.close_period(business=business, month=july)
    assert invoice is not None
    # 49.00 + 9.10; 19 % of 58.10 is 11.039.
    assert [(one["percent"], one["tax_minor"]) for one in invoice.taxes] == [("19", 1104)]
    # $11.04 at 1.25 dollars and 5 lei a euro are 44.16 lei.
    assert invoice.seller_tax == {
        "currency": "RON",
        "rate": "4.000000",
        "day": "2025-07-31",
        "tax_minor": 4416,
    }
    # A message of July that comes after is billed in August, at the rate of July.
    make_deliveries(business, number, 1000, at=datetime(2025, 7, 31, tzinfo=UTC))
    with system("test"):
        business.clock_at = datetime(2025, 9, 3, tzinfo=UTC)
        business.save(update_fields=["clock_at"])
    late = close.close_period(business=business, month=date(2025, 8, 1))
    assert late is not None
    with scope(business.pk):
        lines = list(late.lines.values_list("kind", "amount_minor", "tax_percent"))
    # The second thousand of July costs 0.0082 each.
    assert lines == [("fee", 4900, Decimal(21)), ("late", 820, Decimal(19))]
    # 21 % of 49.00 is 10.29; 19 % of 8.20 is 1.558.
    assert [(one["percent"], one["base_minor"], one["tax_minor"]) for one in late.taxes] == [
        ("21", 4900, 1029),
        ("19", 820, 156),
    ]
    assert late.total_minor == 4900 + 820 + 1029 + 156
    note = credit_notes.credit(invoice=late, reason="Late ones", amounts={2: 820})
    assert [(one["percent"], one["tax_minor"]) for one in note.taxes] == [("19", 156)]
    # $1.56 are 6.24 lei.
    assert note.seller_tax["tax_minor"] == 624


def test_nothing_is_issued_without_a_rule(db: None) -> None:
    business, _ = bill(
        {"country": "JP", "vat_id": "T1234567890123"}, {"country": "JP"}, currency="USD"
    )
    with pytest.raises(NoTaxRule, match="no tax law of JP on file for 2026-05-31"):
        close.close_period(business=business, month=MAY)
    with system("test"):
        assert not Invoice.objects.exists()
        assert Period.objects.get(business=business, month=MAY).state == "open"
        TaxCountry.objects.create(country="JP", tax_name="JCT", id_name="T", currency="USD")
        TaxRate.objects.create(place="JP", percent=10)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    assert (invoice.tax_minor, invoice.taxes[0]["name"]) == (490, "JCT")


def test_a_tax_in_another_currency_needs_the_rate_of_the_day(db: None) -> None:
    business, _ = bill({"country": "DE", "vat_id": "DE136695976"}, {"country": "DE"})
    with system("test"):
        ExchangeRate.objects.create(currency="USD", day=date(2026, 5, 24), per_euro=Decimal(2))
    with pytest.raises(NoTaxRule, match=r"no exchange rate of EUR and USD for 2026-05-31"):
        close.close_period(business=business, month=MAY)
    with system("test"):
        assert not Invoice.objects.exists()
        ExchangeRate.objects.create(
            currency="USD", day=date(2026, 5, 29), per_euro=Decimal("1.1234")
        )
    invoice = close.close_period(business=business, month=MAY)
    # 19 % of $49.00 is $9.31; a dollar is 0.890155 euros: 8.287.
    assert (invoice.tax_minor, invoice.seller_tax["rate"]) == (931, "0.890155")
    assert (invoice.seller_tax["currency"], invoice.seller_tax["tax_minor"]) == ("EUR", 829)


def test_notes_are_in_the_language_of_the_customer(db: None) -> None:
    buyer = {**FR, "language": "de"}
    with system("test"):
        german = treatments.Treatments(DE, buyer).of(MAY)
        english = treatments.Treatments(DE, FR).of(MAY)
    assert german.note.startswith("Steuerschuldnerschaft des Leistungsempfängers")
    assert english.note.startswith("Reverse charge")
    assert translation.get_language() == "en"


def test_registrations_of_the_seller_are_copied_into_the_invoice(db: None) -> None:
    with system("test"):
        TaxRegistration.objects.create(
            seller=Seller.objects.get(), place="US-NY", number="NY 1", valid_from=date(2026, 1, 1)
        )
    business, _ = bill({}, {"country": "US", "region": "NY"})
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    # New York's 4 % of 49.00.
    assert (invoice.tax_minor, invoice.taxes[0]["name"]) == (196, "New York sales tax")
    assert (invoice.taxes[0]["seller_id"], invoice.seller_tax) == ("NY 1", {})


def test_the_data_files_are_loaded_once_and_never_over_operators_rows(db: None) -> None:
    def rows_of(name: str) -> Any:
        return getattr(models, name).objects

    with system("test"):
        assert set(tax_data.load(rows_of).values()) == {0}
        TaxRate.objects.filter(place="DE").update(percent=16)
        TaxRate.objects.filter(place="FR").delete()
        assert tax_data.load(rows_of)["TaxRate"] == 1
        assert TaxRate.objects.get(place="DE").percent == 16
        for name, file in tax_data.FILES.items():
            with (tax_data.DATA / file).open(encoding="utf-8", newline="") as text:
                assert rows_of(name).count() == len(list(csv.DictReader(text)))


def test_two_rates_of_a_place_never_hold_on_one_day(db: None) -> None:
    with system("test"), pytest.raises(IntegrityError), transaction.atomic():
        TaxRate.objects.create(place="DE", percent=20, valid_from=date(2026, 7, 1))
    with system("test"):
        TaxRate.objects.filter(place="DE").update(valid_to=date(2026, 7, 1))
        TaxRate.objects.create(place="DE", percent=20, valid_from=date(2026, 7, 1))
        days = (date(2026, 6, 30), date(2026, 7, 1))
        assert [tax_rules.rules_on(day).rate("DE") for day in days] == [19, 20]


def test_credits_in_parts_add_up_to_each_tax_and_to_the_sellers_currency(db: None) -> None:
    make_exchange_rates("USD", "1.25")
    make_exchange_rates("INR", "100")
    business, _ = bill(
        {"country": "IN", "vat_id": "27AAPFU0939F1ZV"}, {"country": "IN", "region": "MH"}
    )
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    # 9 % of $49.00 is 4.41 twice; $8.82 are 705.60 rupees at 80 each.
    assert [part["tax_minor"] for part in invoice.taxes[0]["parts"]] == [441, 441]
    assert (invoice.tax_minor, invoice.seller_tax["tax_minor"]) == (882, 70560)
    notes = [
        credit_notes.credit(invoice=invoice, key=str(amount), reason="Part", amounts={1: amount})
        for amount in (1005, 1006, 2889)
    ]
    # 9 % of 10.05 is 0.9045, of 20.11 1.8099, of 49.00 4.41: 0.90, 0.91 and 2.60.
    assert [[part["tax_minor"] for part in note.taxes[0]["parts"]] for note in notes] == [
        [90, 90],
        [91, 91],
        [260, 260],
    ]
    assert [note.tax_minor for note in notes] == [180, 182, 520]
    # 180, 362 and 882 cents are 144.00, 289.60 and 705.60 rupees.
    assert [note.seller_tax["tax_minor"] for note in notes] == [14400, 14560, 41600]
