"""Jobs: imports and exports of minutes or hours, worked on in slices of some seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Q
from django.db.models.functions import Now

from core.queue import Again, Claimed, InSlices, Outcome, Queue
from core.queue.settle import lock, renew
from core.tenancy import scope
from hosting.models.transfers import Job

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SECONDS = 5.0  # of one slice: then others have their turn
J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's hold on a job: the job's queue, and the claimed row."""

    queue: Queue
    row: Claimed


class Stopped(Exception):
    """The job was cancelled, or another worker has taken it over.

    What the running transaction wrote must not stay.
    """


def job_queue(
    model: type[J],
    step: Callable[[J], None],
    *,
    name: str,
    about: str,
    dead_title: "StrOrPromise",
) -> Queue:
    """The queue of one kind of job; `step` does one slice of a job."""

    def do(row: Claimed) -> Outcome:
        job: J = load(queue, row)
        try:
            step(job)
        except Stopped:
            return Again()
        return Again() if job.is_working else None

    queue = Queue(
        name=name,
        about=about,
        model=model,
        work=InSlices(do),
        is_open=Q(state__in=[str(state) for state in model.WORKING]),
        on_death={
            "state": "'failed'",
            "stopped_in": "q.state",
            "finished_at": "statement_timestamp()",
            "error": "'Given up after 5 attempts: '"
            " || rtrim(split_part(mine.reason, ':', 1), '.') || '.'",
        },
        on_rerun={"state": "stopped_in", "error": "''", "finished_at": "NULL"},
        dead_title=dead_title,
    )
    return queue


def keep(job: Job, *, fresh: bool = True, **changes: Any) -> None:
    """Note progress in the transaction that made it; raises Stopped.

    Progress is not `fresh` where the next attempt would begin from the start.
    """
    if not renew(job.lease.queue, job.lease.row, fresh=fresh):
        raise Stopped
    _set(job, changes)


def finish(job: Job, state: str, **changes: Any) -> None:
    """Note that nothing is left to do; raises Stopped."""
    if not lock(job.lease.queue, [job.lease.row]):
        raise Stopped
    ended = {"leased_until": None, "leased_by": None, "attempts": 0, "last_error": ""}
    _set(job, {"state": state, "finished_at": Now()} | ended | changes)


def load(queue: Queue, row: Claimed) -> Any:
    """A claimed job with what its work reads; it has begun now at the latest."""
    model: Any = queue.model
    with scope(row.owner):
        mine = model._default_manager.filter(pk=row.key)
        mine.filter(started_at=None).update(started_at=Now())
        job = mine.select_related(*model.RELATED).get()
    job.lease = Lease(queue, row)
    return job


def _set(job: Job, changes: dict[str, Any]) -> None:
    if changes:
        type(job)._default_manager.filter(pk=job.pk).update(**changes)
    for name, value in changes.items():
        setattr(job, name, value)
