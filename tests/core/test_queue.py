"""Every promise of the queue's mechanism, on a table of its own in a real PostgreSQL."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from core.queue import (
    Again,
    AsSet,
    Failed,
    GaveUp,
    InSlices,
)
from core.queue.claim import claim
from core.queue.claim import forget as forget_served
from core.queue.pool import WorkerPool
from core.queue.settle import lock, renew, rerun, settle
from core.queue.work import work
from core.tenancy import scope, system
from tests.core import queue_model as q
from tests.core.queue_model import Job, add, do, effects, pass_time, states
from tests.databases import admin

A, B = 101, 202


@pytest.fixture(autouse=True)
def _tables(committed_db: None) -> Iterator[None]:
    forget_served()
    with q.tables():
        yield


def row(key: int) -> Any:
    with system("test"):
        return Job._default_manager.get(pk=key)


@pytest.mark.parametrize("kind", ["one", "set", "all", "slices"])
def test_what_is_due_is_done_once(kind: str) -> None:
    keys = add(A, *["ok"] * 7) + add(B, *["ok"] * 3)
    later = add(A, "ok")
    with system("test"):
        Job._default_manager.filter(pk__in=later).update(
            not_before=row(later[0]).not_before + timedelta(hours=1)
        )
    queue = q.KINDS[kind]()
    claimed = 0
    while count := work(queue):
        claimed += count
    assert claimed == 10
    assert effects() == keys
    assert states() == dict.fromkeys(keys, "done") | {later[0]: "waiting"}
    done = row(keys[0])
    assert (done.attempts, done.leased_until, done.leased_by, done.last_error) == (
        1,
        None,
        None,
        "",
    )


def test_a_row_that_is_done_is_deleted_where_nothing_is_kept() -> None:
    add(A, "ok", "ok")
    assert work(q.queue(done=None)) == 2
    assert states() == {}


@pytest.mark.parametrize("kind", ["one", "set", "all", "slices", "threads"])
def test_a_row_that_raises_takes_nobody_with_it_and_is_dead_after_five(kind: str) -> None:
    good = add(A, *["ok"] * 5)
    bad = add(A, "raise")
    others = add(B, *["ok"] * 5)
    queue = q.KINDS[kind]()
    once = WorkerPool(queue).run if kind == "threads" else lambda: work(queue)
    while once():
        pass
    assert states() == dict.fromkeys(good, "done") | {bad[0]: "waiting"} | dict.fromkeys(
        others, "done"
    )
    assert effects() == good + others
    for attempt in range(1, 5):
        assert (row(bad[0]).attempts, states()[bad[0]]) == (attempt, "waiting")
        pass_time()
        while once():
            pass
    assert states()[bad[0]] == "dead"
    dead = row(bad[0])
    assert (dead.attempts, dead.last_error, dead.leased_until) == (5, "ValueError: planted", None)
    pass_time()
    assert once() == 0
    assert effects() == good + others
    with system("test"):
        Job._default_manager.filter(pk=bad[0]).update(what="ok")
        assert rerun(queue, [*bad, *good]) == 1
    while once():
        pass
    assert states()[bad[0]] == "done"
    assert row(bad[0]).attempts == 1


def test_an_error_of_the_database_is_isolated_and_its_details_are_not_kept() -> None:
    good = add(A, *["ok"] * 9)
    bad = add(A, "data")
    with system("test"):
        Job._default_manager.filter(pk=bad[0]).update(
            not_before=row(good[0]).not_before - timedelta(seconds=9)
        )
    work(q.KINDS["all"]())
    assert states() == dict.fromkeys(good, "done") | {bad[0]: "waiting"}
    assert row(bad[0]).last_error == 'DataError: invalid input syntax for type integer: "abc"'


def test_a_constraint_that_is_checked_at_the_commit_is_isolated_too() -> None:
    keys = add(A, "ok", "deferred", "ok", "deferred", "ok")
    work(q.KINDS["all"]())
    assert list(states().values()) == ["done", "done", "done", "waiting", "done"]
    assert effects() == [*keys[:3], keys[4]]
    assert row(keys[3]).last_error.startswith("IntegrityError: duplicate key value")


def test_a_flood_of_rows_at_fault_is_not_tried_one_by_one() -> None:
    tried: list[int] = []

    def count(rows: Any) -> Any:
        tried.append(len(rows))
        return q.do_set(rows)

    add(A, *["raise"] * 100)
    good = add(B, *["ok"] * 20)
    work(q.queue(AsSet(count), scoped=False, batch=200))
    assert [states()[key] for key in good] == ["done"] * 20
    assert len(tried) < 40
    with system("test"):
        assert Job._default_manager.filter(business_id=A, attempts__gte=1).count() == 100


@pytest.mark.parametrize("kind", ["one", "set", "all", "slices", "threads"])
def test_a_row_that_kills_its_worker_is_done_alone_then_dead_and_the_others_are_done(
    kind: str,
) -> None:
    bad = add(A, "kill")
    good = add(A, *["ok"] * 5) + add(B, *["ok"] * 5)
    ends = [q.worker(kind)]
    while ends[-1] != 0 and len(ends) < 12:
        ends.append(q.worker(kind))
    assert ends == [-9] * 5 + [0]
    assert states() == {bad[0]: "dead"} | dict.fromkeys(good, "done")
    assert effects() == good
    dead = row(bad[0])
    assert dead.last_error == "Its worker ended without a word 5 times."
    assert dead.attempts == 6


def test_a_lease_ends_with_its_session_and_else_at_its_time() -> None:
    (key,) = add(A, "ok")
    queue = q.queue()
    (mine,) = claim(queue)
    assert claim(queue) == claim(queue, alone=True) == []
    connection.close()
    (again,) = claim(queue, alone=True)
    assert (again.key, again.attempts, mine.attempts) == (key, 2, 1)
    assert again.leased_until > mine.leased_until
    pass_time()
    assert [one.attempts for one in claim(queue, alone=True)] == [3]


def test_a_worker_that_slept_past_its_lease_writes_nothing() -> None:
    (key,) = add(A, "ok")
    queue = q.queue()
    (slept,) = claim(queue)
    pass_time()
    assert work(queue) == 1
    with scope(A):
        assert lock(queue, [slept]) == []
        assert not renew(queue, slept)
        settle(queue, lock(queue, [slept]), {key: Failed("late")})
    assert states() == {key: "done"}
    assert (effects(), row(key).last_error) == ([key], "")


def test_a_worker_that_was_overtaken_in_its_work_leaves_no_effect() -> None:
    (key,) = add(A, "ok")
    queue = q.queue()
    (slow,) = claim(queue)
    pass_time()
    (quick,) = claim(queue, alone=True)
    with scope(A):
        assert lock(queue, [slow]) == []
    with scope(A):
        assert lock(queue, [quick]) == [quick]
        settle(queue, [quick], {key: do(quick)})
    assert (states(), effects()) == ({key: "done"}, [key])


def test_rows_of_a_running_transaction_are_not_claimed_even_after_their_lease() -> None:
    (key,) = add(A, "ok")
    queue = q.queue()
    (mine,) = claim(queue)
    pass_time()
    mine.leased_until = row(key).leased_until
    name = connection.settings_dict["NAME"]
    with scope(A):
        assert lock(queue, [mine]) == [mine]
        with admin(name) as other:
            other.execute("SET ROLE parley_system")
            locked = other.execute("SELECT id FROM queue_test FOR NO KEY UPDATE SKIP LOCKED")
            assert locked.fetchall() == []


def test_a_row_that_was_tried_before_is_claimed_alone() -> None:
    keys = add(A, *["ok"] * 6)
    with system("test"):
        Job._default_manager.filter(pk__in=keys[:3]).update(attempts=1)
    queue = q.queue()
    assert [one.key for one in claim(queue)] == keys[3:]
    assert [one.key for one in claim(queue, alone=True)] == keys[:1]
    assert [one.key for one in claim(queue, alone=True)] == keys[1:2]
    assert claim(queue) == []


def test_each_business_has_its_share_of_a_claim() -> None:
    many = add(A, *["ok"] * 200)
    few = add(B, *["ok"] * 2)
    queue = q.queue(batch=10)
    assert [one.key for one in claim(queue)] == [*many[:5], *few]
    # Alone again, it gets all of it.
    assert [one.key for one in claim(queue)] == many[5:15]


def test_businesses_are_served_in_turn() -> None:
    keys = {business: add(business, *["ok"] * 3) for business in range(1, 8)}
    queue = q.queue(batch=3)
    served = [[one.owner for one in claim(queue)] for _ in range(7)]
    assert served == [[1, 2, 3], [4, 5, 6], [7, 1, 2], [3, 4, 5], [6, 7, 1], [2, 3, 4], [5, 6, 7]]
    assert claim(queue) == []
    assert len(keys) == 7


def test_one_rows_turn_comes_in_the_first_claim_whatever_the_backlog() -> None:
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO queue_test (business_id, what, "group")'
            " SELECT %s, 'ok', 0 FROM generate_series(1, 100000)",
            [A],
        )
    queue = q.queue(AsSet(lambda rows: None), batch=500)
    work(queue)
    (one,) = add(B, "ok")
    work(queue)
    assert row(one).done_at is not None


def test_rows_of_a_group_are_done_in_their_order() -> None:
    keys = add(A, "raise", "ok", group=1) + add(A, "ok", "ok", group=2)
    queue = q.queue(order_by=('"group"',), done={"done_at": "statement_timestamp()"})
    assert [work(queue), work(queue), work(queue)] == [2, 1, 0]
    assert list(states().values()) == ["waiting", "waiting", "done", "done"]
    assert effects() == keys[2:]
    for _ in range(4):
        pass_time()
        work(queue)
    assert list(states().values()) == ["dead", "waiting", "done", "done"]
    work(queue)
    assert list(states().values()) == ["dead", "done", "done", "done"]


def test_again_puts_a_row_back_with_all_its_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = add(A, "again")
    with system("test"):
        Job._default_manager.update(attempts=3)
    monkeypatch.setitem(q.OUTCOMES, "again", Again(3600, "not yet"))
    assert work(q.queue()) == 1
    found = row(key)
    assert (found.attempts, found.last_error, found.leased_until) == (0, "not yet", None)
    assert effects() == [key]
    assert 3500 < found.not_before.timestamp() - time.time() < 3700
    assert work(q.queue()) == 0


def test_giving_up_does_not_wait_for_five(monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = add(A, "never")
    reported: list[tuple[int, str]] = []
    monkeypatch.setitem(q.OUTCOMES, "never", GaveUp("gone"))
    queue = q.queue(
        on_death={"what": "'stopped'"},
        on_rerun={"what": "'ok'"},
        when_dead=lambda one, reason: reported.append((one.key, reason)),
    )
    work(queue)
    found = row(key)
    assert (states(), found.what, found.last_error) == ({key: "dead"}, "stopped", "gone")
    assert reported == [(key, "gone")]
    with system("test"):
        assert rerun(queue, [key]) == 1
    work(queue)
    assert (states(), row(key).what) == ({key: "done"}, "ok")


def test_progress_keeps_the_lease_and_forgets_the_attempts() -> None:
    (key,) = add(A, "ok")
    with system("test"):
        Job._default_manager.update(attempts=4)
    seen: list[Any] = []

    def slice_of(one: Any) -> Any:
        seen.append((one.attempts, row(key).attempts))
        for _ in range(3):
            with scope(A):
                assert renew(queue, one)
            seen.append(
                (one.attempts, row(key).attempts, one.leased_until == row(key).leased_until)
            )
        return Again()

    queue = q.queue(InSlices(slice_of))
    assert work(queue) == 1
    assert seen == [(5, 5), *[(0, 0, True)] * 3]
    assert (row(key).attempts, row(key).leased_until) == (0, None)
