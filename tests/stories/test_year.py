"""A year of three businesses, driven by the test clock, with every amount computed by hand.

The seller is Irish and registered for VAT. All three are on the plan "Team", $49.00 a month, and
send utility messages.

Denver Bikes (US), outside the EU: no VAT.
  January   1,200 to North America: 1,000 x 0.0091 = 9.10; 200 x 0.0082 = 1.64
            49.00 + 10.74 = $59.74
  Later     3 of January are reported delivered after the close, positions 1,201 to 1,203:
            3 x 0.0082 = 0.0246
  February  10 x 0.0091 = 0.091, rounded to 0.09; late 0.02
            49.00 + 0.11 = $49.11
  The card is declined on February's due date (16 March) and again 3 and 7 days later; sending
  stops 14 days after it. On 2 April the card works again: paid, and sending resumes at once.
Bäckerei Korn (Germany, with a VAT id): reverse charge, no VAT.
  January   100 to Germany x 0.0865
            49.00 + 8.65 = $57.65
  Paid by transfer. Half of the messages were duplicates: credit of 4.33 by line, kept as balance.
  February  no messages: 49.00, of which the balance pays 4.33: 44.67 are due.
Chai Point (India), outside the EU: no VAT; its months end at midnight in Kolkata.
  January   2,000 to India: 1,000 x 0.0061 = 6.10; 1,000 x 0.0055 = 5.50
            49.00 + 11.60 = $60.60
  One more is delivered on 31 January at 18:30 UTC, which is February in Kolkata: 0.0061, rounded
  to 0.01 = $49.01
Then nine months without messages at $49.00 each: the year's numbers run from 000001 to 000033
without a gap (11 closes x 3).
"""

from datetime import UTC, date, datetime

import pytest

from accounts.models import Business
from billing.invoices import close, credit_notes
from billing.metering import meter
from billing.models import BillingDetails, Invoice, NumberSeries, Seller
from billing.payments import dunning, receipts, stripe_collection
from core.tenancy import system
from tests.billing.fake_stripe import FakeStripe
from tests.factories import make_business, make_deliveries, make_member, make_number

US, DE, IN = "14155550100", "4915112345678", "919820012345"


@pytest.fixture
def stripe(settings):
    fake = FakeStripe()
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = "sk_test_1", fake.url
    yield fake
    fake.stop()


def found(name, country, timezone, **details):
    business = make_business(
        name, plan_id="team", country=country, timezone=timezone, clock_at=at(1, 1)
    )
    make_member(business)
    with system("test"):
        BillingDetails.objects.create(business=business, name=name, country=country, **details)
    return business, make_number(business)


def at(month, day, hour=12, minute=0):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def run_all(moment):
    """Set every business's clock and run what is due then."""
    with system("test"):
        Business.objects.update(clock_at=moment)
    meter.meter_due()
    issued = close.close_due_periods()
    dunning.run_due()
    stripe_collection.collect_due()
    return {invoice.business_id: invoice for invoice in issued}


def amounts(invoice):
    with system("test"):
        return [(line.kind, line.quantity, line.amount_minor) for line in invoice.lines.all()]


def fresh(row):
    with system("test"):
        row.refresh_from_db()
    return row


def test_a_year_of_three_businesses(db, stripe):
    with system("test"):
        Seller.objects.update(name="Parley Ltd", country="IE", vat_id="IE6388047V")
    denver, denver_number = found(
        "Denver Bikes", "US", "America/Denver", customer_id="cus_1", method_id="pm_1"
    )
    korn, korn_number = found(
        "Bäckerei Korn", "DE", "Europe/Berlin", vat_id="DE136695976", reference="PO-7"
    )
    chai, chai_number = found("Chai Point", "IN", "Asia/Kolkata")

    make_deliveries(denver, denver_number, 1200, to=US, at=at(1, 10))
    make_deliveries(korn, korn_number, 100, to=DE, at=at(1, 11))
    make_deliveries(chai, chai_number, 2000, to=IN, at=at(1, 12))
    run_all(at(1, 20))
    make_deliveries(chai, chai_number, 1, to=IN, at=at(1, 31, 18, 30))
    january = run_all(at(2, 2))
    # Denver's month ends at 07:00 UTC of 1 February, so its grace ends at 07:00 of the 2nd: all
    # three are closed.
    assert {one: invoice.total_minor for one, invoice in january.items()} == {
        denver.pk: 5974,
        korn.pk: 5765,
        chai.pk: 6060,
    }
    assert amounts(january[denver.pk]) == [
        ("fee", 1, 4900),
        ("messages", 1000, 910),
        ("messages", 200, 164),
    ]
    assert amounts(january[chai.pk]) == [
        ("fee", 1, 4900),
        ("messages", 1000, 610),
        ("messages", 1000, 550),
    ]
    assert [january[one.pk].taxes[0]["category"] for one in (denver, korn, chai)] == [
        "G",
        "AE",
        "G",
    ]
    assert january[korn.pk].buyer["vat_id"] == "DE136695976"

    # Late proofs, a transfer, and a credit that is kept.
    make_deliveries(denver, denver_number, 3, to=US, at=at(1, 30))
    make_deliveries(denver, denver_number, 10, to=US, at=at(2, 10))
    receipts.record_transfer(invoice=january[korn.pk], amount_minor=5765, reference="Statement 4")
    note = credit_notes.credit(
        invoice=january[korn.pk], reason="Half of them were doubles", amounts={2: 433}
    )
    assert (note.total_minor, note.use, note.tax_minor) == (433, "balance", 0)
    run_all(at(2, 16))
    assert fresh(january[denver.pk]).status == "paid"
    receipts.record_transfer(invoice=january[chai.pk], amount_minor=6060, reference="Statement 5")

    february = run_all(at(3, 2))
    # 49 + 0.091 + 0.0246 = 49.1156, rounded once.
    assert amounts(february[denver.pk]) == [("fee", 1, 4900), ("messages", 10, 9), ("late", 3, 3)]
    assert february[denver.pk].total_minor == 4912
    assert amounts(february[chai.pk]) == [("fee", 1, 4900), ("messages", 1, 1)]
    with system("test"):
        assert february[korn.pk].due_now() == 4467

    # A payment that fails, a suspension, and its end.
    receipts.record_transfer(invoice=february[korn.pk], amount_minor=4467, reference="Statement 6")
    receipts.record_transfer(invoice=february[chai.pk], amount_minor=4901, reference="Statement 7")
    stripe.decline = True
    for day in (16, 17, 19, 23, 26, 30):
        run_all(at(3, day))
        assert fresh(denver).may_send() == (day < 30)
    with system("test"):
        tried = list(
            february[denver.pk].payments.order_by("attempt").values_list("status", "amount_minor")
        )
    assert tried == [("failed", 4912)] * 3
    stripe.decline = False
    march = run_all(at(4, 2))
    stripe_collection.start_charge(invoice=february[denver.pk])
    stripe_collection.collect_due()
    assert fresh(february[denver.pk]).status == "paid"
    assert fresh(denver).may_send()
    assert {invoice.total_minor for invoice in march.values()} == {4900}

    for month in range(5, 13):
        assert {invoice.total_minor for invoice in run_all(at(month, 2)).values()} == {4900}
    with system("test"):
        numbers = sorted(Invoice.objects.values_list("number", flat=True))
        assert numbers == [f"PARLEY-2026-{n:06}" for n in range(1, 34)]
        assert NumberSeries.objects.get(prefix="PARLEY").last == 33
        assert note.number == "CN-2026-000001"
        assert not Invoice.objects.filter(period__month__gt=date(2026, 11, 1)).exists()
