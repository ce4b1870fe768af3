"""Two years of five businesses, every amount computed by hand, ending in a trial balance of zero.

The seller is Parley GmbH in Germany, registered for VAT. All are on a plan of 49.00 a month (7,000
in yen); a month is closed and paid on the 3rd of the next.

Boise Bikes (US, in USD), outside the EU: no VAT.
  January 2026   1,200 to North America: 1,000 x 0.0091 = 9.10; 200 x 0.0082 = 1.64
                 49.00 + 10.74 = $59.74
  23 more months $49.00 each; the last one is never paid and written off.
Bäckerei Korn (Germany, in EUR): 19 % of 49.00 is 9.31: 58.31 a month, 24 times.
  March 2026     a credit of 10.00 + 1.90 = 11.90 is paid back.
  June 2026      is paid with 60.00: 1.69 is left and pays of July's 58.31; 56.62 remain.
Lumière (France, in EUR, with a VAT id): reverse charge, 49.00 a month, 24 times.
  May 2026       is void and issued anew with another number.
Chai Point (India, in USD), outside the EU: no VAT.
  January 2026   49.00
  February 2026  100 to Germany x 0.0865 = 8.65: 57.65. On the free plan from March on.
  March 2026     all 100 are taken back: a credit note of 8.65, paid out. Nothing comes after it.
Sakura (Japan, in JPY), outside the EU: no VAT. Founded on 16 January 2026.
  January 2026   16 of 31 days: 7,000 x 16 / 31 = 3,612.9, rounded to 3,613
  11 months      7,000 each: 80,613 in the first year, paid with one transfer over 12 invoices.
  2027           10 % less: 6,300 a month: 75,600, paid with one transfer again.

The trial balance by currency (debit positive), each adding up to zero:
  EUR  bank 24 x 58.31 - 11.90 + 24 x 49.00 = 2,563.54; hosting -(2 x 24 x 49.00 - 10.00) =
       -2,342.00; tax -(24 x 9.31 - 1.90) = -221.54
  USD  bank 59.74 + 22 x 49.00 + 49.00 + 57.65 - 8.65 = 1,235.74; bad debts 49.00;
       hosting -(24 + 2) x 49.00 = -1,274.00; messages -(10.74 + 8.65 - 8.65) = -10.74
  JPY  bank 80,613 + 75,600 = 156,213; hosting -(3,613 + 23 x 7,000) = -164,613;
       discounts 12 x 700 = 8,400
Numbers: in 2026 eleven months of four, two of Chai Point, less none, and one issued anew: 47; in
2027 twelve months of four: 48; in 2028 the last month of four: 4.
"""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Business, Plan
from accounts.plans import changes
from billing.invoices import close, credit_notes
from billing.metering.reconciliation import reconcile
from billing.metering.reversals import reverse_charge
from billing.models import (
    BillingDetails,
    Charge,
    CreditNote,
    CreditUse,
    Discount,
    Invoice,
    NumberSeries,
    Posting,
    Refund,
    Seller,
)
from billing.payments import outcomes, receipts
from core.tenancy import system
from tests.factories import make_business, make_deliveries, make_number

MONTHS = [date(year, month, 1) for year in (2026, 2027) for month in range(1, 13)]


def founded(name: str, country: str, currency: str, plan: str, day: int, vat_id: str) -> Business:
    business = make_business(
        name,
        plan_id=plan,
        country=country,
        currency=currency,
        timezone="UTC",
        clock_at=datetime(2026, 1, day, tzinfo=UTC),
    )
    with system("test"):
        BillingDetails.objects.create(business=business, name=name, country=country, vat_id=vat_id)
    return business


def close_month(month: date) -> dict[int, Invoice]:
    """Set every clock to the 3rd of the next month and close; the invoices by business."""
    with system("test"):
        day = close.next_month(month)
        Business.objects.update(clock_at=datetime(day.year, day.month, 3, 12, tzinfo=UTC))
    return {invoice.business_id: invoice for invoice in close.close_due_periods()}


def pay(invoice: Invoice, minor: int) -> None:
    receipts.record_transfer(invoice=invoice, amount_minor=minor, reference=f"{invoice} {minor}")


def settled(refund: Any) -> None:
    outcomes.settle_manually(refund, moved=True, reference=f"back {refund.pk}")


