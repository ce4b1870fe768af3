"""Metrics for Prometheus, in its text format.

Counters and histograms are kept by each process; `PROMETHEUS_MULTIPROC_DIR` names the folder by
which all processes of a host share them. Gauges of backlogs are read from the database when
/metrics is asked, so that every host answers the same.
"""

import hmac
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily

from core.heartbeat import silent_seconds
from core.queue.figures import figures
from core.registry import Registry

log = structlog.get_logger(__name__)

# Seconds: from a webhook on the fast path to the slowest page.
BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
REQUESTS = Counter(
    "parley_http_requests",
    "Requests answered, by route, method and status.",
    ["route", "method", "status"],
)
REQUEST_SECONDS = Histogram(
    "parley_http_request_seconds",
    "Seconds until a request was answered.",
    ["route", "method"],
    buckets=BUCKETS,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Files of gauges that count only while their process lives.
OF_LIVING = re.compile(r"gauge_live\w+_([0-9]+)\.db")

Values = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A gauge whose values are read from the database.

    `read` returns pairs of label values (as many as `labels`) and the value.
    """

    name: str
    about: str
    read: Callable[[], Values]
    labels: tuple[str, ...] = ()


database_figures: Registry[Figure] = Registry(
    "core.metrics.database_figures",
    "Gauges that are read from the database whenever /metrics is asked.",
    key=lambda figure: figure.name,
)


class MetricsMiddleware:
    """The outermost: counts each request and measures how long its answer took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; paths and methods that are unknown share one label."""
        start = time.perf_counter()
        response = self.get_response(request)
        method = str(request.method) if request.method in METHODS else "other"
        route = _route_of(request)
        REQUESTS.labels(route, method, response.status_code).inc()
        REQUEST_SECONDS.labels(route, method).observe(time.perf_counter() - start)
        return response


def _route_of(request: HttpRequest) -> str:
    if request.resolver_match:
        return request.resolver_match.route or "/"
    return "static" if request.path.startswith(settings.STATIC_URL) else "unknown"


def metrics(request: HttpRequest) -> HttpResponse:
    """Everything that is measured, for who shows the token of METRICS_TOKEN; 404 for others."""
    shown = request.headers.get("Authorization", "").encode()
    token = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not settings.METRICS_TOKEN or not hmac.compare_digest(shown, token):
        raise Http404
    body = text_of_processes() + b"".join(_lines(figure) for figure in database_figures)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def text_of_processes() -> bytes:
    """Counters and histograms of all processes of this host, or of this one without a folder."""
    folder = settings.METRICS_FOLDER
    if not folder:
        return bytes(generate_latest(REGISTRY))
    # A process that was killed cannot take its own gauges away.
    for file in Path(folder).iterdir():
        found = OF_LIVING.fullmatch(file.name)
        if found and not Path(f"/proc/{found[1]}").exists() and Path("/proc").exists():
            multiprocess.mark_process_dead(int(found[1]), folder)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)
    return bytes(generate_latest(registry))


def _lines(figure: Figure) -> bytes:
    """The gauge in Prometheus's text; nothing where reading it fails, so that others remain."""
    family = GaugeMetricFamily(figure.name, figure.about, labels=figure.labels)
    try:
        for labels, value in figure.read():
            family.add_metric(labels, value)
    except Exception as error:
        log.warning("figure_not_read", figure=figure.name, error=type(error).__name__)
        return b""
    return bytes(generate_latest(_OneFamily(family)))


class _OneFamily(CollectorRegistry):
    """A registry of one family that was read already."""

    def __init__(self, family: GaugeMetricFamily) -> None:
        super().__init__()
        self.family = family

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self.family


def queue_ages() -> Values:
    """Seconds for which each queue's oldest due row has waited."""
    return [((name,), found.oldest_seconds) for name, found in figures().items()]


def queue_depths() -> Values:
    """Rows of each queue by state; counted up to 10,001."""
    found = figures()
    return [
        ((name, state), count)
        for name, figure in found.items()
        for state, count in (("open", figure.open), ("dead", figure.dead))
    ]


def worker_silence() -> Values:
    """Seconds since a worker wrote its heartbeat; none before the first."""
    silent = silent_seconds()
    return [] if silent is None else [((), silent)]


def database_connections() -> Values:
    """Connections to this database by login, and how many the server allows in all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' GROUP BY usename"
            " UNION ALL SELECT '(limit)', current_setting('max_connections')::bigint"
        )
        return [((str(login),), float(count)) for login, count in cursor.fetchall()]


def own_figures() -> list[Figure]:
    """The gauges that concern no app alone."""
    return [
        Figure(
            "parley_queue_oldest_seconds",
            "Seconds for which the oldest due row has waited.",
            queue_ages,
            ("queue",),
        ),
        Figure(
            "parley_queue_depth",
            "Rows that are open or dead letters, counted up to 10,001.",
            queue_depths,
            ("queue", "state"),
        ),
        Figure(
            "parley_worker_silent_seconds",
            "Seconds since a worker's last heartbeat.",
            worker_silence,
        ),
        Figure(
            "parley_database_connections",
            "Connections by login, and the server's limit.",
            database_connections,
            ("login",),
        ),
    ]
