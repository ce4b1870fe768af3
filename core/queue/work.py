"""Working: what every worker does with a queue whose rows are worked on in transactions or in
slices.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from core.queue.claim import REASON, claim
from core.queue.declaration import (
    AsSet,
    Claimed,
    Failed,
    GaveUp,
    InSlices,
    InThreads,
    OneByOne,
    Outcome,
    Queue,
    Unknown,
)
from core.queue.settle import lock, place_of, reason_of, settle
from core.tenancy import scope, system

log = structlog.get_logger(__name__)
Item = TypeVar("Item")
# After so many failures of one owner's rows in one set, the rest of the set's failing parts are not
# looked into.
FEW = 4


def work(queue: Queue, limit: int | None = None) -> int:
    """Claim due rows and work on them.

    Many that are new, then one that was tried before. Returns how many were claimed.

    0: nothing is due. Raises nothing that a row's work raises: that row waits, with the reason.
    """
    assert not isinstance(queue.work, InThreads), "worked on by its pool"
    done = _pass(queue, claim(queue, limit=limit))
    return (
        done if isinstance(queue.work, InSlices) else done + _pass(queue, claim(queue, alone=True))
    )


def work_all(queue: Queue) -> int:
    """Work until nothing is due; returns how many rows were claimed."""
    claimed = 0
    while found := work(queue):
        claimed += found
    return claimed


def _pass(queue: Queue, rows: Sequence[Claimed]) -> int:
    lost = [row for row in rows if queue.max_attempts and row.attempts > queue.max_attempts]
    end_lost(queue, lost)
    fit = [row for row in rows if row not in lost]
    if isinstance(queue.work, OneByOne):
        for row in fit:
            _in_transaction(queue, [row], lambda mine: _one(queue, mine[0]))
    elif isinstance(queue.work, AsSet):
        for some in sets(queue, fit):
            if not _together(queue, some):
                _by_owner(queue, some)
    elif isinstance(queue.work, InSlices):
        for row in fit:
            _slice(queue.work, queue, row)
    return len(rows)


def _together(queue: Queue, rows: Sequence[Claimed]) -> bool:
    """Work on rows of several owners in one transaction; False where that fails, or they have one.

    Nobody waits then until the rows at fault of another are found.
    """
    assert isinstance(queue.work, AsSet)
    if len({row.owner for row in rows}) < 2:
        return False
    try:
        with within(queue, rows):
            if mine := lock(queue, rows):
                outcomes = queue.work.do(mine) or {}
                _check_constraints()
                settle(queue, mine, outcomes)
    except Exception as error:
        log.info("set_divided", queue=queue.name, rows=len(rows), error=reason_of(error))
        return False
    return True


def _by_owner(queue: Queue, rows: Sequence[Claimed]) -> None:
    """Work on each owner's rows in a transaction of their own, the fewest first."""
    groups: dict[int, list[Claimed]] = {}
    for row in rows:
        groups.setdefault(row.owner, []).append(row)
    for some in sorted(groups.values(), key=len):
        _in_transaction(queue, some, lambda mine: _set(queue, mine))


def end_lost(queue: Queue, rows: Sequence[Claimed]) -> None:
    """Give up rows whose workers vanished at every attempt.

    The claim counted one more than there may be.
    """
    if rows:
        reason = f"Its worker ended without a word {queue.max_attempts} times."
        with system(REASON):
            mine = lock(queue, rows)
            settle(queue, mine, {row.key: GaveUp(reason) for row in mine})


def within(queue: Queue, rows: Sequence[Claimed]) -> AbstractContextManager[None]:
    """A transaction in the scope of the rows' business.

    Across businesses where the queue is not scoped.
    """
    return scope(rows[0].owner) if queue.scoped else system(REASON)


def isolate(
    items: Sequence[Item],
    do: Callable[[Sequence[Item]], Mapping[int, Outcome] | None],
    is_hopeless: Callable[[Sequence[Item]], bool] = lambda items: False,
) -> Iterator[tuple[Sequence[Item], Mapping[int, Outcome] | Exception]]:
    """Do it to all at once, in a savepoint.

    When that raises, to each half, until the item at fault is alone.

    Yields each set that was done with what `do` returned, and each item at fault with its
    exception; a set that raised and `is_hopeless` is not halved but at fault as a whole. Raises
    only when the connection is lost. Call within a transaction.
    """
    if not items:
        return
    try:
        with transaction.atomic():
            found: Mapping[int, Outcome] | Exception = do(items) or {}
            _check_constraints()
    except Exception as error:
        if connection.connection is None or connection.connection.closed:
            raise
        if len(items) > 1 and not is_hopeless(items):
            half = len(items) // 2
            yield from isolate(items[:half], do, is_hopeless)
            yield from isolate(items[half:], do, is_hopeless)
            return
        found = error
    yield items, found


