"""Rate cards as files and as plans: read, refused by row and column, compared, scheduled, re-rated,
written again.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import Error, connection

from billing.metering import meter
from billing.models import CardVersion, Charge, Rate, RateCard, Tier
from billing.rate_cards import csv_export, versions
from billing.rate_cards.csv_files import read
from billing.rate_cards.versions import CardError, Sheet, Step
from core.tenancy import system
from tests.factories import make_business, make_deliveries, make_number

DATA = Path(__file__).parent / "data"
RATES = (DATA / "USD_rates.csv").read_text(encoding="utf-8")
TIERS = (DATA / "USD_volume_tiers.csv").read_text(encoding="utf-8")
TODAY = date(2026, 5, 20)


def micros(text):
    return int(Decimal(text) * 1_000_000)


@pytest.fixture(scope="module")
def published():
    return read(("rates", RATES), ("tiers", TIERS))


def price_of(sheet, market, category, messages):
    """Graduated price in micros, by the worked examples' own arithmetic."""
    return sum(
        (min(messages, step.last or messages) - step.first + 1) * step.price_micros
        for step in sheet.rates[market, category]
        if step.first <= messages
    )


def test_both_published_files_are_read_without_a_problem(published):
    assert published.problems == []
    assert published.currency == "USD"
    assert len(published.markets) == 32


@pytest.mark.parametrize(
    ("market", "category", "step"),
    [
        ("Argentina", "marketing", Step(1, None, 61_800)),
        ("Netherlands", "marketing", Step(1, None, 159_700)),
        ("North America", "marketing", Step(1, None, 25_000)),
        ("Other", "marketing", Step(1, None, 60_400)),
        ("Argentina", "utility", Step(1, 100_000, 26_000)),
        ("Argentina", "utility", Step(100_001, 1_000_000, 24_700)),
        ("Argentina", "utility", Step(30_000_001, None, 19_500)),
        ("Argentina", "authentication", Step(10_000_001, None, 19_500)),
        ("Brazil", "utility", Step(2_000_001, 17_000_000, 6_100)),
        ("Other", "authentication", Step(2_000_001, 5_000_000, 6_500)),
        ("Pakistan", "authentication-international", Step(1, None, 75_000)),
    ],
)
def test_rates_and_tiers_picked_by_hand_come_out_right(published, market, category, step):
    found = published.rates[market, category]
    if category == "authentication-international":
        assert found[0].price_micros == step.price_micros
    else:
        assert step in found


@pytest.mark.parametrize(
    ("market", "messages", "dollars"),
    [
        ("Argentina", 100_000, "2600.0000"),
        ("Argentina", 100_001, "2600.0247"),
        ("Argentina", 150_000, "3835.0000"),
        ("Brazil", 2_000_001, "13075.0061"),
        ("India", 30_000_000, "41500.0000"),
        ("North America", 1_000_000, "3191.0000"),
    ],
)
def test_worked_examples_of_the_published_tiers(published, market, messages, dollars):
    assert price_of(published, market, "utility", messages) == micros(dollars)


@pytest.mark.parametrize(
    ("old", "new", "row", "column", "reason"),
    [
        ("Argentina,USD,0.0618", "Argentina,USD,six cents", 7, 3, "'six cents' is not a price."),
        (
            "Brazil,USD,0.0625,0.0068",
            "Brazil,USD,0.0625,-1",
            8,
            4,
            "'-1' is negative, too large or finer",
        ),
        ("Chile,USD,", "Chile,EUR,", 9, 2, "EUR in a file of USD."),
        ("Colombia,USD,", "Chile,USD,", 10, 1, "Chile, marketing is there twice."),
        ("Egypt,USD,", ",USD,", 11, 1, "A market's name has 1 to 60 characters."),
        ("France,USD,0.0859", "France,USD,NaN", 12, 3, "'NaN' is not a price."),
        ("Germany,USD,", "Germany,Dollar,", 13, 2, "'Dollar' is not a currency code."),
    ],
)
def test_broken_rate_sheet_names_row_column_and_reason(old, new, row, column, reason):
    assert old in RATES
    problems = read(("rates.csv", RATES.replace(old, new, 1))).problems
    assert problems[0].row == row
    assert problems[0].column == column
    assert problems[0].reason.startswith(reason)
    assert str(problems[0]).startswith(f"rates.csv, row {row}, column {column}: ")


def test_broken_tier_sheet_names_row_column_and_reason():
    wrong = read(("tiers.csv", TIERS.replace('"100,001"', '"100,00l"', 1)))
    assert (wrong.problems[0].row, wrong.problems[0].column) == (7, 3)
    assert wrong.problems[0].reason == "'100,00l' is not a whole number."
    hole = read(("tiers.csv", TIERS.replace('"100,001"', '"100,002"', 1)))
    assert (
        hole.problems[0].reason
        == "Argentina, utility: the tiers leave a hole, overlap, or do not end unbounded."
    )


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", '"', "\x00\x00", "market,category\n"])
def test_file_of_no_known_layout_is_a_problem_not_a_crash(text):
    assert [p.reason for p in read(("x.csv", text)).problems] == [
        "No header row of a known layout was found."
    ]


def test_our_own_layout_names_what_is_wrong():
    text = (
        "market,category,first,last,price\n"
        "Other,utility,1,x,0.01\nOther,dispatch,1,,0.01\n\nOther,service,2,,0.01\n"
    )
    assert [str(p) for p in read(("own", text)).problems] == [
        "own, row 2, column 4: 'x' is not a whole number.",
        "own, row 3, column 2: 'dispatch' is not a category: authentication, "
        "authentication-international, marketing, "
        "service, utility.",
        "own, row 5: Other, service: the tiers leave a hole, overlap, or do not end unbounded.",
    ]


