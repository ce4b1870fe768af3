"""Deliveries are priced within a second of their commit by PostgreSQL notifications, without broker
or beat.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections

from billing import tasks
from billing.metering import reconciliation
from billing.metering.listener import CHANNEL, DeliveryNotifications, Listener
from billing.models import Charge, Recount
from core.tenancy import system
from hosting.models import Number
from tests.databases import OTHERS
from tests.factories import make_business, make_deliveries, make_number


@pytest.fixture
def number(committed_db: None) -> Number:
    return make_number(make_business(timezone="UTC"))


@pytest.fixture
def listener(committed_db: None) -> Iterator[Listener]:
    thread = Listener()
    thread.start()
    yield thread
    thread.stop()


def charges() -> int:
    with system("test"):
        return Charge.objects.count()


def seconds_until(holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 20, "it did not come"
        time.sleep(0.01)
    return time.monotonic() - began


def listening() -> bool:
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as database:
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE query = %s AND datname = current_database()"
        )
        return bool(database.execute(query, [f"LISTEN {CHANNEL}"]).fetchone() == (1,))


def test_a_delivery_is_priced_within_a_second_of_its_commit(
    number: Number, listener: Listener
) -> None:
    seconds_until(listening)
    lags = []
    for n in range(1, 6):
        make_deliveries(number.business, number, 2)
        lags.append(seconds_until(lambda n=n: charges() == 2 * n))  # type: ignore[misc]
    assert sorted(lags)[2] < 1.0, lags


def test_a_lost_connection_is_made_again_and_what_came_meanwhile_is_priced(
    number: Number, listener: Listener
) -> None:
    seconds_until(listening)
    connections.close_all()
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as database:
        database.execute(f"SELECT pg_terminate_backend(pid, 1000) {OTHERS}")
    make_deliveries(number.business, number, 3)
    seconds_until(lambda: charges() == 3)
    seconds_until(listening)


def test_only_committed_deliveries_are_notified(number: Number) -> None:
    notifications = DeliveryNotifications()
    try:
        assert notifications.wait(0.01)  # it has just begun to listen: worth a look
        with system("test"), connection.cursor() as cursor:
            cursor.execute("INSERT INTO hosting_delivery SELECT * FROM hosting_delivery")
        assert not notifications.wait(0.2)
        make_deliveries(number.business, number, 1)
        assert notifications.wait(2.0)
        assert not notifications.wait(0.05)
    finally:
        notifications.close()
    notifications.close()


def test_a_fault_while_pricing_does_not_end_the_listener(
    number: Number, listener: Listener
) -> None:
    seconds_until(listening)
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as database:
        database.execute("REVOKE INSERT ON billing_charge FROM parley_across")
        try:
            make_deliveries(number.business, number, 1)
            time.sleep(0.5)
        finally:
            database.execute("GRANT INSERT ON billing_charge TO parley_across")
    assert charges() == 0
    make_deliveries(number.business, number, 1)
    seconds_until(lambda: charges() == 2)


def test_the_command_prices_notified_deliveries_at_once_and_stops_on_a_signal(
    number: Number, settings: Any
) -> None:
    # Its own schedule would come to it in an hour.
    settings.CELERY_BEAT_SCHEDULE = {
        "billing.sweep": {"task": "billing.tasks.sweep", "schedule": 3600.0}
    }
    kept = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}

    def live() -> None:
        try:
            seconds_until(listening)
            make_deliveries(number.business, number, 2)
            seconds_until(lambda: charges() == 2)
            # Those may have been found by the first sweep; this one only by its notification.
            make_deliveries(number.business, number, 1)
            seconds_until(lambda: charges() == 3)
        finally:
            connections.close_all()
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        call_command("work")
    finally:
        thread.join()
        for one, handler in kept.items():
            signal.signal(one, handler)
    assert charges() == 3


def test_a_recount_whose_task_was_lost_is_run_by_the_beat(db: None, settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["billing.recount"]
    assert (entry["task"], entry["schedule"]) == (tasks.recount.name, 10.0)
    reconciliation.request_recount()
    tasks.recount()
    with system("test"):
        assert Recount.objects.get().finished_at is not None
