"""Work that waits for others, such as HTTP calls: claimed in the database, done by threads."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

import structlog
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

log = structlog.get_logger(__name__)

Work = TypeVar("Work")
Result = TypeVar("Result")
LINGER, LONGEST = 0.2, 20.0


class ClaimingPool(Generic[Work, Result]):
    """Claims rows while a thread is free, and ends them as results come.

    `claim` is given what is under way and returns committed claims; `do` runs in a thread, raises
    nothing and touches no database; `finish` writes results down.
    """

    def __init__(
        self,
        name: str,
        *,
        size: int,
        claim: Callable[[list[Work]], list[Work]],
        do: Callable[[Work], Result],
        finish: Callable[[Sequence[Result]], None],
    ) -> None:
        self.name, self.size, self.claim, self.do, self.finish = name, size, claim, do, finish
        self._running, self._asked = threading.Lock(), threading.Event()

    def run(self, longest: float = LONGEST, linger: float = 0.0) -> int:
        """Work until nothing is due, or no more is claimed after `longest` seconds.

        Returns how many rows were done. `linger` seconds are waited for more before it ends.
        """
        under_way: dict[Future[Result], Work] = {}
        done, now = 0, time.monotonic()
        deadline, idle_until = now + longest, now + linger
        with ThreadPoolExecutor(self.size, thread_name_prefix=self.name) as pool:
            while True:
                if time.monotonic() < deadline and len(under_way) < self.size:
                    under_way |= {
                        pool.submit(self.do, work): work
                        for work in self.claim(list(under_way.values()))
                    }
                if under_way:
                    done += self._collect(under_way)
                    idle_until = time.monotonic() + linger
                elif time.monotonic() >= min(idle_until, deadline):
                    return done
                else:
                    time.sleep(LINGER / 4)

    def _collect(self, under_way: dict[Future[Result], Work]) -> int:
        done, _ = wait(under_way, timeout=0.05, return_when=FIRST_COMPLETED)
        for future in done:
            del under_way[future]
        if done:
            self.finish([future.result() for future in done])
        return len(done)

    def wake(self) -> None:
        """See to it that a thread of this process works; returns at once.

        A thread, because somebody else's server may take ten seconds, and the worker that was woken
        has other work.
        """
        self._asked.set()
        if self._running.acquire(blocking=False):
            threading.Thread(target=self._work_until_quiet, name=self.name, daemon=True).start()

    def _work_until_quiet(self) -> None:
        try:
            while self._asked.is_set():
                self._asked.clear()
                self.run(linger=LINGER)
        except (OperationalError, InterfaceError):
            log.warning("pool_interrupted", pool=self.name, exc_info=True)
        finally:
            connection.close()
            self._running.release()
