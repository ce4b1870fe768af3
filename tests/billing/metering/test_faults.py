"""Metering under faults: workers killed with -9, two at once, a month closed between claim and
charge.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from datetime import UTC, date, datetime

import psycopg
import pytest
from django.db import connection, connections

from benchmarks import faults
from billing.invoices import close
from billing.metering import meter as metering_meter
from billing.metering.reconciliation import reconcile
from billing.models import Charge, Invoice, Period, Quarantine, Usage
from core.tenancy import scope, system
from hosting.models import Delivery
from tests.billing.recount import assert_books_agree
from tests.databases import OTHERS
from tests.factories import make_business, make_deliveries, make_number

RECIPIENTS = ["14155550100", "919820012345", "5511987654321", "4915112345678", "9991234567"]


def _worker() -> None:
    while metering_meter.meter_due(limit=250):
        pass


def _start():
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=_worker)
    process.start()
    return process


def _waiting() -> int:
    with system("test"):
        return Delivery.objects.count()


# The next test is its short form.
@pytest.mark.long
@pytest.mark.timeout(300)
def test_twenty_thousand_deliveries_survive_ten_kills_and_the_invoice_equals_the_recount(
    committed_db,
):
    businesses = [make_business(f"b{n}", timezone="UTC") for n in range(4)]
    for n, business in enumerate(businesses):
        number = make_number(business)
        for m, to in enumerate(RECIPIENTS):
            make_deliveries(
                business, number, 1000, to=to, category=["utility", "marketing"][(n + m) % 2]
            )
    dice, kills = random.Random(7), 0
    while kills < 10:
        pair = [_start(), _start()]
        time.sleep(dice.uniform(0.03, 0.15))
        before = _waiting()
        for process in pair:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1 if before else 0
        assert before, "the queue was empty before ten workers were killed"
    while metering_meter.meter_due():
        pass
    total = assert_books_agree()
    invoices = [
        close.close_period(business=business, month=date(2026, 5, 1)) for business in businesses
    ]
    with system("test"):
        lines = [
            line for invoice in Invoice.objects.all() for line in invoice.lines.exclude(kind="fee")
        ]
        assert sum(line.amount_micros for line in lines) == total
        assert sum(line.quantity for line in lines) == 20_000
    assert len({invoice.number for invoice in invoices}) == 4


def test_kills_lost_connections_and_flushes_lose_and_double_nothing(committed_db, redis):
    # The short form of `python -m benchmarks.faults`, which kills the servers themselves.
    faults.create_businesses(businesses=4)
    connections.close_all()
    url = os.environ["DATABASE_SUPERUSER_URL"]

    def cut() -> None:
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(f"SELECT pg_terminate_backend(pid, 1000) {OTHERS}")

    plan = faults.Plan(deliveries=6_000, workers=4, kills=10, postgres=3, flushes=2)
    run = faults.Run(plan, url, faults.metering_loop, {"postgres": cut, "flush": redis.flushdb})
    assert run.run() < faults.DRAINED_WITHIN
    assert run.at_work >= 5, "most faults met an empty queue"
    assert assert_books_agree() > 0
    assert reconcile() == []
    with system("test"):
        assert Charge.objects.count() == 6_000


def test_month_closed_while_its_batch_is_claimed_bills_the_next_month(committed_db):
    business = make_business(timezone="UTC")
    number = make_number(business)
    make_deliveries(business, number, 1)
    metering_meter.meter_due()
    make_deliveries(business, number, 1)
    failures: list[BaseException] = []

    def meter() -> None:
        try:
            metering_meter.meter_due()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    with system("test"):
        period = Period.objects.select_for_update().get(business=business)
        period.state = "closed"
        period.save()
        Period.objects.create(
            business=business,
            month=date(2026, 6, 1),
            starts_at=period.ends_at,
            ends_at=datetime(2026, 7, 1, tzinfo=UTC),
        )
        thread = threading.Thread(target=meter)
        thread.start()
        _until_somebody_waits_for_a_lock()
    thread.join()
    assert failures == []
    with system("test"):
        assert not Quarantine.objects.exists()
        assert [str(c.billed_month) for c in Charge.objects.order_by("position")] == [
            "2026-05-01",
            "2026-06-01",
        ]


def _until_somebody_waits_for_a_lock() -> None:
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("the batch did not wait for the closing")


def test_time_zone_moved_west_leaves_no_moment_without_a_month(db):
    business = make_business(timezone="UTC")
    number = make_number(business)
    make_deliveries(business, number, 1, at=datetime(2026, 5, 10, tzinfo=UTC))
    metering_meter.meter_due()
    with system("test"):
        business.timezone = "America/New_York"
        business.save()
    # 31 May 22:00 in New York, but the stored May ended at 00:00 UTC: June begins there.
    make_deliveries(business, number, 1, at=datetime(2026, 6, 1, 2, tzinfo=UTC))
    metering_meter.meter_due()
    with system("test"):
        assert not Quarantine.objects.exists()
        assert [str(one.month) for one in Charge.objects.order_by("message_id")] == [
            "2026-05-01",
            "2026-06-01",
        ]
        june = Period.objects.get(month=date(2026, 6, 1))
        assert june.starts_at == datetime(2026, 6, 1, tzinfo=UTC)
        assert june.ends_at == datetime(2026, 7, 1, 4, tzinfo=UTC)


def test_without_a_tenant_nothing_of_the_books_is_seen(db):
    business = make_business(timezone="UTC")
    make_deliveries(business, make_number(business), 2)
    metering_meter.meter_due()
    for model in (Charge, Usage, Period, Delivery):
        assert not model.objects.exists()
    stranger = make_business("Stranger")
    with scope(stranger.pk):
        assert not Charge.objects.exists()
    with scope(business.pk):
        assert Charge.objects.count() == 2
