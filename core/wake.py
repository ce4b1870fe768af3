"""Ringing for workers: a lost ring costs a second, because beat sweeps; so it never fails, waits or repeats."""

import time
from typing import Any

import structlog
from django.db import transaction

log = structlog.get_logger(__name__)

# A woken worker looks again before it sleeps, so rings closer together than this add nothing.
QUIET = 0.05
PAUSE_AFTER_FAULT = 5.0
_next_ring: dict[str, float] = {}


def ring(task: Any) -> None:
    """Wake a worker for `task` once the transaction commits."""
    transaction.on_commit(lambda: _ring(task), robust=True)


def _ring(task: Any) -> None:
    now = time.monotonic()
    if now < _next_ring.get(task.name, 0.0):
        return
    _next_ring[task.name] = now + QUIET
    try:
        task.apply_async(retry=False, expires=30)
    except Exception as error:
        _next_ring[task.name] = now + PAUSE_AFTER_FAULT
        log.warning("bell_not_rung", task=task.name, error=repr(error))