def trial_balance() -> dict[str, dict[str, int]]:
    sums: dict[str, Counter[str]] = {}
    with system("test"):
        for currency, role, minor in Posting.objects.values_list(
            "currency", "role", "amount_minor"
        ):
            sums.setdefault(currency, Counter())[role] += minor
    return {
        currency: {role: minor for role, minor in roles.items() if minor}
        for currency, roles in sums.items()
    }


# The year of India below closes, pays and balances in the same way, in every run.
@pytest.mark.long
@pytest.mark.timeout(300)
def test_two_years_of_five_businesses(db: None) -> None:
    with system("test"):
        Seller.objects.update(name="Parley GmbH", country="DE", vat_id="DE136695976")
        for code, fee, currency in (("eur", 49_000_000, "EUR"), ("jpy", 7_000_000_000, "JPY")):
            Plan.objects.create(code=code, name="Team", monthly_fee_micros=fee, currency=currency)
    boise = founded("Boise Bikes", "US", "USD", "team", 1, "")
    korn = founded("Bäckerei Korn", "DE", "EUR", "eur", 1, "")
    lumiere = founded("Lumière", "FR", "EUR", "eur", 1, "FR40303265045")
    chai = founded("Chai Point", "IN", "USD", "team", 1, "")
    sakura = founded("Sakura", "JP", "JPY", "jpy", 16, "")
    with system("test"):
        Discount.objects.create(
            business=sakura, description="Partner", percent=Decimal(10), first_month=MONTHS[12]
        )
    at = datetime(2026, 1, 10, tzinfo=UTC)
    make_deliveries(boise, make_number(boise), 1200, at=at)
    number = make_number(chai)
    make_deliveries(chai, number, 100, to="4915112345678", at=at.replace(month=2))

    for month in MONTHS:
        if month == MONTHS[1]:
            with system("test"):
                Business.objects.filter(pk=chai.pk).update(
                    clock_at=datetime(2026, 3, 1, tzinfo=UTC)
                )
                changes.move(Business.objects.get(pk=chai.pk), Plan.objects.get(pk="free"))
        issued = close_month(month)
        in_boise, in_korn, in_lumiere = (issued[one.pk] for one in (boise, korn, lumiere))
        assert in_boise.total_minor == (5974 if month == MONTHS[0] else 4900)
        assert (in_korn.subtotal_minor, in_korn.tax_minor) == (4900, 931)
        assert (in_lumiere.total_minor, in_lumiere.taxes[0]["category"]) == (4900, "AE")
        yen = 3613 if month == MONTHS[0] else 7000 if month.year == 2026 else 6300
        assert issued[sakura.pk].total_minor == yen
        if month == MONTHS[-1]:
            close.mark_uncollectible(invoice=in_boise)
        else:
            pay(in_boise, in_boise.total_minor)
        if month == MONTHS[4]:
            close.void(invoice=in_lumiere)
            in_lumiere = close.reissue(invoice=in_lumiere)
        pay(in_lumiere, 4900)
        if month == MONTHS[6]:
            assert (in_korn.prepaid_minor, in_korn.payable_minor) == (169, 5662)
        pay(in_korn, {MONTHS[5]: 6000, MONTHS[6]: 5662}.get(month, 5831))
        if month == MONTHS[2]:
            note = credit_notes.credit(
                invoice=in_korn, reason="Outage", amounts={1: 1000}, use=CreditUse.REFUND
            )
            assert (note.subtotal_minor, note.tax_minor) == (1000, 190)
            with system("test"):
                refund = Refund.objects.get(credit_note=note)
            settled(refund)
        _of_chai(chai, month, issued)
        if month.month == 12:
            minor = 80_613 if month.year == 2026 else 75_600
            receipt = receipts.record(
                business=sakura, amount_minor=minor, currency="JPY", reference=f"{month.year}"
            )
            with system("test"):
                assert receipt.payments.count() == 12

    with system("test"):
        series = NumberSeries.objects.order_by("prefix", "year")
        assert list(series.values_list("prefix", "year", "last")) == [
            ("CN", 2026, 2),
            ("PARLEY", 2026, 47),
            ("PARLEY", 2027, 48),
            ("PARLEY", 2028, 4),
        ]
        assert not Invoice.objects.filter(status="open").exists()
    found = trial_balance()
    assert found == {
        "EUR": {"bank": 256_354, "hosting": -234_200, "tax": -22_154},
        "USD": {"bank": 123_574, "bad_debt": 4900, "hosting": -127_400, "messages": -1074},
        "JPY": {"bank": 156_213, "hosting": -164_613, "discounts": 8400},
    }
    assert {currency: sum(roles.values()) for currency, roles in found.items()} == {
        "EUR": 0,
        "USD": 0,
        "JPY": 0,
    }
    assert reconcile() == []


