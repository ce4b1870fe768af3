"""The page of agreed terms: card, version, discount, rules and tiers as metering applies them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Business
from billing.metering import meter
from billing.models import CardChoice, Charge, RateCard
from billing.rate_cards import versions
from billing.rate_cards.terms import terms_of
from core.tenancy import scope, system
from tests.factories import make_business, make_deliveries, make_member, make_number

pytestmark = pytest.mark.django_db
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.fixture
def business() -> Business:
    return make_business(timezone="UTC", clock_at=datetime(2026, 5, 20, tzinfo=UTC))


@pytest.fixture
def client(business: Business) -> Client:
    client = Client()
    client.force_login(make_member(business, "finance"))
    return client


def shown(client: Client, **query: Any) -> list[tuple[Any, ...]]:
    answer = client.get(reverse("rates"), query)
    assert answer.status_code == 200
    return [
        (tier.category, tier.first, tier.last, tier.list_micros, tier.price_micros, tier.is_next)
        for _, tier in answer.context["tiers"]
    ]


def test_the_standard_card_is_shown_with_the_next_message_in_its_tier(
    client: Client, business: Business
) -> None:
    make_deliveries(business, make_number(business), 1000)
    meter.meter_due()
    utility = [row for row in shown(client) if row[0] == "utility"]
    assert utility[:2] == [
        ("utility", 1, 1000, 9_100, 9_100, False),
        ("utility", 1001, utility[1][2], 8_200, 8_200, True),
    ]
    page = client.get(reverse("rates"))
    assert (page.context["market"], page.context["terms"].agreed_from) == ("North America", None)
    text = page.content.decode()
    assert all(
        words in text
        for words in (
            "Parley standard",
            "$0.005 – $0.09",
            "Failed messages are charged",
            "<dd>none</dd>",
        )
    )
    assert "List price" not in text


def test_a_discount_is_shown_beside_the_list_price_exactly_as_it_is_charged(
    client: Client, business: Business
) -> None:
    # $0.0091 less 12.5 % is $0.0079625; to a micro, half to even: $0.007962.
    with system("test"):
        CardChoice.objects.create(
            business=business, discount_percent="12.5", valid_from=MAY, valid_to=JUNE
        )
        other = make_business("Other")
        CardChoice.objects.create(business=other, discount_percent="50")
    row = next(row for row in shown(client, market="North America") if row[0] == "utility")
    assert row[3:5] == (9_100, 7_962)
    make_deliveries(business, make_number(business), 1)
    meter.meter_due()
    with system("test"):
        assert Charge.objects.get().price_micros == row[4]
    text = client.get(reverse("rates")).content.decode()
    assert (
        "12.50 %" in text,
        "List price" in text,
        "From June 2026 on other terms hold." in text,
    ) == (True,) * 3
    june = next(
        row for row in shown(client, month="2026-06", market="North America") if row[0] == "utility"
    )
    assert june[3:5] == (9_100, 9_100)


def test_another_market_or_month_may_be_asked_for_and_nonsense_shows_the_first(
    client: Client,
) -> None:
    assert client.get(reverse("rates"), {"market": "India"}).context["market"] == "India"
    for query in ({"market": "Atlantis"}, {"month": "x"}, {"month": "1999-01"}, {}):
        page = client.get(reverse("rates"), query)
        # Nothing sent yet: the market of the business's own country, in the present month.
        assert (page.status_code, page.context["market"], page.context["month"]) == (
            200,
            "North America",
            MAY,
        )


def test_a_coming_version_and_its_rules_are_shown_for_their_month(
    client: Client, business: Business
) -> None:
    with system("test"):
        card = RateCard.objects.get(name="Parley standard")
        sheet = versions.sheet_of(versions.version_on(card, MAY))  # type: ignore[arg-type]
    draft = versions.make_draft(
        card=card, sheet=sheet, valid_from=JUNE, failed_charged=True, free_messages=1500
    )
    versions.schedule(draft, today=MAY)
    with scope(business.pk):
        now, coming = (terms_of(business, month) for month in (MAY, JUNE))
    assert now is not None
    assert coming is not None
    assert (now.changes_from, coming.changes_from, coming.version) == (JUNE, None, draft)
    assert (
        now.rules["Failed messages are charged"],
        coming.rules["Failed messages are charged"],
    ) == ("no", "yes")
    assert coming.rules["Free service messages"] == "1,500"
    assert ">next<" not in client.get(reverse("rates"), {"month": "2026-06"}).content.decode()


def test_without_a_card_the_page_says_what_will_be_here(client: Client, business: Business) -> None:
    with system("test"):
        bare = RateCard.objects.create(
            name="Bare", currency="USD", floor_micros=0, ceiling_micros=1
        )
        CardChoice.objects.create(business=business, card=bare)
    assert "No rate card holds for this month yet" in client.get(reverse("rates")).content.decode()


def test_a_card_without_the_home_market_shows_its_first(client: Client, business: Business) -> None:
    with system("test"):
        card = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    rates = {(market, "utility"): [versions.Step(1, None, 6_000)] for market in ("Other", "India")}
    versions.schedule(
        versions.make_draft(card=card, sheet=versions.Sheet("USD", rates), valid_from=MAY),
        today=MAY,
    )
    with system("test"):
        CardChoice.objects.create(business=business, card=card, valid_from=MAY)
    assert shown(client) == [("utility", 1, None, 6_000, 6_000, True)]
    assert client.get(reverse("rates")).context["market"] == "India"
