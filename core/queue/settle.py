"""Ending: the second of two steps.

Rows are locked while they are still this worker's, worked on, and ended with it.
"""

import random
import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from prometheus_client import Counter

from core.queue import statements
from core.queue.claim import REASON
from core.queue.declaration import Again, Claimed, Failed, GaveUp, Outcome, Queue, Unknown
from core.sql import fetch_all_prepared
from core.tenancy import system

log = structlog.get_logger(__name__)
# A transaction that renews a lease more often than this, and is rolled back, loses the row.
MAX_RENEWED = 100
ROWS = Counter(
    "parley_queue_rows", "Rows worked on, by queue and by what became of them.",
    ["queue", "outcome"],
)  # fmt: skip
OUTCOMES: Mapping[type[Any], str] = {
    type(None): "done",
    Again: "continued",
    Failed: "failed",
    GaveUp: "dead",
    Unknown: "unknown",
}


def lock(queue: Queue, rows: Sequence[Claimed]) -> list[Claimed]:
    """Of the rows claimed, those that are still this worker's.

    They are locked until the running transaction ends, and know their token of now.
    """
    values = _tokens(rows) | {"idle": str(int(queue.lease_seconds * 1000))}
    found = {
        key: (attempts, until)
        for key, attempts, until in fetch_all_prepared(statements.lock(queue), values)
    }
    if len(found) < len(rows):
        log.warning("rows_taken_over", queue=queue.name, rows=len(rows) - len(found))
    mine = [row for row in rows if row.key in found]
    for row in mine:
        row.attempts, row.leased_until = found[row.key]
    return mine


def settle(queue: Queue, rows: Sequence[Claimed], outcomes: Mapping[int, Outcome]) -> None:
    """End locked rows, or let them wait again, each by its outcome; a row without one is done."""
    found = [(row, _judged(queue, row, outcomes.get(row.key))) for row in rows]
    transaction.on_commit(lambda: _count(queue, [outcome for _, outcome in found]))
    _end(queue, [row for row, outcome in found if outcome is None])
    _put_back(queue, [(row, what) for row, what in found if isinstance(what, Again | Failed)])
    give_up(queue, [(row, what.reason) for row, what in found if isinstance(what, GaveUp)])
    _lose(queue, [(row, what.reason) for row, what in found if isinstance(what, Unknown)])


def renew(queue: Queue, row: Claimed, *, fresh: bool = True) -> bool:
    """Prolong the lease, in the transaction that made progress.

    Attempts are counted from 0 again where the progress is `fresh`: where the next attempt would
    go on from there. False when the row is no longer this worker's.
    """
    values = _tokens([row]) | {"lease": queue.lease_seconds, "fresh": fresh}
    with connection.cursor() as cursor:
        cursor.execute(statements.renew(queue), values)
        found: tuple[int, datetime] | None = cursor.fetchone()
    if found is None:
        return False
    row.renewed = row.tokens[-MAX_RENEWED:]
    row.attempts, row.leased_until = found
    return True


def give_up(queue: Queue, rows: Sequence[tuple[Claimed, str]]) -> None:
    """Make locked rows dead letters, each with its reason."""
    if not rows:
        return
    for row, reason in rows:
        log.error(
            "row_given_up", queue=queue.name, key=row.key, attempts=row.attempts, reason=reason
        )
        if queue.when_dead is not None:
            queue.when_dead(row, reason)
    with connection.cursor() as cursor:
        cursor.execute(statements.give_up(queue), _with_reasons(rows))


def _lose(queue: Queue, rows: Sequence[tuple[Claimed, str]]) -> None:
    if not rows:
        return
    for row, reason in rows:
        log.warning("result_unknown", queue=queue.name, key=row.key, reason=reason)
    with connection.cursor() as cursor:
        cursor.execute(statements.lose(queue), _with_reasons(rows))


def give_up_lost(queue: Queue) -> int:
    """Set aside rows whose worker vanished, of a queue that works at most once.

    Returns how many.
    """
    assert queue.at_most_once is not None
    with system(REASON), connection.cursor() as cursor:
        cursor.execute(statements.lose_late(queue), {"reason": queue.at_most_once.reason})
        return int(cursor.rowcount)


def rerun(queue: Queue, keys: Iterable[int]) -> int:
    """Open dead letters again, with all their attempts.

    Returns how many. Call inside a scope, or across businesses.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.rerun(queue), {"keys": list(keys)})
        return int(cursor.rowcount)


def place_of(error: BaseException) -> str:
    """File, line and function that raised it, for the log, which must not quote what rows hold."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}" if frames else ""


def reason_of(error: BaseException) -> str:
    """What went wrong, for operators.

    Type and first line. Later lines of the database's errors quote what rows hold.
    """
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:500]


def _count(queue: Queue, outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        ROWS.labels(queue.name, OUTCOMES[type(outcome)]).inc()


def _judged(queue: Queue, row: Claimed, outcome: Outcome) -> Outcome:
    if isinstance(outcome, Failed) and queue.max_attempts and row.attempts >= queue.max_attempts:
        return GaveUp(outcome.reason)
    return outcome


def _end(queue: Queue, rows: Sequence[Claimed]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statements.end(queue), _columns(rows))


def _put_back(queue: Queue, rows: Sequence[tuple[Claimed, Again | Failed]]) -> None:
    if not rows:
        return
    values = _columns([row for row, _ in rows]) | {
        "delays": [_delay(queue, row, outcome) for row, outcome in rows],
        "reasons": [outcome.reason for _, outcome in rows],
        "fresh": [isinstance(outcome, Again) and outcome.fresh for _, outcome in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.put_back(queue), values)


def _delay(queue: Queue, row: Claimed, outcome: Again | Failed) -> float:
    if isinstance(outcome, Again):
        return outcome.seconds
    log.warning(
        "row_not_done", queue=queue.name, key=row.key, attempts=row.attempts, reason=outcome.reason
    )
    # No secret: a pause, or data of the demo.
    return queue.backoff.after(row.attempts, chance=random.random())  # noqa: S311  # nosec B311


def _columns(rows: Sequence[Claimed]) -> dict[str, Any]:
    return {"keys": [row.key for row in rows], "owners": [row.owner for row in rows]}


def _tokens(rows: Sequence[Claimed]) -> dict[str, Any]:
    found = [(row, *token) for row in rows for token in row.tokens]
    return {
        "keys": [row.key for row, _, _ in found],
        "owners": [row.owner for row, _, _ in found],
        "attempts": [attempts for _, attempts, _ in found],
        "leases": [until for _, _, until in found],
    }


def _with_reasons(rows: Sequence[tuple[Claimed, str]]) -> dict[str, Any]:
    return _columns([row for row, _ in rows]) | {"reasons": [reason for _, reason in rows]}
