"""The worker's heartbeat: written by a task every few seconds, checked by /status."""

from typing import Any

from django.utils import timezone

from core.models import Heartbeat
from core.tenancy import system

SILENT_SECONDS = 30


def beat() -> None:
    """Record that a worker runs now."""
    with system("workers belong to no business"):
        Heartbeat.objects.update_or_create(name="worker", defaults={"beat_at": timezone.now()})


def silent_seconds() -> float | None:
    """Seconds since the last heartbeat of any worker; None before the first."""
    beat_at = Heartbeat.objects.filter(name="worker").values_list("beat_at", flat=True).first()
    return None if beat_at is None else (timezone.now() - beat_at).total_seconds()


def check_worker() -> dict[str, Any]:
    """Whether a worker wrote its heartbeat within the last 30 seconds; a health check."""
    silent = silent_seconds()
    if silent is None:
        return {"ok": False, "error": "no worker has started yet"}
    return {"ok": silent < SILENT_SECONDS, "silent_seconds": round(silent, 1)}
