"""/metrics: for whom it opens, which names it has, and that its values are right."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from billing.metering import meter
from core import heartbeat, metrics
from core.queue.work import work
from core.tenancy import system
from hosting.inbound import events
from hosting.live import stream
from tests.factories import make_business, make_deliveries, make_number

pytestmark = pytest.mark.django_db

TOKEN = {"HTTP_AUTHORIZATION": "Bearer a token of the test"}
# Dashboards and alerts of installations know these names: a change needs a line in CHANGELOG.md.
NAMES = {
    "parley_http_requests": "counter",
    "parley_http_request_seconds": "histogram",
    "parley_queue_rows": "counter",
    "parley_queue_oldest_seconds": "gauge",
    "parley_queue_depth": "gauge",
    "parley_worker_silent_seconds": "gauge",
    "parley_database_connections": "gauge",
    "parley_live_readers": "gauge",
    "parley_metered": "counter",
    "parley_metering_lag_seconds": "gauge",
    "parley_quarantine_rows": "gauge",
    "parley_invoices_issued": "counter",
}


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = "a token of the test"


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def samples(client: Client) -> Samples:
    """Every sample of /metrics by its name and labels."""
    answer = client.get("/metrics", **TOKEN)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    return {
        key(sample.name, **sample.labels): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "header",
    [{}, {"HTTP_AUTHORIZATION": "Bearer another"}, {"HTTP_AUTHORIZATION": "Bearer "}, {
        "HTTP_AUTHORIZATION": "Basic a token of the test"
    }],
    ids=["none", "wrong", "empty", "scheme"],
)  # fmt: skip
def test_it_is_not_there_without_the_token(client: Client, header: dict[str, str]) -> None:
    assert client.get("/metrics", **header).status_code == 404  # type: ignore[arg-type]


def test_it_is_not_there_where_no_token_is_set(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


def test_the_names_are_these(client: Client) -> None:
    heartbeat.beat()
    assert stream.READERS is not None  # the process of the streams has it
    text = client.get("/metrics", **TOKEN).content.decode()  # type: ignore[arg-type]
    found = {
        family.name: family.type
        for family in text_string_to_metric_families(text)
        if family.name.startswith("parley_") and not family.name.endswith("_created")
    }
    assert found == NAMES
    documented = set(re.findall(r"^\| `(parley_\w+?)(?:_total)?`", _docs(), re.MULTILINE))
    assert documented == set(NAMES)


def _docs() -> str:
    return (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()


def test_requests_are_counted_by_route_and_unknown_ones_share_a_label(client: Client) -> None:
    def requests(route: str, method: str, status: str) -> float:
        wanted = key("parley_http_requests_total", route=route, method=method, status=status)
        return samples(client).get(wanted, 0)

    webhook = r"^webhooks/(?:(?P<waba_id>[0-9]{1,32})/?)?$"
    refused = client.post("/webhooks/123", b"{}", content_type="application/json").status_code
    assert 400 <= refused < 500
    asked = [("healthz", "GET", "200"), ("unknown", "GET", "404"), (webhook, "POST", str(refused))]
    before = [requests(*one) for one in asked]
    for path in ("/healthz", "/healthz", "/nowhere/1", "/nowhere/2"):
        client.get(path)
    client.generic("BREW", "/healthz")
    # The fast path passes the middleware of pages by, and is counted all the same.
    client.post("/webhooks/123", b"{}", content_type="application/json")
    assert [requests(*one) for one in asked] == [before[0] + 2, before[1] + 2, before[2] + 1]
    assert requests("healthz", "other", "200") >= 1
    after = samples(client)
    assert not any("BREW" in str(one) or "/nowhere/1" in str(one) for one in after)
    assert after[key("parley_http_request_seconds_count", route="healthz", method="GET")] >= 2


def test_queues_and_metering_show_what_waits_and_what_was_done(client: Client) -> None:
    before = samples(client)
    business = make_business()
    number = make_number(business)
    make_deliveries(business, number, 3)
    with system("test"):
        events.store_event(body=b"{}", account_id=number.account_id)
    waiting = samples(client)
    assert waiting[key("parley_queue_depth", queue="events", state="open")] == 1
    assert waiting[key("parley_queue_depth", queue="events", state="dead")] == 0
    assert key("parley_metering_lag_seconds") in waiting
    while meter.meter_due():
        pass
    after = samples(client)
    metered = key("parley_metered_total")
    assert after[metered] - before[metered] == 3
    assert after[key("parley_quarantine_rows")] == 0
    assert after[key("parley_metering_lag_seconds")] == 0


def test_a_settled_row_is_counted_with_its_outcome_once_it_is_committed(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    done = key("parley_queue_rows_total", queue="events", outcome="done")
    before = samples(client).get(done, 0)
    number = make_number(make_business())
    with system("test"):
        events.store_event(body=b'{"object":"page"}', account_id=number.account_id)
    with django_capture_on_commit_callbacks() as callbacks:
        work(events.QUEUE)
    assert samples(client).get(done, 0) == before
    for callback in callbacks:
        callback()
    assert samples(client)[done] == before + 1


def test_a_figure_that_cannot_be_read_leaves_the_others(client: Client) -> None:
    def fails() -> metrics.Values:
        raise RuntimeError("planted")

    broken = metrics.Figure("parley_planted", "Planted.", fails)
    metrics.database_figures.register(broken)
    try:
        found = samples(client)
    finally:
        metrics.database_figures.unregister(broken)
    assert key("parley_planted") not in found
    assert key("parley_quarantine_rows") in found


def test_processes_of_a_host_add_up_and_dead_ones_keep_counters_but_no_gauges(
    tmp_path: Path, settings: Any
) -> None:
    code = """
import sys, prometheus_client as p
c = p.Counter("planted_things", "Things.")
g = p.Gauge("planted_open", "Open.", multiprocess_mode="livesum")
c.inc(int(sys.argv[1])); g.set(int(sys.argv[1]))
"""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for count in ("2", "5"):
        subprocess.run([sys.executable, "-c", code, count], env=environment, check=True)
    settings.METRICS_FOLDER = str(tmp_path)
    text = metrics.text_of_processes().decode()
    assert "planted_things_total 7.0" in text
    assert "planted_open" not in text
