"""One currency from the card to the invoice, held by the schema; a change begins with the next
month.
"""

from datetime import UTC, date, datetime

import pytest
from django.db import Error

from accounts.models import Business, Plan
from billing.invoices import close
from billing.metering import meter, usage
from billing.metering.reversals import ReversalError, reverse_charge
from billing.models import (
    CardChoice,
    CardVersion,
    Charge,
    DefaultCard,
    Invoice,
    Period,
    Quarantine,
    RateCard,
    SpendCap,
    Usage,
)
from billing.pricing import estimate
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.tenancy import scope, system
from hosting.models import Number
from tests.factories import make_business, make_deliveries, make_number

MAY, JUNE, JULY = (date(2026, month, 1) for month in (5, 6, 7))
NOW = datetime(2026, 5, 20, tzinfo=UTC)


@pytest.fixture
def business(db: None) -> Business:
    return make_business(timezone="UTC", clock_at=NOW, plan_id="free")


@pytest.fixture
def euro(db: None) -> CardVersion:
    """The default card of euros: every message costs 0.004."""
    with system("test"):
        card = RateCard.objects.create(
            name="Euro", currency="EUR", floor_micros=0, ceiling_micros=90_000
        )
    rates = {(m, "utility"): [Step(1, None, 4_000)] for m in ("Other", "North America")}
    draft = versions.make_draft(card=card, sheet=Sheet("EUR", rates), valid_from=date(2026, 1, 1))
    version = versions.schedule(draft, today=date(2025, 12, 1))
    with system("test"):
        DefaultCard.objects.create(currency="EUR", card=card, valid_from=date(2026, 1, 1))
    return version


def deliver(business: Business, month: date, count: int = 1) -> None:
    at = datetime(month.year, month.month, 25, tzinfo=UTC)
    with system("test"):
        number = Number.objects.filter(business=business).first()
    make_deliveries(business, number or make_number(business), count, at=at)
    while meter.meter_due():
        pass


def change(business: Business, currency: str) -> None:
    with system("test"):
        Business.objects.filter(pk=business.pk).update(currency=currency)
        business.refresh_from_db()


def charged(business: Business) -> list[tuple[date, date, int]]:
    with system("test"):
        found = Charge.objects.filter(business_id=business.pk).order_by("message_id")
        return list(found.values_list("month", "billed_month", "price_micros"))


def test_a_card_of_another_currency_is_refused_for_a_business(
    business: Business, euro: CardVersion
) -> None:
    with pytest.raises(Error, match="the card is in EUR, the business in another"), system("test"):
        CardChoice.objects.create(business=business, card=euro.card, valid_from=JUNE)
    with system("test"):
        assert not CardChoice.objects.exists()
    deliver(business, MAY)
    assert charged(business) == [(MAY, MAY, 9_100)]


def test_a_change_of_currency_begins_with_the_next_month(
    business: Business, euro: CardVersion
) -> None:
    deliver(business, MAY)
    change(business, "EUR")
    deliver(business, MAY)
    with scope(business.pk):
        assert usage.usage_of(business, MAY).currency == "USD"
        asked = estimate.estimate(business, category="utility", counts={"1415555": 1})
    assert (asked.currency, asked.total_micros) == ("USD", 9_100)
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=datetime(2026, 6, 20, tzinfo=UTC))
        business.refresh_from_db()
    deliver(business, JUNE)
    assert charged(business) == [(MAY, MAY, 9_100), (MAY, MAY, 9_100), (JUNE, JUNE, 4_000)]
    with system("test"):
        assert list(Period.objects.order_by("month").values_list("month", "currency")) == [
            (MAY, "USD"),
            (JUNE, "EUR"),
        ]
    for month in (MAY, JUNE):
        close.close_period(business=business, month=month)
    with system("test"):
        found = Invoice.objects.order_by("period__month").values_list("currency", "subtotal_minor")
        assert list(found) == [("USD", 2), ("EUR", 0)]


def test_a_month_without_messages_keeps_its_currency_too(
    business: Business, euro: CardVersion
) -> None:
    change(business, "EUR")
    deliver(business, MAY)
    assert charged(business) == [(MAY, MAY, 9_100)]


