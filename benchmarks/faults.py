"""Metering with faults: workers and PostgreSQL killed with -9, Valkey flushed, meanwhile.

`python -m benchmarks.faults --deliveries 50000 --kills 12 --postgres 1 --flushes 2` is a smaller
form. It starts its own servers on loopback, kills only what it started, and ends with status 1
where a charge is missing, doubled or wrong, or the queue is not empty 60 seconds after the last
fault.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

    from stack.servers import Servers

BUSINESSES = 40
RECIPIENTS = ["14155550100", "919820012345", "5511987654321", "4915112345678", "9991234567"]
DRAINED_WITHIN = 60.0
FORK = multiprocessing.get_context("fork")

# Message and delivery in one statement, so that an interrupted one can be repeated.
FEED = """
WITH added AS (
    INSERT INTO hosting_message (business_id, conversation_id, number_id, contact_id, wamid,
        direction, kind, text, content,
                                 context_wamid, tracker, category, window_open, status, created_at,
                                     delivered_at)
    SELECT v.business_id, v.id, v.number_id, v.contact_id, 'wamid.fault.' || n, 'out', 'text', 'x',
        '{}', '', '',
           (ARRAY['utility', 'marketing', 'authentication'])[1 + n %% 3], false, 'delivered', d.at,
               d.at
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
      JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS nth, count(*) OVER () AS size
          FROM hosting_conversation) v
        ON v.nth = (n * 7919) %% v.size
     CROSS JOIN LATERAL (SELECT timestamptz '2026-05-01' + n %% 40000 * interval '1 minute' AS at) d
        ON CONFLICT DO NOTHING
    RETURNING id, business_id, number_id, contact_id, category, window_open, delivered_at
)
INSERT INTO hosting_delivery (message_id, business_id, number_id, recipient, category, window_open,
    free_entry, delivered_at,
                              created_at)
SELECT t.id, t.business_id, t.number_id, c.wa_id, t.category, t.window_open, false, t.delivered_at,
    now()
  FROM added t JOIN hosting_contact c ON c.id = t.contact_id
 ORDER BY t.id
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of deliveries, workers and faults of a run."""

    deliveries: int = 200_000
    workers: int = 4
    kills: int = 50
    postgres: int = 3
    flushes: int = 5
    seed: int = 1

    def faults(self) -> list[str]:
        """The faults in a random order."""
        found = ["kill"] * self.kills + ["postgres"] * self.postgres + ["flush"] * self.flushes
        random.Random(self.seed).shuffle(found)
        return found


SMALL = Plan(deliveries=50_000, kills=12, postgres=1, flushes=2)


@dataclass(slots=True)
class Run:
    """One run: adds deliveries before every fault, restarts workers, and counts.

    `worker` is the endless work of a worker process; `hit` has a function for each kind of fault
    but `kill`.
    """

    plan: Plan
    database: str
    worker: Callable[[], None]
    hit: dict[str, Callable[[], None]]
    wake: Callable[[], None] = lambda: None
    processes: "list[ForkProcess]" = field(default_factory=list)
    fed: int = 0
    at_work: int = 0

    def run(self) -> float:
        """Run all faults; returns the seconds from the last one until the queue was empty."""
        faults, dice = self.plan.faults(), random.Random(self.plan.seed)
        try:
            for n, fault in enumerate(faults, 1):
                self._keep_workers()
                self._feed(self.plan.deliveries * n // len(faults))
                self._wake()
                self._await_work()
                time.sleep(dice.uniform(0, 0.05))
                self.at_work += self.waiting() > 0
                self._strike(fault, dice)
            return self._drained()
        finally:
            for process in self.processes:
                process.kill()
                process.join()

    def waiting(self) -> int:
        """The number of waiting deliveries."""
        return int(self._ask("SELECT count(*) FROM hosting_delivery"))

    def _strike(self, fault: str, dice: random.Random) -> None:
        if fault == "kill":
            victim = dice.choice(self.processes)
            victim.kill()
            victim.join()
        else:
            self.hit[fault]()

    def _keep_workers(self) -> None:
        self.processes = [process for process in self.processes if process.is_alive()]
        while len(self.processes) < self.plan.workers:
            process = FORK.Process(target=_in_worker_process, args=(self.worker,), daemon=True)
            process.start()
            self.processes.append(process)

    def _feed(self, last: int) -> None:
        self._ask(FEED, {"first": self.fed + 1, "last": last})
        self.fed = last

    def _wake(self) -> None:
        try:
            for _ in range(self.plan.workers):
                self.wake()
        except Exception as error:
            print(f"  the wake-up was not received: {error!r}", flush=True)

    def _await_work(self) -> None:
        """Wait until a worker works, so that the fault interrupts it; at most two seconds."""
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and not self._ask(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE state <> 'idle' AND query LIKE '%%meter_batch%%'"
            " AND pid <> pg_backend_pid()"
        ):
            time.sleep(0.002)

    def _drained(self) -> float:
        began = time.monotonic()
        while self.waiting() and time.monotonic() - began < 2 * DRAINED_WITHIN:
            self._keep_workers()
            time.sleep(0.05)
        return time.monotonic() - began

    def _ask(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        """Run one statement on a new connection; repeats it while the server restarts."""
        for _ in range(600):
            try:
                with psycopg.connect(self.database, autocommit=True) as connection:
                    cursor = connection.execute(query, parameters or {})
                    return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL did not come back")


def _in_worker_process(work: Callable[[], None]) -> None:
    """Run `work` in a forked process, without the parent's connections and exit handlers."""
    from django.db import connections

    for alias in connections:
        connections[alias].connection = None
    try:
        work()
    finally:
        os._exit(1)


