"""Queues whose work is done by threads, at most once, or in slices; their figures."""

import random
import time
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from core.queue import (
    Again,
    AtMostOnce,
    Backoff,
    InSlices,
    InThreads,
    Queue,
    Unknown,
    queues,
)
from core.queue.claim import claim
from core.queue.figures import figures
from core.queue.pool import WorkerPool
from core.queue.settle import give_up_lost, renew
from core.queue.work import work
from core.tenancy import scope, system
from tests.core import queue_model as q
from tests.core.queue_model import Job, add, effects, pass_time, states
from tests.core.test_queue import A, B, _tables, row

# Fixtures.
__all__ = ["_tables"]


def test_backoff_doubles_up_to_a_limit_with_jitter() -> None:
    backoff = Backoff(first=2, longest=300, jitter=0.2)
    assert [backoff.after(n, chance=0.5) for n in range(1, 11)] == [
        2,
        4,
        8,
        16,
        32,
        64,
        128,
        256,
        300,
        300,
    ]
    assert (backoff.after(1, chance=0), backoff.after(1, chance=1)) == (1.6, 2.4)
    assert backoff.after(10_000, chance=1) == 360
    chances = [random.Random(n).random() for n in range(200)]
    assert all(1.6 <= backoff.after(1, chance=chance) <= 2.4 for chance in chances)


def test_a_failed_row_waits_as_long_as_backoff_says() -> None:
    (key,) = add(A, "failed")
    started = time.time()
    work(q.queue(backoff=Backoff(first=100, jitter=0.1)))
    waits = row(key).not_before.timestamp()
    assert started + 90 <= waits <= time.time() + 110
    assert row(key).last_error == "refused"


def test_work_that_must_not_be_done_twice_waits_for_an_operator() -> None:
    rule = AtMostOnce(
        claimed=Q(what="busy"),
        on_claim={"what": "'busy'"},
        on_release={"what": "'ok'"},
        on_loss={"what": "'unknown'"},
        reason="No word of it.",
    )
    results: dict[str, Any] = {"late": []}

    def perform(key: int) -> int:
        if key == first:
            raise ValueError("the line broke")
        return key

    how = InThreads(
        size=4,
        prepare=lambda rows: {one.key: one.key for one in rows},
        perform=perform,
        finish=lambda found: {second: Again(60, "rest"), third: Unknown("no answer")},
        late=results["late"].extend,
    )
    queue = q.queue(how, is_open=Q(what="ok"), at_most_once=rule, done=None, max_attempts=None)
    first, second, third, fourth = add(A, *["ok"] * 4)
    assert WorkerPool(queue).run() == 4
    assert {key: (row(key).what, row(key).last_error) for key in (first, second, third)} == {
        first: ("unknown", "ValueError: the line broke"),
        second: ("ok", "rest"),
        third: ("unknown", "no answer"),
    }
    assert fourth not in states()
    # A worker that vanishes leaves it unknown once its lease has ended, and not before, though its
    # session has.
    pass_time()
    (lost,) = claim(queue)
    connection.close()
    assert (give_up_lost(queue), claim(queue)) == (0, [])
    pass_time()
    assert give_up_lost(queue) == 1
    assert (row(second).what, row(second).last_error) == ("unknown", "No word of it.")
    assert lost.key == second
    assert claim(queue) == []


def test_threads_work_side_by_side_and_one_business_has_half_of_them_at_most() -> None:
    import threading

    most = {A: 0, B: 0}
    now = {A: 0, B: 0}
    guard = threading.Lock()

    def perform(owner: int) -> None:
        with guard:
            now[owner] += 1
            most[owner] = max(most[owner], now[owner])
        time.sleep(0.05)
        with guard:
            now[owner] -= 1

    how: Any = InThreads(
        size=8,
        prepare=lambda rows: {one.key: one.owner for one in rows},
        perform=perform,
        finish=lambda found: None,
    )
    add(A, *["ok"] * 40)
    add(B, *["ok"] * 6)
    assert WorkerPool(q.queue(how)).run() == 46
    assert most == {A: 4, B: 4}
    assert set(states().values()) == {"done"}


def test_a_pool_that_is_woken_works_in_a_thread_until_nothing_is_due() -> None:
    keys = add(A, *["ok"] * 10)
    pool = WorkerPool(q.KINDS["threads"]())
    pool.wake()
    pool.wake()
    until = time.monotonic() + 30
    while set(states().values()) != {"done"} and time.monotonic() < until:
        time.sleep(0.05)
    assert states() == dict.fromkeys(keys, "done")
    assert effects() == keys
    with pool._running:
        pass


def test_what_cannot_be_prepared_fails_alone_and_what_needs_nothing_is_done() -> None:
    keys = add(A, "ok", "raise", "vanished")

    def prepare(rows: Any) -> dict[int, int]:
        if any(one.key == keys[1] for one in rows):
            raise LookupError("planted")
        return {one.key: one.key for one in rows if one.key != keys[2]}

    how: Any = InThreads(
        size=4, prepare=prepare, perform=lambda key: key, finish=lambda found: None
    )
    assert WorkerPool(q.queue(how)).run() == 1
    assert list(states().values()) == ["done", "waiting", "done"]
    assert row(keys[1]).last_error == "LookupError: planted"


def test_figures_of_all_queues_are_one_statement(django_assert_num_queries: Any) -> None:
    queue: Queue = queues.register(q.queue())
    try:
        assert figures()["test"].__class__.__name__ == "Figures"
        add(A, *["ok"] * 3)
        dead = add(B, "ok")
        with system("test"):
            Job._default_manager.filter(business_id=A).update(
                not_before=row(dead[0]).not_before - timedelta(minutes=5)
            )
            Job._default_manager.filter(pk=dead[0]).update(dead_at=row(dead[0]).not_before)
        found = figures()["test"]
        assert (found.open, found.dead) == (3, 1)
        assert 299 < found.oldest_seconds < 360
        claim(queue)
        assert figures()["test"].oldest_seconds == 0
    finally:
        queues.unregister(queue)


def test_a_slice_that_is_rolled_back_after_progress_is_put_back() -> None:
    (key,) = add(A, "ok")
    queue = q.queue(InSlices(lambda one: None))

    def fails_after_progress(one: Any) -> Any:
        with scope(A):
            assert renew(queue, one)
        with scope(A):
            assert renew(queue, one)
            raise ValueError("planted")

    assert work(q.queue(InSlices(fails_after_progress))) == 1
    found = row(key)
    assert (found.last_error, found.leased_until) == ("ValueError: planted", None)
    assert states() == {key: "waiting"}
