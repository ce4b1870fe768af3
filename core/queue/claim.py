"""Claiming: the first of two steps.

The attempt is counted and the lease taken, and committed, before the work begins.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from core.queue import statements
from core.queue.declaration import Claimed, InSlices, InThreads, Queue
from core.sql import fetch_all_prepared
from core.tenancy import system

REASON = "a queue holds rows of every business"
# Whom a queue of this process served last, by queue and whether it was for a row alone: the next
# claim begins behind.
_served: dict[tuple[str, bool], int] = {}


def claim(
    queue: Queue,
    *,
    alone: bool = False,
    limit: int | None = None,
    under_way: Mapping[int, int] | None = None,
    works: Sequence[Any] = (),
) -> list[Claimed]:
    """Claim due rows, a share for each owner; in the order in which owners are served.

    `alone` claims one row that was tried before; otherwise at most `limit` (the queue's batch) that
    were not. `under_way` counts rows that this process works on, by owner, and `works` are those
    pieces of work. Commits.
    """
    most = limit or (1 if isinstance(queue.work, InSlices) else queue.batch)
    with system(REASON), connection.cursor() as cursor:
        values = _values(queue, most, alone, under_way or {}, works)
        if queue.selection is not None:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [queue.selection.lock])
        found = fetch_all_prepared(statements.claim(queue, alone=alone), values)
        rows = [Claimed(*row) for row in found]
    after = _served.get((queue.name, alone), 0)
    rows.sort(key=lambda row: (row.owner <= after, row.owner, row.key))
    # Rows of nobody (owner 0) take no turn away.
    if owners := [row.owner for row in rows if row.owner]:
        _served[queue.name, alone] = owners[-1]
    return rows


def forget() -> None:
    """Forget who was served last (for tests)."""
    _served.clear()


def _values(
    queue: Queue, limit: int, alone: bool, under_way: Mapping[int, int], works: Sequence[Any]
) -> dict[str, Any]:
    values: dict[str, Any] = {"limit": limit, "lease": queue.lease_seconds}
    if queue.selection is not None:
        return values | dict(queue.selection.parameters(works))
    busy = Counter(under_way)
    most = queue.work.most_of_one if isinstance(queue.work, InThreads) else limit
    return values | {
        "after": _served.get((queue.name, alone), 0),
        "per_owner": most,
        "busy": list(busy),
        "busy_rows": list(busy.values()),
    }
