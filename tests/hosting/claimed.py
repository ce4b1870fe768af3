"""Rows as a worker has them, for tests that stop it in the middle."""

from concurrent.futures import Future
from typing import Any

from django.db import connection

from core.queue import InThreads, Queue
from core.queue.claim import claim
from core.queue.pool import Task, WorkerPool
from core.tenancy import system
from hosting import jobs


def claimed_job(queue: Queue) -> Any:
    """The job that is due, claimed by this process."""
    (row,) = claim(queue)
    return jobs.load(queue, row)


def end_leases(queue: Queue) -> None:
    """Let the leases of a queue's rows run out, as when their workers have died."""
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {queue.table} SET leased_until = statement_timestamp() - interval '1 s'"
            " WHERE leased_until IS NOT NULL"
        )


def begun(queue: Queue) -> list[Task]:
    """Rows that a pool of this process has claimed, with what their work needs."""
    assert isinstance(queue.work, InThreads)
    rows = claim(queue)
    with system("test"):
        works = queue.work.prepare(rows)
    return [Task(row, works[row.key]) for row in rows]


def write_down(pool: WorkerPool, task: Task, result: Any) -> None:
    """What a pool does when the work of a row has given this result."""
    future: Future[Any] = Future()
    future.set_result(result)
    pool._finish({future: task})