def test_both_layouts_come_back_the_same(published):
    again = read(("own", csv_export.write_own(published)))
    assert (again.problems, again.currency, again.rates) == ([], "USD", published.rates)
    again = read(("r", csv_export.write_rates(published)), ("t", csv_export.write_tiers(published)))
    assert (again.problems, again.currency, again.rates) == ([], "USD", published.rates)


@pytest.fixture
def standard(db):
    with system("test"):
        return RateCard.objects.get(name="Parley standard")


@pytest.fixture
def wide(db):
    with system("test"):
        return RateCard.objects.create(
            name="As published", currency="USD", floor_micros=0, ceiling_micros=200_000
        )


def dearer(sheet, market, category):
    steps = [Step(s.first, s.last, s.price_micros + 100) for s in sheet.rates[market, category]]
    return Sheet(sheet.currency, {**sheet.rates, (market, category): steps})


def test_published_card_becomes_a_draft_and_reads_back_equal(published, wide):
    version = versions.make_draft(card=wide, sheet=published, valid_from=date(2026, 4, 1))
    with system("test"):
        assert versions.sheet_of(version).rates == published.rates
        assert version.phase(TODAY) == "draft"


def test_card_outside_floor_and_ceiling_or_of_another_currency_leaves_nothing(published, standard):
    with system("test"):
        before = (CardVersion.objects.count(), Rate.objects.count(), Tier.objects.count())
    for sheet, words in [
        (published, r"Brazil, utility: \$0.0068|outside the card's floor"),
        (Sheet("EUR", published.rates), "The file is in EUR"),
        (Sheet("USD", {("India", "utility"): [Step(1, None, 6_000)]}), "'Other' is missing"),
        (read(("x", "nonsense")), "No header row"),
    ]:
        with pytest.raises(CardError, match=words):
            versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 6, 1))
    with system("test"):
        assert (CardVersion.objects.count(), Rate.objects.count(), Tier.objects.count()) == before


def test_scheduled_version_replaces_the_one_before_from_its_month_on(standard):
    with system("test"):
        old = versions.version_on(standard, TODAY.replace(day=1))
        sheet = dearer(versions.sheet_of(old), "North America", "utility")
        assert [(c.market, c.category) for c in versions.diff(versions.sheet_of(old), sheet)] == [
            ("North America", "utility")
        ]
        assert str(versions.diff(versions.sheet_of(old), sheet)[0]).startswith(
            "North America, utility: from 1 0.0091, from 1,001 0.0082"
        )
    new = versions.schedule(
        versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 6, 1)), today=TODAY
    )
    assert new.phase(TODAY) == "scheduled"
    assert new.phase(date(2026, 6, 1)) == "in force"
    with system("test"):
        old.refresh_from_db()
    assert (old.valid_to, old.phase(date(2026, 6, 1)), old.phase(TODAY)) == (
        date(2026, 6, 1),
        "retired",
        "in force",
    )
    business = make_business(timezone="UTC")
    number = make_number(business)
    make_deliveries(business, number, 1, at=datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    make_deliveries(business, number, 1, at=datetime(2026, 6, 1, tzinfo=UTC))
    meter.meter_due()
    with system("test"):
        assert list(Charge.objects.order_by("month").values_list("price_micros", flat=True)) == [
            9_100,
            9_200,
        ]


def test_what_cannot_be_scheduled_says_why_and_changes_nothing(standard):
    with system("test"):
        sheet = versions.sheet_of(versions.version_on(standard, TODAY))
    begun = versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 5, 1))
    with pytest.raises(CardError, match="2026-05 has begun"):
        versions.schedule(begun, today=TODAY)
    june = versions.schedule(
        versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 6, 1)), today=TODAY
    )
    with pytest.raises(CardError, match="Only a draft can be scheduled"):
        versions.schedule(june, today=TODAY)
    twin = versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 6, 1))
    with pytest.raises(CardError, match="is scheduled already"):
        versions.schedule(twin, today=TODAY)
    with pytest.raises(CardError, match="Only a draft can be thrown away"):
        versions.withdraw(june)
    versions.withdraw(twin)
    with system("test"):
        assert [v.state for v in standard.versions.order_by("valid_from")] == [
            "scheduled",
            "draft",
            "scheduled",
        ]
    assert versions.version_on(standard, date(2024, 1, 1)) is None


def test_overlap_is_refused_by_the_database_itself(standard):
    with system("test"):
        sheet = versions.sheet_of(versions.version_on(standard, TODAY))
    draft = versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 6, 1))
    with pytest.raises(Error, match="versions_do_not_overlap"), system("test"):
        CardVersion.objects.filter(pk=draft.pk).update(state="scheduled")


def test_last_month_under_a_draft_card_is_computed_from_counts(standard):
    # 1,000 at $0.0091 and 2 at $0.0082; the draft costs $0.0001 more each: 1,002 x 100 micros.
    business = make_business(timezone="UTC")
    make_deliveries(business, make_number(business), 1002)
    meter.meter_due()
    with system("test"):
        sheet = dearer(
            versions.sheet_of(versions.version_on(standard, TODAY)), "North America", "utility"
        )
    draft = versions.make_draft(card=standard, sheet=sheet, valid_from=date(2026, 6, 1))
    with connection.execute_wrapper(_counting(queries := [])):
        found = versions.rerate(draft, date(2026, 5, 1))
    assert len([q for q in queries if "billing_tally" in q]) == 1
    assert [(r.messages, r.charged_micros, r.would_be_micros, r.unpriced) for r in found] == [
        (1002, 9_116_400, 9_116_400 + 100_200, 0)
    ]


def _counting(queries):
    def wrapper(execute, sql, params, many, context):
        queries.append(sql)
        return execute(sql, params, many, context)

    return wrapper
