"""Slicing: long work is done a few seconds at a time by whoever claims its row, and goes on where it was."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from django.db import connection
from django.db.models.functions import Now

from core.sql import statement
from core.tenancy import scope, system
from hosting.models.transfers import Job

log = structlog.get_logger(__name__)
LEASE = timedelta(seconds=60)
SECONDS = 5.0  # of one slice: then others have their turn
MAX_ATTEMPTS = 5
J = TypeVar("J", bound=Job)


class Stopped(Exception):
    """The job was cancelled, or another worker has taken it over; what this transaction wrote must not stay."""


def claim(
    model: type[J], states: Sequence[str], related: Sequence[str] = ("business__plan", "number")
) -> J | None:
    """The job whose turn it is, with its `related` rows, for this worker alone; None when none waits."""
    with system("jobs of every business wait in one line"), connection.cursor() as cursor:
        sql = statement("hosting", "claim_job").format(table=model._meta.db_table)
        cursor.execute(sql, {"states": list(states)})
        row = cursor.fetchone()
        return model._default_manager.select_related(*related).get(pk=row[0]) if row else None


def keep(job: J, **changes: Any) -> None:
    """Note progress in the transaction that made it; Stopped when the job is no longer this worker's."""
    mine = type(job)._default_manager.filter(pk=job.pk, token=job.token, state=job.state)
    if not mine.update(lease_until=Now() + LEASE, attempts=0, **changes):
        raise Stopped
    for name, value in changes.items():
        setattr(job, name, value)


def finish(job: J, state: str, **changes: Any) -> None:
    """Note that nothing is left to do; Stopped when the job is no longer this worker's."""
    mine = type(job)._default_manager.filter(pk=job.pk, token=job.token, state=job.state)
    changes |= {"state": state, "token": None, "lease_until": None, "attempts": 0}
    if not mine.update(finished_at=Now(), **changes):
        raise Stopped
    for name, value in changes.items():
        setattr(job, name, value)


def release(job: J) -> None:
    """Let the next in line have its turn."""
    with scope(job.business_id):
        type(job)._default_manager.filter(pk=job.pk, token=job.token).update(
            token=None, lease_until=None, turn_at=Now()
        )


def stumble(job: J, error: Exception) -> None:
    """After an unforeseen error: tried again later, and given up after five times without progress."""
    log.exception("job_failed", job=str(job.public_id), kind=type(job).__name__)
    with scope(job.business_id):
        mine = type(job)._default_manager.filter(pk=job.pk, token=job.token, state=job.state)
        job.refresh_from_db(fields=["attempts"])
        if job.attempts >= MAX_ATTEMPTS:
            reason = f"Given up after {MAX_ATTEMPTS} attempts: {type(error).__name__}."
            mine.update(
                state="failed", error=reason, finished_at=Now(), token=None, lease_until=None
            )
        else:
            later = Now() + timedelta(seconds=2**job.attempts)
            mine.update(token=None, lease_until=None, turn_at=later)


def give_up(job: J) -> bool:
    """End a job whose worker died five times in the same slice; True when it was ended."""
    if job.attempts <= MAX_ATTEMPTS:
        return False
    with scope(job.business_id):
        finish(
            job,
            "failed",
            error=f"Given up: its worker ended {MAX_ATTEMPTS} times in the same place.",
        )
    return True
