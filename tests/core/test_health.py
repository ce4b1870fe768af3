"""Being ready is about traffic; a backlog, a silent worker and a broker that is away alarm."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core import heartbeat
from core.tenancy import system
from hosting.inbound import events
from hosting.models import Event
from tests.factories import make_business, make_number

pytestmark = pytest.mark.django_db


def a_backlog() -> None:
    number = make_number(make_business())
    with system("test"):
        events.store_event(body=b"{}", account_id=number.account_id)
        Event.objects.update(not_before=timezone.now() - timedelta(minutes=5))


def test_a_backlog_alarms_and_takes_nothing_out_of_traffic(client: Client) -> None:
    heartbeat.beat()
    assert client.get("/status").json()["status"] == "ok"
    a_backlog()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert set(ready.json()["checks"]) == {"database"}
    found = client.get("/status")
    assert (found.status_code, found.json()["status"]) == (503, "alarm")
    queues = found.json()["checks"]["queues"]
    assert queues["ok"] is False
    assert queues["oldest_seconds"]["events"] >= 300
    assert {name for name, one in found.json()["checks"].items() if not one["ok"]} == {"queues"}


def test_a_silent_worker_and_a_broker_that_is_away_alarm_only(
    client: Client, settings: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    checks = client.get("/status").json()["checks"]
    assert not checks["worker"]["ok"]
    assert not checks["broker"]["ok"]
    assert checks["database"]["ok"]
    assert client.get("/readyz").status_code == 200
