"""Health: /healthz says that the process lives, /readyz whether everything it needs does."""

import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from accounts.models import Heartbeat

WORKER_SILENT_SECONDS = 30
OLDEST_ROW_SECONDS = 60
# Apps above add the age in seconds of their oldest waiting row, by name of the queue.
queues: dict[str, Callable[[], float]] = {}


def healthz(request: HttpRequest) -> JsonResponse:
    """Alive."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker, worker heartbeat, oldest waiting row; 503 names what is not ready."""
    checks = {name: _checked(check) for name, check in CHECKS.items()}
    ready = all(check["ok"] for check in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "not ready", "checks": checks}, status=200 if ready else 503
    )


def _checked(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        found = check()
    except Exception as error:
        found = {"ok": False, "error": type(error).__name__}
    return found | {"ms": round((time.perf_counter() - start) * 1000, 1)}


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"ok": True}


def _broker() -> dict[str, Any]:
    redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5).ping()
    return {"ok": True}


def _worker() -> dict[str, Any]:
    beat_at = Heartbeat.objects.filter(name="worker").values_list("beat_at", flat=True).first()
    if beat_at is None:
        return {"ok": False, "error": "no worker has started yet"}
    silent = (timezone.now() - beat_at).total_seconds()
    return {"ok": silent < WORKER_SILENT_SECONDS, "silent_seconds": round(silent, 1)}


def _waiting() -> dict[str, Any]:
    ages = {name: round(age(), 1) for name, age in queues.items()}
    return {"ok": max(ages.values(), default=0) < OLDEST_ROW_SECONDS, "oldest_seconds": ages}


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "database": _database,
    "broker": _broker,
    "worker": _worker,
    "waiting": _waiting,
}
