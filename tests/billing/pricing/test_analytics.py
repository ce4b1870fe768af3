"""`pricing_analytics` of the account node: volume and cost from the ledger, by what the client asks
for.
"""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.test import Client

from billing.metering import meter, reversals
from billing.models import Charge
from core.tenancy import system
from hosting.models import Delivery, Number
from tests.factories import make_business, make_deliveries, make_key, make_number

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
START, END = (
    int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()),
    int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()),
)
DAY = int(datetime(2026, 5, 10, tzinfo=UTC).timestamp())


@pytest.fixture
def number(db: None) -> Number:
    number = make_number(make_business(timezone="UTC"))
    make_deliveries(number.business, number, 2, to="14155550100", category="marketing", at=NOON)
    make_deliveries(number.business, number, 3, to="919820012345", category="utility", at=NOON)
    make_deliveries(
        number.business, number, 1, to="919820012345", category="marketing", at=NOON.replace(day=12)
    )
    meter.meter_due()
    return number


def ask(number: Number, asked: str) -> Any:
    client = Client(headers={"Authorization": f"Bearer {make_key(number.business)}"})
    return client.get(f"/v23.0/{number.account.waba_id}{asked}")


def points(number: Number, rest: str) -> list[dict[str, Any]]:
    answer = ask(number, f"?fields=pricing_analytics.start({START}).end({END}).{rest}")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = orjson.loads(answer.content)["pricing_analytics"]["data"][0][
        "data_points"
    ]
    return found


def prices(number: Number) -> dict[tuple[str, str], float]:
    with system("test"):
        rows = Charge.objects.filter(business_id=number.business_id)
        return {(row.market, row.category): row.price_micros / 1_000_000 for row in rows}


def test_a_point_for_each_day_country_category_type_and_tier(number: Number) -> None:
    price = prices(number)
    found = points(
        number, "granularity(DAILY).dimensions(PRICING_CATEGORY,PRICING_TYPE,TIER,COUNTRY)"
    )
    day, later = (
        {"start": DAY, "end": DAY + 86400},
        {"start": DAY + 2 * 86400, "end": DAY + 3 * 86400},
    )
    india, regular = {"country": "IN"}, {"pricing_type": "REGULAR"}
    tiers = {point["pricing_category"]: point.pop("tier") for point in found}
    assert tiers["MARKETING"] == "0:1000"
    assert tiers["UTILITY"].startswith("0:")
    key = lambda point: (point["start"], point["pricing_category"], point["country"])  # noqa: E731
    assert sorted(found, key=key) == sorted(
        [
            day
            | {"country": "US", "pricing_category": "MARKETING", "volume": 2}
            | regular
            | {"cost": 2 * price["North America", "marketing"]},
            day
            | india
            | regular
            | {"pricing_category": "UTILITY", "volume": 3, "cost": 3 * price["India", "utility"]},
            later
            | india
            | regular
            | {"pricing_category": "MARKETING", "volume": 1, "cost": price["India", "marketing"]},
        ],
        key=key,
    )


def test_without_dimensions_a_month_is_one_point_and_metrics_may_be_left_out(
    number: Number,
) -> None:
    assert points(number, "granularity(MONTHLY).metric_types(VOLUME)") == [
        {"start": START, "end": END, "volume": 6}
    ]


def test_filters_by_country_number_category_and_type(number: Number) -> None:
    assert (
        points(number, 'granularity(MONTHLY).metric_types([VOLUME]).country_codes(["IN"])')[0][
            "volume"
        ]
        == 4
    )
    assert points(number, f"granularity(MONTHLY).phone_numbers({number.digits})")[0]["volume"] == 6
    assert points(number, "granularity(MONTHLY).phone_numbers(15550000000)") == []
    assert points(number, "granularity(MONTHLY).pricing_categories(UTILITY)")[0]["volume"] == 3
    assert points(number, "granularity(MONTHLY).pricing_types(FREE_ENTRY_POINT)") == []


def test_reversed_charges_are_not_counted(number: Number) -> None:
    with system("test"):
        charge = Charge.objects.filter(category="utility").first()
        assert charge
    reversals.reverse_charge(
        business_id=number.business_id, charge_id=charge.pk, reason="sent twice by us"
    )
    assert points(number, "granularity(MONTHLY).pricing_categories(UTILITY)")[0]["volume"] == 2


def test_free_messages_have_no_tier_and_half_hours_are_separate_points(db: None) -> None:
    number = make_number(make_business(timezone="UTC"))
    make_deliveries(number.business, number, 1, category="service", at=NOON.replace(minute=40))
    with system("test"):
        Delivery.objects.update(kind="reaction")
    meter.meter_due()
    found = points(number, "granularity(HALF_HOUR).dimensions(PRICING_TYPE,TIER,PHONE)")
    start = int(NOON.replace(minute=30).timestamp())
    expected = {"start": start, "end": start + 1800, "phone_number": number.digits, "volume": 1}
    assert found == [expected | {"pricing_type": "FREE_CUSTOMER_SERVICE", "cost": 0.0}]


def test_the_edge_answers_too_and_a_wrong_dimension_is_named(number: Number) -> None:
    answer = ask(
        number,
        f"/pricing_analytics?start={START}&end={END}&granularity=MONTHLY&dimensions=[%22PHONE%22]",
    )
    assert (
        orjson.loads(answer.content)["data"][0]["data_points"][0]["phone_number"] == number.digits
    )
    refused = ask(number, f"/pricing_analytics?start={START}&end={END}&dimensions=SHOE_SIZE")
    assert refused.status_code == 400
    assert "dimensions" in orjson.loads(refused.content)["error"]["error_data"]["details"]


def test_conversation_analytics_show_country_and_cost(number: Number) -> None:
    price = prices(number)
    rest = (
        "granularity(MONTHLY).dimensions([COUNTRY,CONVERSATION_CATEGORY])"
        ".metric_types([COST,CONVERSATION])"
    )

    def reported(more: str = "") -> list[dict[str, Any]]:
        answer = ask(
            number, f"?fields=conversation_analytics.start({START}).end({END}).{rest}{more}"
        )
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = answer.json()["conversation_analytics"]["data"][0][
            "data_points"
        ]
        return found

    month = {"start": START, "end": END}
    india = [
        {
            "country": "IN",
            "conversation_category": "MARKETING",
            "conversation": 1,
            "cost": price["India", "marketing"],
        },
        {
            "country": "IN",
            "conversation_category": "UTILITY",
            "conversation": 1,
            "cost": 3 * price["India", "utility"],
        },
    ]
    us = {
        "country": "US",
        "conversation_category": "MARKETING",
        "conversation": 1,
        "cost": 2 * price["North America", "marketing"],
    }
    assert reported() == [month | one for one in (*india, us)]
    assert reported(".country_codes(US)") == [month | us]
    with system("test"):
        charge = Charge.objects.filter(market="North America").order_by("id").first()
    assert charge is not None
    with system("test"):
        reversals.reverse_charge(
            business_id=number.business_id, charge_id=charge.pk, reason="our fault"
        )
    assert reported(".country_codes(US)")[0]["cost"] == price["North America", "marketing"]
