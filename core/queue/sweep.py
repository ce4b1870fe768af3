"""Sweeps: periodic tasks that look for waiting rows.

One step that fails does not keep the others from running.
"""

from collections import Counter
from collections.abc import Callable

import structlog

from core.queue.settle import place_of, reason_of

log = structlog.get_logger(__name__)
# How often each step has failed in this process, by its name.
failures: Counter[str] = Counter()


def sweep(*steps: Callable[[], object]) -> int:
    """Run every step; one that raises is logged and counted, and the others run.

    Returns how many raised.
    """
    return sum(not _run(step) for step in steps)


def _run(step: Callable[[], object]) -> bool:
    try:
        step()
    except Exception as error:
        name = name_of(step)
        failures[name] += 1
        log.error("sweep_step_failed", step=name, error=reason_of(error), place=place_of(error))
        return False
    return True


def name_of(step: Callable[[], object]) -> str:
    """A step's name in logs and figures: module and function."""
    plain = getattr(step, "func", step)
    return f"{plain.__module__}.{getattr(plain, '__qualname__', type(plain).__name__)}"