def test_late_messages_and_reversals_are_never_billed_in_another_currency(
    business: Business, euro: CardVersion
) -> None:
    deliver(business, MAY)
    change(business, "EUR")
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=datetime(2026, 6, 20, tzinfo=UTC))
        Period.objects.filter(month=MAY).update(state="closed")
    deliver(business, JUNE)
    deliver(business, MAY)
    with system("test"):
        assert [one.reason for one in Quarantine.objects.all()] == ["no_period"]
        charge = Charge.objects.get(month=MAY)
    with pytest.raises(ReversalError, match="no open month"):
        reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="a test")
    assert charged(business) == [(MAY, MAY, 9_100), (JUNE, JUNE, 4_000)]
    with system("test"):
        assert list(Usage.objects.values_list("billed_month", "amount_micros").order_by("id")) == [
            (MAY, 9_100),
            (JUNE, 4_000),
        ]


def test_the_currency_of_a_month_with_charges_cannot_change(business: Business) -> None:
    deliver(business, MAY)
    with pytest.raises(Error, match="has charges in USD"), system("test"):
        Period.objects.update(currency="EUR")
    with system("test"):
        assert Period.objects.get().currency == "USD"


def test_a_business_with_a_cap_or_a_card_keeps_its_currency(business: Business) -> None:
    with system("test"):
        SpendCap.objects.create(business=business, limit_micros=5)
        assert SpendCap.objects.get().currency == "USD"
    with pytest.raises(Error, match="cap_in_currency_of_business"):
        change(business, "EUR")
    with system("test"):
        SpendCap.objects.all().delete()
        card = RateCard.objects.get(name="Parley standard")
        choice = CardChoice.objects.create(business=business, card=card, valid_from=MAY)
    with pytest.raises(Error, match="agreed from 2026-06-01 on: end that first"):
        change(business, "EUR")
    with system("test"):
        assert Business.objects.get(pk=business.pk).currency == "USD"
        CardChoice.objects.filter(pk=choice.pk).update(valid_to=JUNE)
    change(business, "EUR")
    assert business.currency == "EUR"


def test_a_card_keeps_its_currency_and_a_default_card_has_it(
    business: Business, euro: CardVersion
) -> None:
    with pytest.raises(Error, match="has versions in USD"), system("test"):
        RateCard.objects.filter(name="Parley standard").update(currency="EUR")
    with pytest.raises(Error, match="default_card_in_currency"), system("test"):
        DefaultCard.objects.create(currency="GBP", card=euro.card, valid_from=JULY)
    with pytest.raises(Error, match="businesses follow this card"), system("test"):
        RateCard.objects.filter(pk=euro.card_id).update(is_cost=True)


def test_an_invoice_is_in_the_currency_of_its_month(business: Business) -> None:
    deliver(business, MAY)
    with system("test"):
        period = Period.objects.get()
    with pytest.raises(Error, match="invoice_in_currency_of_period"), system("test"):
        Invoice.objects.create(business=business, period=period, currency="EUR", due_at=NOW)
    with system("test"):
        assert not Invoice.objects.exists()


def test_a_plan_is_paid_in_the_currency_of_the_business(business: Business) -> None:
    with system("test"):
        Plan.objects.create(code="euro", name="Euro", monthly_fee_micros=1, currency="EUR")
        Plan.objects.create(code="usd", name="Dollar", monthly_fee_micros=1, currency="USD")
    with (
        pytest.raises(Error, match=r"in another currency than the business's \(USD\)"),
        system("test"),
    ):
        Business.objects.filter(pk=business.pk).update(plan_id="euro")
    with system("test"):
        Business.objects.filter(pk=business.pk).update(plan_id="usd")
    for change_of in ({"currency": "EUR"}, {"next_plan_id": "euro", "next_plan_at": NOW}):
        with pytest.raises(Error, match="in another currency than the business's"), system("test"):
            Business.objects.filter(pk=business.pk).update(**change_of)
    with pytest.raises(Error, match="businesses in another currency than EUR"), system("test"):
        Plan.objects.filter(pk="usd").update(currency="EUR")
    with system("test"):
        kept = Business.objects.get(pk=business.pk)
        assert (kept.currency, kept.plan_id, kept.next_plan_id) == ("USD", "usd", None)


def test_after_a_change_a_plan_in_the_new_currency_waits_for_the_next_month(
    business: Business,
) -> None:
    with system("test"):
        Plan.objects.create(code="euro", name="Euro", monthly_fee_micros=1, currency="EUR")
    change(business, "EUR")
    with pytest.raises(Error, match="this month is billed in USD"), system("test"):
        Business.objects.filter(pk=business.pk).update(plan_id="euro")
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=datetime(2026, 6, 2, tzinfo=UTC))
        Business.objects.filter(pk=business.pk).update(plan_id="euro")
        assert Business.objects.get(pk=business.pk).plan_id == "euro"
