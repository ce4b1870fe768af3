"""Metering: every delivery is priced once, at the tier of its position, in any order."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import Error, connection

from billing.metering import meter
from billing.models import (
    CardChoice,
    CardVersion,
    Charge,
    Period,
    Quarantine,
    RateCard,
    Tally,
    Usage,
)
from core.tenancy import scope, system
from hosting.models import Delivery
from tests.factories import make_business, make_deliveries, make_number, queue_deliveries


@pytest.fixture
def shop(db):
    business = make_business(timezone="UTC")
    return business, make_number(business)


def charges(business):
    with scope(business.pk):
        return list(Charge.objects.filter(business_id=business.pk).order_by("position", "id"))


def test_price_steps_down_exactly_at_the_tier_edge(shop):
    # North America, utility: positions 1 to 1,000 cost $0.0091, from 1,001 on $0.0082.
    business, number = shop
    make_deliveries(business, number, 1002)
    assert meter.meter_due() == 1002
    ledger = charges(business)
    assert [c.position for c in ledger] == list(range(1, 1003))
    assert {c.price_micros for c in ledger[:1000]} == {9_100}
    assert {c.price_micros for c in ledger[1000:]} == {8_200}
    with scope(business.pk):
        rows = Usage.objects.order_by("tier_id").values_list(
            "market", "category", "messages", "amount_micros"
        )
        assert list(rows) == [
            ("North America", "utility", 1000, 9_100_000),
            ("North America", "utility", 2, 16_400),
        ]


def test_positions_go_on_where_the_last_batch_ended(shop):
    business, number = shop
    make_deliveries(business, number, 7)
    assert meter.meter_due(limit=5) == 5
    assert meter.meter_due(limit=5) == 2
    assert meter.meter_due(limit=5) == 0
    assert [c.position for c in charges(business)] == [1, 2, 3, 4, 5, 6, 7]


def test_doubled_delivery_is_charged_once(shop):
    business, number = shop
    ids = make_deliveries(business, number, 3)
    meter.meter_due()
    queue_deliveries(ids)
    assert meter.meter_due() == 0
    assert len(charges(business)) == 3
    with system("test"):
        assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("digits", "market"),
    [
        ("14155550100", "North America"),
        ("18095550100", "Rest of Latin America"),
        ("919820012345", "India"),
        ("79161234567", "Russia"),
        ("77011234567", "Other"),
        ("4915112345678", "Germany"),
        ("9991234567", "Other"),
    ],
)
def test_market_is_that_of_the_longest_calling_code(shop, digits, market):
    business, number = shop
    make_deliveries(business, number, 1, to=digits)
    meter.meter_due()
    assert [c.market for c in charges(business)] == [market]


def test_calling_code_that_moves_market_moves_at_the_month_edge(shop):
    # Kazakhstan is a market of its own from October 2026.
    business, number = shop
    make_deliveries(
        business, number, 1, to="77011234567", at=datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
    )
    make_deliveries(business, number, 1, to="77011234567", at=datetime(2026, 10, 1, tzinfo=UTC))
    meter.meter_due()
    assert {(str(c.month), c.market) for c in charges(business)} == {
        ("2026-09-01", "Other"),
        ("2026-10-01", "Kazakhstan"),
    }


def test_month_edges_are_those_of_the_business_time_zone(db):
    business = make_business(timezone="America/New_York")
    number = make_number(business)
    # 1 June 03:59 UTC is still 31 May in New York; 04:00 UTC is June.
    make_deliveries(business, number, 1, at=datetime(2026, 6, 1, 3, 59, 59, tzinfo=UTC))
    make_deliveries(business, number, 1, at=datetime(2026, 6, 1, 4, tzinfo=UTC))
    meter.meter_due()
    assert sorted(str(c.month) for c in charges(business)) == ["2026-05-01", "2026-06-01"]
    with scope(business.pk):
        edges = list(Period.objects.order_by("month").values_list("starts_at", "ends_at"))
    assert edges == [
        (datetime(2026, 5, 1, 4, tzinfo=UTC), datetime(2026, 6, 1, 4, tzinfo=UTC)),
        (datetime(2026, 6, 1, 4, tzinfo=UTC), datetime(2026, 7, 1, 4, tzinfo=UTC)),
    ]


def test_late_delivery_keeps_its_tier_and_is_billed_in_the_earliest_open_month(shop):
    business, number = shop
    make_deliveries(business, number, 2, at=datetime(2026, 5, 10, tzinfo=UTC))
    meter.meter_due()
    with system("test"):
        Period.objects.filter(business=business).update(state="closed")
    make_deliveries(business, number, 1, at=datetime(2026, 5, 31, tzinfo=UTC))
    meter.meter_due()
    late = charges(business)[-1]
    assert (late.position, str(late.month), str(late.billed_month)) == (
        3,
        "2026-05-01",
        "2026-06-01",
    )


def test_what_has_no_price_waits_in_quarantine_and_blocks_nobody(shop):
    business, number = shop
    with system("test"):
        bare = RateCard.objects.create(
            name="Bare", currency="USD", floor_micros=0, ceiling_micros=1
        )
        CardChoice.objects.create(business=business, card=bare)
    other = make_business("Other shop")
    make_deliveries(business, number, 2)
    make_deliveries(other, make_number(other), 3)
    assert meter.meter_due() == 5
    assert charges(business) == []
    assert len(charges(other)) == 3
    with system("test"):
        assert [q.reason for q in Quarantine.objects.all()] == ["no_card", "no_card"]
        CardChoice.objects.all().delete()
        ids = list(Quarantine.objects.values_list("pk", flat=True))
    assert meter.requeue(ids) == 2
    assert meter.meter_due() == 2
    assert [c.price_micros for c in charges(business)] == [9_100, 9_100]
    with system("test"):
        assert not Quarantine.objects.exists()


def test_free_messages_take_no_tier_position(shop):
    business, number = shop
    with system("test"):
        card = RateCard.objects.get(name="Parley standard")
        free = RateCard.objects.create(
            name="Free service", currency="USD", floor_micros=5_000, ceiling_micros=90_000
        )
        with connection.cursor() as cursor:
            cursor.execute(
                """
                WITH v AS (
                    INSERT INTO billing_cardversion
                        (card_id, state, valid_from, service_free_in_window,
                         utility_free_in_window, free_entry_hours, created_at)
                    VALUES (%s, 'draft', '2026-01-01', true, false, 72, now()) RETURNING id
                ), r AS (
                    INSERT INTO billing_rate (version_id, market_id, category)
                    SELECT v.id, r.market_id, r.category FROM billing_rate r
                      JOIN billing_cardversion o ON o.id = r.version_id AND o.card_id = %s, v
                    RETURNING id
                )
                SELECT 1
                """,
                [free.pk, card.pk],
            )
            cursor.execute(
                "INSERT INTO billing_tier (rate_id, first, price_micros) SELECT r.id, 1, 6000 "
                "FROM billing_rate r "
                "JOIN billing_cardversion v ON v.id = r.version_id AND v.card_id = %s",
                [free.pk],
            )
            cursor.execute(
                "UPDATE billing_cardversion SET state = 'scheduled' WHERE card_id = %s", [free.pk]
            )
        CardChoice.objects.create(business=business, card=free)
    make_deliveries(business, number, 2, category="service", window_open=True)
    make_deliveries(business, number, 1, category="service", window_open=False)
    meter.meter_due()
    found = sorted((c.rule, c.position, c.price_micros) for c in charges(business))
    assert found == [("service_in_window", 1, 0), ("service_in_window", 2, 0), ("tier", 1, 6_000)]


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE billing_charge SET price_micros = 0",
        "DELETE FROM billing_charge",
        "TRUNCATE billing_charge",
    ],
)
def test_ledger_refuses_every_edit_even_by_its_owner(shop, edit):
    business, number = shop
    make_deliveries(business, number, 1)
    meter.meter_due()
    with pytest.raises(Error), system("test"), connection.cursor() as cursor:
        cursor.execute(edit)
    assert [c.price_micros for c in charges(business)] == [9_100]


def test_card_in_force_cannot_be_edited_and_tiers_stay_within_floor_and_ceiling(db):
    def refused(sql):
        with pytest.raises(Error), system("test"), connection.cursor() as cursor:
            cursor.execute(sql)

    refused(
        "UPDATE billing_tier SET price_micros = 6000 WHERE id = (SELECT min(id) FROM billing_tier)"
    )
    refused("DELETE FROM billing_rate WHERE id = (SELECT min(id) FROM billing_rate)")
    refused("UPDATE billing_cardversion SET service_free_in_window = true")
    refused("UPDATE billing_cardversion SET floor_micros = 5001")
    refused("UPDATE billing_cardversion SET ceiling_micros = 90001")
    with system("test"):
        version = CardVersion.objects.get()
        assert (version.floor_micros, version.ceiling_micros) == (5_000, 90_000)


def test_two_workers_share_one_hot_business_without_loss_or_double(committed_db):
    business = make_business(timezone="UTC")
    number = make_number(business)
    make_deliveries(business, number, 3000)
    failures = []

    def work():
        try:
            while meter.meter_due(limit=200):
                pass
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while meter.meter_due():
        pass
    assert failures == []
    ledger = charges(business)
    assert [c.position for c in ledger] == list(range(1, 3001))
    # 1,000 x $0.0091 + 2,000 x $0.0082 = $9.10 + $16.40
    assert sum(c.price_micros for c in ledger) == 25_500_000
    with scope(business.pk):
        assert Tally.objects.get().positions == 3000
        assert sum(Usage.objects.values_list("amount_micros", flat=True)) == 25_500_000
