"""A queue of tests: its model, its table, and a worker process that works on it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import connection, connections, models
from django.db.models import Q
from django.db.models.functions import Now

from core.queue import (
    AsSet,
    Claimed,
    Failed,
    InSlices,
    InThreads,
    OneByOne,
    Outcome,
    Queue,
    QueueRow,
    statements,
)
from core.queue.work import work
from core.schema import schema_file
from core.tenancy import scope, system
from tests.databases import admin

OPEN = Q(done_at=None, dead_at=None)
GRANT = """GRANT SELECT, INSERT, UPDATE, DELETE ON queue_test, queue_test_effect
              TO parley_app, parley_across, parley_system"""


class Job(QueueRow):
    """A row whose `what` says what happens when it is worked on."""

    business_id = models.BigIntegerField()
    group = models.IntegerField(default=0)
    what = models.CharField(max_length=20, default="ok")
    done_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "tests"
        db_table = "queue_test"
        indexes: ClassVar = [
            models.Index(
                fields=["business_id", "not_before", "id"], condition=OPEN, name="queue_test_due"
            ),
        ]

    def __str__(self) -> str:
        return self.what


class Effect(models.Model):
    """What the work of a row has left behind; `unique` is checked at the commit only."""

    job_id = models.BigIntegerField()
    unique = models.BigIntegerField(null=True)

    class Meta:
        app_label = "tests"
        db_table = "queue_test_effect"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["unique"], name="effect_once", deferrable=models.Deferrable.DEFERRED
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}"


@contextmanager
def tables() -> Iterator[None]:
    """The tables, while the test runs."""
    with connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(Job)
        editor.create_model(Effect)
        made = [str(one) for one in (*editor.collected_sql, *editor.deferred_sql)]
    name = str(connection.settings_dict["NAME"])
    with admin(name) as database:
        for statement in [*made, schema_file("core", "tenant_tables"), GRANT]:
            database.execute(statement)
    try:
        yield
    finally:
        connections.close_all()
        with admin(name) as database:
            database.execute("DROP TABLE queue_test, queue_test_effect")
        for cached in vars(statements).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()


def do(row: Claimed) -> Outcome:
    """Leave an effect, then do what the row says."""
    job = Job._default_manager.get(pk=row.key)
    Effect._default_manager.create(job_id=row.key, unique=1 if job.what == "deferred" else None)
    if job.what == "raise":
        raise ValueError("planted")
    if job.what == "data":
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::varchar(3)::int", ["abc"])
    if job.what == "kill":
        os.kill(os.getpid(), 9)
    return OUTCOMES.get(job.what)


def do_slice(row: Claimed) -> Outcome:
    """Do it in a transaction of its own, and end the row with it."""
    with scope(row.owner):
        outcome = do(row)
        if outcome is None:
            Job._default_manager.filter(pk=row.key).update(
                done_at=Now(), leased_until=None, leased_by=None, last_error=""
            )
        return outcome


OUTCOMES: dict[str, Outcome] = {"failed": Failed("refused")}


def do_set(rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
    """The same for many."""
    return {row.key: do(row) for row in rows}


def queue(how: Any = None, **fields: Any) -> Queue:
    """A declaration for the test's table."""
    values: dict[str, Any] = {
        "name": "test",
        "about": "Rows of tests.",
        "model": Job,
        "work": how or OneByOne(do),
        "is_open": Q(done_at=None),
        "done": {"done_at": "statement_timestamp()"},
    } | fields
    return Queue(**values)


KINDS: dict[str, Callable[[], Queue]] = {
    "one": lambda: queue(OneByOne(do)),
    "set": lambda: queue(AsSet(do_set)),
    "all": lambda: queue(AsSet(do_set), scoped=False),
    "slices": lambda: queue(InSlices(do_slice)),
    "threads": lambda: queue(InThreads(size=4, prepare=_prepare, perform=_perform, finish=_finish)),
}


def _prepare(rows: Sequence[Claimed]) -> dict[int, tuple[int, str]]:
    found = Job._default_manager.in_bulk([row.key for row in rows])
    return {key: (key, job.what) for key, job in found.items()}


def _perform(wanted: tuple[int, str]) -> str:
    if wanted[1] == "kill":
        os.kill(os.getpid(), 9)
    if wanted[1] == "raise":
        raise ValueError("planted")
    return wanted[1]


def _finish(results: Mapping[int, str]) -> Mapping[int, Outcome]:
    Effect._default_manager.bulk_create(Effect(job_id=key) for key in results)
    return {key: OUTCOMES.get(what) for key, what in results.items()}


def add(business_id: int, *whats: str, **fields: object) -> list[int]:
    """Write rows of a business; returns their ids."""
    with system("test"):
        made = Job._default_manager.bulk_create(
            Job(business_id=business_id, what=what, **fields) for what in whats
        )
    return [job.pk for job in made]


def states() -> dict[int, str]:
    """What each row is now, by id."""
    with system("test"):
        return {
            job.pk: "dead" if job.dead_at else "done" if job.done_at else "waiting"
            for job in Job._default_manager.order_by("id")
        }


def effects() -> list[int]:
    """Ids of the rows that have left effects, with repetitions."""
    with system("test"):
        return list(Effect._default_manager.order_by("job_id").values_list("job_id", flat=True))


def pass_time(**which: object) -> None:
    """Let waiting rows be due now, and end the leases."""
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE queue_test SET not_before = statement_timestamp() - interval '1 second',
                      leased_until = statement_timestamp() - interval '1 microsecond' * (id + 1)
                WHERE leased_until IS NOT NULL"""
        )
        cursor.execute(
            """UPDATE queue_test SET not_before = statement_timestamp() - interval '1 second'
                WHERE done_at IS NULL AND not_before > statement_timestamp()"""
        )


def worker(kind: str) -> int:
    """Let a process work on the queue until nothing is due; returns how it ended: 0, or minus the
    signal.
    """
    # Whatever the parent has open would be shared.
    connections.close_all()
    child = os.fork()
    if child == 0:
        run(kind)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def run(kind: str, idle: float = 0.5) -> None:
    """Work on the queue until nothing is due for `idle` seconds."""
    import time

    from core.queue.pool import WorkerPool

    made = KINDS[kind]()
    once = WorkerPool(made).run if kind == "threads" else lambda: work(made)
    until = time.monotonic() + idle
    while time.monotonic() < until:
        if once():
            until = time.monotonic() + idle
        time.sleep(0.01)