def test_a_year_of_india_within_a_state_and_across(db: None) -> None:
    """A seller in Maharashtra, GST of 18 %, on a plan of 4,000.05 rupees a month.

    Pune Prints (Maharashtra): CGST 9 % and SGST 9 %, each rounded. Founded on 16 January 2026.
      January    16 of 31 days: 4,000.05 x 16 / 31 = 2,064.54; twice 185.81 (of 185.8086): 2,436.16
      11 months  twice 360.00 (of 360.0045): 4,720.05
    Mysore Silk (Karnataka): IGST 18 %.
      12 months  720.01 (of 720.009): 4,720.06
      March      a credit of 1,000.00 + 180.00 is kept and pays of April: 3,540.06 remain.
    Trial balance: bank 2,436.16 + 11 x 4,720.05 + 12 x 4,720.06 - 1,180.00 = 109,817.43; hosting
    -(2,064.54 + 23 x 4,000.05 - 1,000.00) = -93,065.69; tax -(371.62 + 11 x 720.00 + 12 x 720.01
    - 180.00) = -16,751.74.
    """
    with system("test"):
        Seller.objects.update(name="Parley India", country="IN", vat_id="27AAPFU0939F1ZV")
        Plan.objects.create(
            code="inr", name="Team", monthly_fee_micros=4_000_050_000, currency="INR"
        )
    prints = founded("Pune Prints", "IN", "INR", "inr", 16, "27AAACC1206D1ZM")
    silk = founded("Mysore Silk", "IN", "INR", "inr", 1, "29AAGCB7383J1Z4")
    for month in MONTHS[:12]:
        issued = close_month(month)
        in_pune, in_mysore = issued[prints.pk], issued[silk.pk]
        half = 18_581 if month == MONTHS[0] else 36_000
        assert [(part["name"], part["tax_minor"]) for part in in_pune.taxes[0]["parts"]] == [
            ("CGST", half),
            ("SGST", half),
        ]
        assert in_pune.total_minor == (243_616 if month == MONTHS[0] else 472_005)
        assert (in_mysore.taxes[0]["name"], in_mysore.tax_minor) == ("IGST", 72_001)
        assert in_mysore.total_minor == 472_006
        pay(in_pune, in_pune.total_minor)
        assert in_mysore.prepaid_minor == (118_000 if month == MONTHS[3] else 0)
        pay(in_mysore, in_mysore.payable_minor)
        if month == MONTHS[2]:
            note = credit_notes.credit(
                invoice=in_mysore, reason="Outage", amounts={1: 100_000}, use=CreditUse.BALANCE
            )
            assert (note.tax_minor, note.taxes[0]["name"]) == (18_000, "IGST")
    found = trial_balance()
    assert found == {"INR": {"bank": 10_981_743, "hosting": -9_306_569, "tax": -1_675_174}}
    assert sum(found["INR"].values()) == 0
    with system("test"):
        series = NumberSeries.objects.order_by("prefix", "year")
        assert list(series.values_list("prefix", "year", "last")) == [
            ("CN", 2026, 1),
            ("PARLEY", 2026, 22),
            ("PARLEY", 2027, 2),
        ]
    assert reconcile() == []


def _of_chai(chai: Business, month: date, issued: dict[int, Invoice]) -> None:
    """January and February are paid; February's messages are taken back and March is a credit."""
    if month in MONTHS[:2]:
        invoice = issued[chai.pk]
        assert invoice.total_minor == (4900, 5765)[MONTHS.index(month)]
        assert invoice.tax_minor == 0
        pay(invoice, invoice.total_minor)
        if month == MONTHS[1]:
            with system("test"):
                charges = Charge.objects.filter(business_id=chai.pk).order_by("id")
                ids = list(charges.values_list("id", flat=True))
            for one in ids:
                reverse_charge(business_id=chai.pk, charge_id=one, reason="Sent twice")
        return
    assert chai.pk not in issued
    if month == MONTHS[2]:
        with system("test"):
            note = CreditNote.objects.get(business=chai)
        assert (note.total_minor, note.use) == (865, "balance")
        settled(receipts.pay_out_balance(business=chai, currency="USD", amount_minor=865))
