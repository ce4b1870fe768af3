"""Sweeps: periodic tasks that look for waiting rows. A step that fails does not stop the others."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TypeVar

import structlog

from core.queue.settle import place_of, reason_of
from core.tenancy import system

log = structlog.get_logger(__name__)
Item = TypeVar("Item")
LONGEST, LINGER = 20.0, 0.06
# How often each step has failed in this process, by its name.
failures: Counter[str] = Counter()


def run_steps(*steps: Callable[[], object]) -> int:
    """Run every step; one that raises is logged and counted. Returns how many raised."""
    before = failures.total()
    for step in steps:
        guarded(step)
    return failures.total() - before


def until_idle(
    *steps: Callable[[], int],
    after: Callable[[], object] | None = None,
    longest: float = LONGEST,
    linger: float = LINGER,
) -> int:
    """Run the steps again and again until none finds rows for `linger` seconds, or for `longest`.

    A step returns how many rows it found; one that raises is logged, counted, and has found none.
    `after` runs after each time that rows were found. Returns how many were found in all. A worker
    stays for `linger` so that wake-ups in between can be left out.
    """
    deadline, idle_until, found = time.monotonic() + longest, time.monotonic() + linger, 0
    while time.monotonic() < min(deadline, idle_until):
        count = sum(guarded(step) for step in steps)
        found += count
        if count:
            idle_until = time.monotonic() + linger
            if after is not None:
                guarded(after)
        else:
            time.sleep(linger / 3)
    return found


def for_each(items: Iterable[Item], do: Callable[[Item], object]) -> int:
    """Do it to each; one that raises is logged and counted, and the others are done.

    `do` opens a transaction of its own. Returns the sum of what it returns; None counts as 1.
    """
    found = 0
    for item in items:
        try:
            count = do(item)
        except Exception as error:
            name = name_of(do)
            failures[name] += 1
            log.error(
                "item_failed", step=name, item=str(item), error=reason_of(error),
                place=place_of(error),
            )  # fmt: skip
        else:
            found += count if isinstance(count, int) else 1
    return found


def guarded(step: Callable[[], object]) -> int:
    """Run a step; returns its number, and 0 where it raises, which is logged and counted."""
    try:
        found = step()
    except Exception as error:
        name = name_of(step)
        failures[name] += 1
        log.error("step_failed", step=name, error=reason_of(error), place=place_of(error))
        return 0
    return found if isinstance(found, int) else 0


def across_businesses(step: Callable[[], object]) -> Callable[[], object]:
    """The step within a transaction that crosses businesses."""

    @wraps(step)
    def run() -> object:
        with system("a sweep serves every business"):
            return step()

    return run


def name_of(step: Callable[..., object]) -> str:
    """A step's name in logs and figures: module and function."""
    plain = getattr(step, "func", step)
    return f"{plain.__module__}.{getattr(plain, '__qualname__', type(plain).__name__)}"
