"""Health endpoints.

/healthz: the process answers. /readyz: it can serve requests. /status: everything works in time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse

from core import tenancy
from core.queue.figures import figures
from core.registry import Registry

OLDEST_ROW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A check of /status; `run` returns JSON with `ok` and facts about it, and may raise.

    /readyz asks it too where requests cannot be served without (`is_needed`). A backlog, a broker
    that is away or a silent worker delay work, and are no reason to send nobody here.
    """

    name: str
    run: Callable[[], dict[str, Any]]
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class QueueAge:
    """A backlog that is no `core.queue.Queue`, and a function that returns its age in seconds."""

    name: str
    seconds: Callable[[], float]


checks: Registry[HealthCheck] = Registry(
    "core.health.checks",
    "Checks of /status; the instance is ready when those that it needs return `ok`.",
    key=lambda check: check.name,
)
queues: Registry[QueueAge] = Registry(
    "core.health.queues",
    "Backlogs beside the queues of `core.queue` whose age /status reports.",
    key=lambda queue: queue.name,
)


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process lives."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Whether requests can be served: 200 or 503; for load balancers, and for what starts it."""
    return _answer([check for check in checks if check.is_needed], bad="not ready")


def status(request: HttpRequest) -> JsonResponse:
    """Run every registered check; 503 where one of them is not ok: for alerts."""
    return _answer(list(checks), bad="alarm")


def _answer(asked: list[HealthCheck], *, bad: str) -> JsonResponse:
    found = {check.name: _checked(check) for check in asked}
    is_ok = all(result["ok"] for result in found.values())
    return JsonResponse(
        {"status": "ok" if is_ok else bad, "checks": found}, status=200 if is_ok else 503
    )


def _checked(check: HealthCheck) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        found = check.run()
    except Exception as error:
        found = {"ok": False, "error": type(error).__name__}
    return found | {"ms": round((time.perf_counter() - start) * 1000, 1)}


def check_database() -> dict[str, Any]:
    """Whether the database answers a query, and knows the key by which marks are signed."""
    with tenancy.logins("the key of marks is checked"), connection.cursor() as cursor:
        cursor.execute("SELECT core_may('login')")
        if cursor.fetchone() == (True,):
            return {"ok": True}
    return {"ok": False, "error": "SECRET_KEY is not the one that `migrate` ran with: run it"}


def check_broker() -> dict[str, Any]:
    """Whether Redis answers a ping within half a second."""
    redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5).ping()
    return {"ok": True}


def check_queues() -> dict[str, Any]:
    """The age of each queue's oldest due row, and whether all are below the limit."""
    ages = {name: round(found.oldest_seconds, 1) for name, found in figures().items()}
    ages |= {queue.name: round(queue.seconds(), 1) for queue in queues}
    return {"ok": max(ages.values(), default=0) < OLDEST_ROW_SECONDS, "oldest_seconds": ages}
