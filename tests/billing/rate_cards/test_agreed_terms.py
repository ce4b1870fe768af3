"""Discounts, free messages and prices by origin of a card, and how operators change one."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection

from billing.metering import meter
from billing.models import CardChoice, Charge, NumberTally, RateCard
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.tenancy import system
from tests.billing.rate_cards.test_versions import TODAY, standard
from tests.factories import make_business, make_deliveries, make_number

# Fixtures.
__all__ = ["standard"]


def test_discount_of_a_business_holds_from_its_month_on_and_never_goes_below_the_floor(db):
    # 25 % off $0.0091 is $0.006825; off $0.0055 it would be $0.004125, below the floor of $0.005.
    business = make_business(timezone="UTC")
    number = make_number(business)
    with system("test"):
        CardChoice.objects.create(
            business=business, discount_percent=Decimal("25"), valid_from=date(2026, 6, 1)
        )
    make_deliveries(business, number, 1, at=datetime(2026, 5, 5, tzinfo=UTC))
    make_deliveries(business, number, 1, at=datetime(2026, 6, 5, tzinfo=UTC))
    meter.meter_due()
    with system("test"):
        assert list(Charge.objects.order_by("month").values_list("price_micros", flat=True)) == [
            9_100,
            6_825,
        ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_price(5500, 25, 5000), billing_price(6002, 25, 0), "
            "billing_price(6006, 25, 0)"
        )
        # 4501.5 and 4504.5: halves go to the even micro.
        assert cursor.fetchone() == (5_000, 4_502, 4_504)


def test_terms_of_a_month_with_charges_cannot_change(db):
    business = make_business(timezone="UTC")
    make_deliveries(business, make_number(business), 1, at=datetime(2026, 6, 5, tzinfo=UTC))
    meter.meter_due()
    for change in ({"valid_from": date(2026, 6, 1)}, {"valid_from": date(2026, 1, 1)}):
        with pytest.raises(Error, match="has charges already"), system("test"):
            CardChoice.objects.create(business=business, discount_percent=5, **change)
    with system("test"):
        CardChoice.objects.create(
            business=business, discount_percent=5, valid_from=date(2026, 7, 1)
        )
        assert CardChoice.objects.count() == 1
    with pytest.raises(Error, match="card_choices_do_not_overlap"), system("test"):
        CardChoice.objects.create(
            business=business, discount_percent=6, valid_from=date(2026, 8, 1)
        )


def make_version(**rules):
    """A private card: every market and category at 6,000 micros, authentication from abroad in
    India at 9,000.
    """
    with system("test"):
        card = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    sheet = Sheet("USD")
    for market in ("Other", "India", "North America"):
        for category in ("marketing", "utility", "authentication", "service"):
            sheet.rates[market, category] = [Step(1, None, 6_000)]
    sheet.rates["India", "authentication-international"] = [Step(1, None, 9_000)]
    return versions.schedule(
        versions.make_draft(card=card, sheet=sheet, valid_from=date(2026, 1, 1), **rules),
        today=TODAY,
    )


def found_charges():
    with system("test"):
        return sorted(
            Charge.objects.values_list("market", "category", "rule", "position", "price_micros")
        )


def test_first_messages_of_each_number_are_free_whatever_the_markets_and_batches(db):
    # Two free for each number. The first number sends one to India and three to North America, the
    # second one: three are free, two are priced, in batches of two.
    business = make_business(timezone="UTC")
    numbers = [make_number(business), make_number(business)]
    with system("test"):
        CardChoice.objects.create(business=business, card=make_version(free_messages=2).card)
    make_deliveries(business, numbers[0], 1, category="service", to="919820012345")
    make_deliveries(business, numbers[0], 3, category="service")
    make_deliveries(business, numbers[1], 1, category="service")
    make_deliveries(business, numbers[1], 1, category="utility")
    while meter.meter_due(limit=2):
        pass
    assert found_charges() == [
        ("India", "service", "allowance", 1, 0),
        ("North America", "service", "allowance", 1, 0),
        ("North America", "service", "allowance", 2, 0),
        ("North America", "service", "tier", 1, 6_000),
        ("North America", "service", "tier", 2, 6_000),
        ("North America", "utility", "tier", 1, 6_000),
    ]
    with system("test"):
        tallies = NumberTally.objects.order_by("number_id").values_list("number_id", "messages")
        assert list(tallies) == [(numbers[0].pk, 4), (numbers[1].pk, 1)]


def test_authentication_from_another_market_has_its_own_price(db):
    at_home, abroad = (
        make_business(country="IN", timezone="UTC"),
        make_business(country="US", timezone="UTC"),
    )
    with system("test"):
        version = make_version()
        for business in (at_home, abroad):
            CardChoice.objects.create(business=business, card=version.card)
    for business in (at_home, abroad):
        make_deliveries(
            business, make_number(business), 1, to="919820012345", category="authentication"
        )
    make_deliveries(abroad, make_number(abroad), 1, to="14155550100", category="authentication")
    meter.meter_due()
    assert found_charges() == [
        ("India", "authentication", "tier", 1, 6_000),
        ("India", "authentication-international", "tier", 1, 9_000),
        ("North America", "authentication", "tier", 1, 6_000),
    ]


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_operator_exports_edits_previews_and_schedules_a_card(standard, tmp_path):
    exported = run("export_card", "--card", "Parley standard", "--month", "2026-05")
    path = tmp_path / "next.csv"
    path.write_text(
        exported.replace("India,marketing,1,1000,0.0118", "India,marketing,1,1000,0.0119")
    )
    shown = run("import_card", str(path), "--card", "Parley standard", "--from", "2031-01")
    assert shown.startswith("India, marketing: from 1 0.0118")
    assert "0 messages of 0 businesses: $0.00 as charged, $0.00 under this card." in shown
    assert "Nothing was changed" in shown
    with system("test"):
        assert standard.versions.count() == 1
    assert "is scheduled" in run(
        "import_card", str(path), "--card", "Parley standard", "--from", "2031-01", "--schedule"
    )
    with system("test"):
        assert list(
            standard.versions.order_by("valid_from").values_list("valid_from", "valid_to")
        ) == [
            (date(2025, 1, 1), date(2031, 1, 1)),
            (date(2031, 1, 1), None),
        ]
    assert exported != run("export_card", "--card", "Parley standard", "--month", "2031-01")


def test_import_that_is_refused_says_why(standard, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="Cannot read the file"):
        run("import_card", str(path), "--card", "Parley standard")
    path.write_text("market\n")
    with pytest.raises(CommandError, match="1 problems; nothing was changed"):
        run("import_card", str(path), "--card", "Parley standard")
    path.write_text("market,category,first,last,price\nOther,utility,1,,0.5\n")
    with pytest.raises(CommandError, match="outside the card's floor"):
        run("import_card", str(path), "--card", "Parley standard")
    with pytest.raises(CommandError, match="no rate card named 'Nobody'"):
        run("import_card", str(path), "--card", "Nobody")
    with pytest.raises(CommandError, match="No version"):
        run("export_card", "--card", "Nobody")
    with pytest.raises(CommandError, match="is not a month"):
        run("export_card", "--card", "Parley standard", "--month", "May")
    with system("test"):
        assert standard.versions.count() == 1
