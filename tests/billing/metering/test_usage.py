"""Usage and price explanations equal the ledger."""

from datetime import UTC, date, datetime

import pytest

from billing.metering import meter, usage
from billing.pricing import explanation
from core.errors import NotYours
from core.tenancy import scope
from tests.factories import make_business, make_deliveries, make_number

MAY = date(2026, 5, 1)


@pytest.fixture
def metered(db):
    business = make_business(
        timezone="UTC", clock_at=datetime(2026, 5, 16, tzinfo=UTC), plan_id="team"
    )
    number = make_number(business)
    ids = make_deliveries(business, number, 998, at=datetime(2026, 5, 2, tzinfo=UTC))
    ids += make_deliveries(
        business,
        number,
        1,
        to="919820012345",
        category="marketing",
        at=datetime(2026, 5, 3, tzinfo=UTC),
    )
    meter.meter_due()
    return business, ids


def test_month_to_date_by_day_market_and_category(metered, django_assert_num_queries):
    # 998 x $0.0091 = $9.0818, and one marketing message to India at $0.0118.
    business, _ = metered
    assert business.plan.code == "team"
    with scope(business.pk), django_assert_num_queries(8):
        month = usage.usage_of(business, MAY)
    assert [(str(d.day), d.category, d.messages, d.amount_micros) for d in month.days] == [
        ("2026-05-02", "utility", 998, 9_081_800),
        ("2026-05-03", "marketing", 1, 11_800),
    ]
    assert [(r.market, r.category, r.messages) for r in month.rows] == [
        ("North America", "utility", 998),
        ("India", "marketing", 1),
    ]
    assert (month.messages, month.amount_micros, month.fee_micros) == (999, 9_093_600, 49_000_000)
    assert month.show(month.total_micros) == "$58.09"
    assert (month.net_minor, month.rounding_micros) == (5_809, -3_600)
    # 15 of 31 days have passed.
    assert month.estimate_micros == 9_093_600 * 31 // 15


def test_ladder_counts_down_to_the_next_tier(metered):
    business, _ = metered
    with scope(business.pk):
        ladder = usage.usage_of(business, MAY).ladders[0]
    assert (ladder.market, ladder.positions, ladder.price_micros) == ("North America", 998, 9_100)
    assert (ladder.to_next, ladder.next_price_micros) == (2, 8_200)


def test_price_is_explained_to_its_own_business_only(metered):
    business, ids = metered
    with scope(business.pk):
        why = explanation.explain(business.pk, ids[0])
        notes = explanation.notes(business.pk, ids[:1] + ids[-1:])
    assert why.reason == (
        "Number 1 of May 2026 in utility to North America: tier from 1 to 1,000 costs $0.0091."
    )
    assert {n: note.text for n, note in notes.items()} == {ids[0]: "$0.0091", ids[-1]: "$0.0118"}
    stranger = make_business("Stranger")
    with scope(stranger.pk), pytest.raises(NotYours):
        explanation.explain(stranger.pk, ids[0])
    with scope(stranger.pk), pytest.raises(NotYours):
        explanation.explain(business.pk, ids[0])


def test_a_month_beside_the_one_before(metered):
    business, _ = metered
    with scope(business.pk):
        may = usage.usage_of(business, MAY)
        assert usage.compare_months(business, may, None) == []
        beside = usage.compare_months(business, may, date(2026, 4, 1))
        backwards = usage.compare_months(business, usage.usage_of(business, date(2026, 4, 1)), MAY)
    assert [(row.category, row.messages, row.amount_micros, row.change) for row in beside] == [
        ("utility", 998, 9_081_800, None),
        ("marketing", 1, 11_800, None),
    ]
    assert [
        (row.category, row.amount_micros, row.amount_before_micros, row.change) for row in backwards
    ] == [
        ("utility", 0, 9_081_800, -100),
        ("marketing", 0, 11_800, -100),
    ]