def metering_loop() -> None:
    """A worker without a broker: meters in a loop and survives errors of the database."""
    import django.db

    from billing.metering import meter

    while True:
        try:
            if not meter.meter_due(500):
                time.sleep(0.01)
        except django.db.Error:
            django.db.close_old_connections()
            time.sleep(0.05)


def _silence() -> None:
    """Discard the output of a process whose errors are intended."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def celery_worker() -> None:
    """A Celery worker of one process."""
    from config.celery import app

    _silence()
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=CRITICAL"]
    app.start(["--quiet", "worker", "--pool=solo", f"--hostname=faults{os.getpid()}@%h", *quiet])


def celery_beat() -> None:
    """Celery's beat, which sweeps every second."""
    from config.celery import app

    _silence()
    schedule = os.path.join(os.environ["PARLEY_VAR"], "beat")
    app.start(["--quiet", "beat", f"--schedule={schedule}", "--loglevel=CRITICAL", "--pidfile="])


def create_businesses(businesses: int = BUSINESSES) -> None:
    """Create businesses, each with a number and a conversation for every kind of recipient."""
    from accounts.models import Business
    from core.tenancy import system
    from hosting.models import Account, Contact, Conversation, Number

    with system("benchmark"):
        for n in range(businesses):
            business = Business.objects.create(name=f"b{n}", plan_id="business", timezone="UTC")
            account = Account.objects.create(business=business, name="a")
            number = Number.objects.create(
                business=business, account=account, digits=f"1555{n:07}", verified_name="n"
            )
            contacts = Contact.objects.bulk_create(
                Contact(business=business, wa_id=to) for to in RECIPIENTS
            )
            Conversation.objects.bulk_create(
                Conversation(business=business, number=number, contact=contact)
                for contact in contacts
            )


def main(arguments: list[str] | None = None) -> None:
    """Start servers, beat and workers, run the faults, recount and print.

    Without arguments (as one of all benchmarks) a smaller form.
    """
    plan = SMALL if arguments is None else _plan(arguments)
    with benchmark_servers() as servers:
        create_businesses()
        from django.db import connections

        connections.close_all()
        beat = FORK.Process(target=_in_worker_process, args=(celery_beat,), daemon=True)
        beat.start()
        run = Run(
            plan,
            servers.environment["DATABASE_SUPERUSER_URL"],
            celery_worker,
            _hits(servers),
            _wake_sweep,
        )
        began = time.monotonic()
        try:
            drained = run.run()
        finally:
            beat.kill()
            beat.join()
        lasted = time.monotonic() - began
        _result(plan, run, drained, lasted)


def _plan(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=(__doc__ or "").partition("\n")[0]
    )
    for one in fields(Plan):
        parser.add_argument(f"--{one.name}", type=int, default=one.default)
    return Plan(**vars(parser.parse_args(arguments)))


def _hits(servers: "Servers") -> dict[str, Callable[[], None]]:
    import redis

    def postgres() -> None:
        assert servers.postgres, "PostgreSQL is not ours"
        process = servers.postgres.process
        os.kill(process.pid, signal.SIGKILL)
        # As `make run` does; first attempts may fail while orphans hold shared memory.
        while not _answers(servers.environment["DATABASE_SUPERUSER_URL"]):
            servers.restart_ended(lambda said: print(f"  {said[:70]}", flush=True))
            time.sleep(0.05)
        process.failures = 0

    def flush() -> None:
        redis.Redis.from_url(servers.environment["REDIS_URL"]).flushall()

    return {"postgres": postgres, "flush": flush}


def _answers(database: str) -> bool:
    try:
        psycopg.connect(database, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _wake_sweep() -> None:
    from billing import tasks

    tasks.sweep.apply_async(retry=False, expires=30)


def _result(plan: Plan, run: Run, drained: float, lasted: float) -> None:
    from billing.metering.reconciliation import reconcile
    from billing.models import Charge
    from core.tenancy import system
    from tests.billing.recount import assert_books_agree

    differences = reconcile()
    total = assert_books_agree()
    with system("benchmark"):
        charges = Charge.objects.count()
    faults = f"{plan.kills} kills -9, {plan.postgres} PostgreSQL kills, {plan.flushes} flushes"
    show(
        f"Metering with faults: {plan.deliveries:,} deliveries, {plan.workers} workers, {faults}",
        [
            Figure("faults", "charges beside deliveries", charges, plan.deliveries, "rows"),
            Figure(
                "faults",
                "faults that met a waiting queue",
                run.at_work,
                len(plan.faults()),
                "faults",
            ),
            Figure(
                "faults",
                f"drained after the last fault (limit {DRAINED_WITHIN:.0f} s)",
                drained,
                None,
                "s",
            ),
            Figure("faults", "the whole run", lasted, None, "s"),
        ],
    )
    print(
        f"  recount: equal to the micro, {total / 1_000_000:,.6f} in all;"
        f" reconciliation: {len(differences)} differences"
    )
    if differences or charges != plan.deliveries or drained > DRAINED_WITHIN:
        sys.exit(
            "\n".join(["The books do not agree, or it took too long.", *map(str, differences[:20])])
        )


if __name__ == "__main__":
    main(sys.argv[1:])
