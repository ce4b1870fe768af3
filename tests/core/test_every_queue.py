"""Every queue of the registry holds the mechanism's promises with its own rows and its own work.

In each a row is planted that raises, and one that kills its worker: the other rows of the same and
of another business are done all the same, and the two become dead letters that can be run again.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.queue import NOBODY, InThreads, Queue, queues, statements
from core.queue.claim import forget
from core.queue.figures import figures
from core.queue.pool import WorkerPool
from core.queue.settle import give_up_lost
from core.queue.work import work
from core.tenancy import system
from hosting.models import Broadcast
from tests.core import workers
from tests.core.plants import PLANTS, Plant, answer, shown_by
from tests.core.sites import Site
from tests.databases import admin
from tests.factories import make_business, make_number
from tests.hosting.receivers import Receiver

NAMES = [queue.name for queue in queues]
# What a broadcast cannot send is marked in its report; an upstream may have got what was lost.
ENDS = {"broadcasts": "done", "outgoing": "unknown", "emails": "unknown"}
ONCE = [queue.name for queue in queues if queue.at_most_once]
SECONDS = 60.0


def test_every_queue_has_its_plant() -> None:
    assert sorted(PLANTS) == sorted(NAMES)
    for queue in queues:
        assert queue.about.endswith(".")
        assert str(queue.dead_title)


@pytest.fixture
def sites(committed_db: None, settings: Any, tmp_path: Path) -> Iterator[list[Site]]:
    settings.ALLOW_PRIVATE_URLS = True
    settings.MEDIA_ROOT = tmp_path
    forget()
    with Receiver(answer=answer) as server:
        server.show = shown_by(server)
        settings.STRIPE_API_KEY = "sk_test_1"
        settings.STRIPE_API_BASE = server.url.removesuffix("/hook")
        yield [Site(make_number(make_business(name)), server) for name in ("Bakery", "Florist")]
    workers.mend_faults()


def plant_faults(plant: Plant, *, raising: str, killing: str) -> None:
    """From now on work on one row raises, and on another hangs until its worker is killed."""
    when = plant.when
    workers.plant_faults(
        plant.table,
        plant.event,
        raising=when.format(marker=raising) if raising else "",
        killing=when.format(marker=killing) if killing else "",
    )


def worker_of(queue: Queue) -> Callable[[], int]:
    """What a worker process does again and again."""
    return WorkerPool(queue).run if isinstance(queue.work, InThreads) else lambda: work(queue)


def run_worker(queue: Queue) -> int:
    """Let a process work until nothing is due; kill it where it hangs. How it ended: 0 or -9."""
    return workers.run(worker_of(queue))


def state_of(queue: Queue, key: int) -> str:
    """Dead, waiting, done, or unknown."""
    with system("test"):
        rows = queue.model._default_manager.filter(pk=key)
        if rows.filter(queue.is_dead).exists():
            return "dead"
        if rows.filter(queue.is_open, dead_at=None).exists():
            return "waiting"
        row = rows.first()
        return "unknown" if getattr(row, "state", "") == "unknown" else "done"


def reasons(queue: Queue) -> dict[int, str]:
    """Why rows wait or were given up."""
    with system("test"):
        return {row.pk: row.last_error for row in queue.model._default_manager.all()}


def pass_time(queue: Queue) -> None:
    """Let what waits be due, and leases end."""
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {queue.table} SET not_before = statement_timestamp() - interval '1 s'"
            " WHERE not_before > statement_timestamp() - interval '1 s' AND dead_at IS NULL"
        )
        cursor.execute(
            f"UPDATE {queue.table} SET leased_until = statement_timestamp() - interval '1 ms'"
            " WHERE leased_until > statement_timestamp()"
        )


def skip_attempts(queue: Queue, keys: list[int]) -> None:
    """What was tried has one attempt left: that each counts is a test of `test_queue.py`."""
    with system("test"):
        tried = queue.model._default_manager.filter(pk__in=keys, attempts__gte=1)
        tried.update(attempts=(queue.max_attempts or 1) - 1)


def work_until(queue: Queue, keys: list[int], *, rounds: int) -> list[int]:
    """Let workers come and go, and time pass, until none of these rows waits; how each ended."""
    ends: list[int] = []
    while len(ends) < rounds and any(state_of(queue, key) == "waiting" for key in keys):
        ends.append(run_worker(queue))
        if ends[-1] == 0:
            pass_time(queue)
    return ends


@pytest.mark.parametrize("name", NAMES)
def test_rows_at_fault_are_dead_letters_and_all_others_are_done(
    sites: list[Site], client: Client, name: str
) -> None:
    queue, plant = queues[name], PLANTS[name]
    first, second = sites
    raising, raised = plant.add(first)
    good = [plant.add(first)[0], plant.add(second)[0]]
    killing, killed = (0, "") if name in ONCE else plant.add(first)
    good += [plant.add(first)[0], plant.add(second)[0]]
    plant_faults(plant, raising=raised, killing=killed)

    started = time.monotonic()
    while run_worker(queue) != 0:
        pass
    # The worker that ended by itself found nothing more to do, and no time has passed.
    assert [state_of(queue, key) for key in good] == ["done"] * 4, reasons(queue)
    assert time.monotonic() - started < SECONDS

    bad = [raising, *([killing] if killing else [])]
    skip_attempts(queue, bad)
    work_until(queue, bad, rounds=30)
    assert [state_of(queue, key) for key in bad] == [ENDS.get(name, "dead")] * len(bad)
    if name in ENDS:
        return
    assert figures()[name].dead == 2
    assert reasons(queue)[raising].endswith("planted")
    assert reasons(queue)[killing] == f"Its worker ended without a word {queue.max_attempts} times."

    workers.mend_faults()
    client.force_login(User.objects.create_superuser("ops@example.com"))
    meta = queue.model._meta
    listed = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    page = client.get(listed + "?queue=dead")
    assert sorted(row.pk for row in page.context["cl"].result_list) == sorted(bad)
    client.post(listed, {"action": "rerun", "_selected_action": bad})
    assert [state_of(queue, key) for key in bad] == ["waiting"] * 2
    assert work_until(queue, bad, rounds=3) == [0]
    assert [state_of(queue, key) for key in bad] == ["done"] * 2


@pytest.mark.parametrize("name", ONCE)
def test_a_worker_killed_while_it_sends_leaves_results_unknown_and_others_leave(
    sites: list[Site], name: str
) -> None:
    queue, plant = queues[name], PLANTS[name]
    first, second = sites
    killing, killed = plant.add(first)
    plant_faults(plant, raising="", killing=killed)
    assert run_worker(queue) == -9
    good = [plant.add(first)[0], plant.add(second)[0]]
    assert run_worker(queue) == 0
    assert [state_of(queue, key) for key in good] == ["done"] * 2
    assert queue.at_most_once
    with system("test"):
        rows = queue.model._default_manager.filter(queue.at_most_once.claimed, pk=killing)
        assert rows.exists()
    pass_time(queue)
    assert give_up_lost(queue) == 1
    assert state_of(queue, killing) == "unknown"


def test_a_broadcast_leaves_out_whom_it_cannot_write_to(sites: list[Site]) -> None:
    queue, plant = queues["broadcasts"], PLANTS["broadcasts"]
    key, marker = plant.add(sites[0])
    plant_faults(plant, raising=marker, killing="")
    assert work_until(queue, [key], rounds=5) == [0]
    with system("test"):
        found = Broadcast.objects.get(pk=key)
    assert (found.state, found.sent, found.failed) == ("done", 0, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_every_claim_goes_by_an_index_of_its_open_rows(name: str) -> None:
    queue = queues[name]
    if queue.selection is not None:
        return
    name_of_database = connection.settings_dict["NAME"]
    with admin(name_of_database) as database, database.cursor() as cursor:
        # As workers claim; the web, which only counts rows, has a condition more.
        cursor.execute("SET ROLE parley_system")
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        cursor.execute("SET enable_sort = off")
        is_open = statements.condition(queue, Q(dead_at=None) & queue.is_open).replace("%%", "%")
        is_owners = "true" if queue.owner == NOBODY else f"{queue.owner} = 1"
        cursor.execute(
            f"EXPLAIN SELECT FROM {queue.table} WHERE {is_open} AND {is_owners}"
            f" AND not_before <= now() ORDER BY {queue.owner}, not_before, {queue.key}"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    first = "not_before" if queue.owner == NOBODY else f"({queue.owner}"
    assert f"Index Cond: ({first}" in plan.replace("COALESCE", "coalesce").replace(
        "'0'::bigint", "0"
    ), plan
    assert "Sort" not in plan, plan
