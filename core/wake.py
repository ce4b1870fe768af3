"""Wake-ups: a Celery task is asked to look for waiting rows once the transaction commits.

A wake-up carries no data. A lost one costs a second, because beat sweeps every queue; so sending
one never fails, never waits for the broker and is never repeated.
"""

import time
from typing import Any

import structlog
from django.db import transaction

log = structlog.get_logger(__name__)

# A worker looks again before it ends, so wake-ups closer together than this (seconds) add nothing.
QUIET = 0.05
PAUSE_AFTER_FAULT = 5.0
_next_at: dict[str, float] = {}


def notify(task: Any) -> None:
    """Wake a worker for a Celery task once the running transaction commits.

    At once outside of one.
    """
    transaction.on_commit(lambda: _send(task), robust=True)


def forget() -> None:
    """Forget which wake-ups were sent lately, so that the next one of every task is sent (for
    tests).
    """
    _next_at.clear()


def _send(task: Any) -> None:
    now = time.monotonic()
    if now < _next_at.get(task.name, 0.0):
        return
    _next_at[task.name] = now + QUIET
    try:
        task.apply_async(retry=False, expires=30)
    except Exception as error:
        _next_at[task.name] = now + PAUSE_AFTER_FAULT
        log.warning("wake_up_not_sent", task=task.name, error=repr(error))
