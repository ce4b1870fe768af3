"""Requests to others that are made while a web request waits: short, and few at once.

A thread of the web that waits for a slow host serves nobody. So all requests to others inside of
one web request take at most `SECONDS` together, and each needs a slot: `AT_ONCE` for a business
over all processes (advisory locks of the database, which end with their transaction), and never
so many in one process that none of its threads is left. Workers have no such limits.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from core.errors import ParleyError

SECONDS = 2.0
AT_ONCE = 4
_FREE_SLOT = """
    SELECT slot FROM generate_series(1, %s) AS slot
    WHERE pg_try_advisory_xact_lock(hashtextextended('outbound ' || %s || ' ' || slot, 0))
    LIMIT 1
"""


class TooManyOutbound(ParleyError):
    """As many requests to others are under way as may be; retry after `wait` seconds."""

    code = "too_many_requests"
    status = 429
    wait = 2

    def __init__(self) -> None:
        super().__init__(
            _("At most %(n)d requests to other servers run at once. Try again in a moment.")
            % {"n": AT_ONCE}
        )


@dataclass
class _Budget:
    """What one web request may still spend: until when, and whether it holds a slot."""

    deadline: float | None = None
    holds_slot: bool = False


_budget: ContextVar[_Budget | None] = ContextVar("outbound_budget", default=None)
_lock = threading.Lock()
_under_way: Counter[int] = Counter()


@contextmanager
def web_request() -> Iterator[None]:
    """Run a web request: what it asks of others counts from its first such request."""
    token = _budget.set(_Budget())
    try:
        yield
    finally:
        _budget.reset(token)


@contextmanager
def slot(business_id: int) -> Iterator[None]:
    """Hold one of the business's slots; TooManyOutbound where none is free. Never waits.

    Nothing happens outside of a web request. In a transaction the slot is kept until its end.
    """
    budget = _budget.get()
    if budget is None or budget.holds_slot:
        yield
        return
    with (
        _place_in_process(business_id),
        nullcontext() if connection.in_atomic_block else transaction.atomic(),
    ):
        with connection.cursor() as cursor:
            cursor.execute(_FREE_SLOT, [AT_ONCE, business_id])
            if cursor.fetchone() is None:
                raise TooManyOutbound
        budget.deadline = budget.deadline or time.monotonic() + SECONDS
        budget.holds_slot = True
        try:
            yield
        finally:
            budget.holds_slot = False


@contextmanager
def _place_in_process(business_id: int) -> Iterator[None]:
    threads = settings.WEB_THREADS
    with _lock:
        if _under_way.total() >= max(1, threads - 1) or _under_way[business_id] >= max(
            1, threads // 2
        ):
            raise TooManyOutbound
        _under_way[business_id] += 1
    try:
        yield
    finally:
        with _lock:
            _under_way[business_id] -= 1
            if not _under_way[business_id]:
                del _under_way[business_id]


def limited(seconds: float) -> float:
    """Seconds that a request to others may take now, at most `seconds`.

    RuntimeError inside of a web request that holds no slot: the caller forgot it.
    """
    budget = _budget.get()
    if budget is None:
        return seconds
    if not budget.holds_slot or budget.deadline is None:
        raise RuntimeError("a web request asks others only with a slot of core.outbound")
    return min(seconds, max(budget.deadline - time.monotonic(), 0.0))