def _check_constraints() -> None:
    # What is deferred to the commit would fail there, where nothing is isolated any more.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def outcomes_of(
    queue: Queue,
    rows: Sequence[Claimed],
    do: Callable[[Sequence[Claimed]], Mapping[int, Outcome] | None],
) -> dict[int, Outcome]:
    """What becomes of each row, by key.

    What `do` says, or that it failed. Call within a transaction.

    Once some rows of an owner have failed, a set of this owner's that fails is put off as a whole,
    so that a flood of rows at fault is not tried one by one while others wait.
    """
    outcomes: dict[int, Outcome] = {}
    failed: Counter[int] = Counter()

    def is_hopeless(some: Sequence[Claimed]) -> bool:
        return failed[some[0].owner] >= FEW and len({row.owner for row in some}) == 1

    for some, found in isolate(rows, do, is_hopeless):
        if isinstance(found, Exception):
            failed[some[0].owner] += 1
            log.warning(
                "row_raised",
                queue=queue.name,
                key=some[0].key,
                rows=len(some),
                error=reason_of(found),
                place=place_of(found),
            )
            outcomes |= {row.key: failure(queue, found) for row in some}
        else:
            outcomes |= found
    return outcomes


def failure(queue: Queue, error: Exception) -> Outcome:
    """What becomes of a row whose work raised.

    It is tried again, unless it may have been done already.
    """
    if isinstance(queue.work, InThreads) and queue.at_most_once is not None:
        return Unknown(reason_of(error))
    return Failed(reason_of(error))


def sets(queue: Queue, rows: Sequence[Claimed]) -> list[Sequence[Claimed]]:
    """Rows that one transaction may work on: of one business each, where the queue is scoped."""
    if not queue.scoped:
        return [rows] if rows else []
    by_owner = sorted(rows, key=lambda row: (row.owner, row.key))
    return [list(some) for _, some in groupby(by_owner, key=lambda row: row.owner)]


def _one(queue: Queue, row: Claimed) -> dict[int, Outcome]:
    assert isinstance(queue.work, OneByOne)
    do = queue.work.do
    return outcomes_of(queue, [row], lambda rows: {rows[0].key: do(rows[0])})


def _set(queue: Queue, rows: Sequence[Claimed]) -> dict[int, Outcome]:
    assert isinstance(queue.work, AsSet)
    return outcomes_of(queue, rows, queue.work.do)


def _in_transaction(
    queue: Queue,
    rows: Sequence[Claimed],
    do: Callable[[Sequence[Claimed]], Mapping[int, Outcome]],
) -> None:
    """Effects and end of these rows in one transaction."""

    def run(some: Sequence[Claimed]) -> None:
        with within(queue, some):
            if mine := lock(queue, some):
                settle(queue, mine, do(mine))

    in_halves(queue, rows, run)


def in_halves(
    queue: Queue, rows: Sequence[Claimed], run: Callable[[Sequence[Claimed]], None]
) -> None:
    """Run the rows' transaction; where it fails as a whole, one for each half of the rows.

    A row whose own transaction fails waits again, and so do all when the connection is lost.
    """
    try:
        run(rows)
    except Exception as error:
        if len(rows) > 1 and not isinstance(error, OperationalError | InterfaceError):
            half = len(rows) // 2
            in_halves(queue, rows[:half], run)
            in_halves(queue, rows[half:], run)
            return
        log.warning(
            "rows_not_done",
            queue=queue.name,
            rows=len(rows),
            error=reason_of(error),
            place=place_of(error),
        )
        fail(queue, rows, error)


def fail(queue: Queue, rows: Sequence[Claimed], error: Exception) -> None:
    """Let rows wait again whose work failed with this error, in a transaction of its own."""
    with system(REASON):
        mine = lock(queue, rows)
        settle(queue, mine, {row.key: failure(queue, error) for row in mine})


def _slice(how: InSlices, queue: Queue, row: Claimed) -> None:
    try:
        outcome = how.do(row)
    except Exception as error:
        log.warning(
            "row_raised",
            queue=queue.name,
            key=row.key,
            error=reason_of(error),
            place=place_of(error),
        )
        outcome = Failed(reason_of(error))
    if outcome is not None:
        with within(queue, [row]):
            settle(queue, lock(queue, [row]), {row.key: outcome})
