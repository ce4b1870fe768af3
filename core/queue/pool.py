"""Worker pools: rows whose work waits for others (HTTP requests) are claimed, worked on side by
side, and ended.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from core.queue.claim import claim
from core.queue.declaration import Claimed, Failed, InThreads, Outcome, Queue
from core.queue.settle import lock, place_of, reason_of, settle
from core.queue.work import end_lost, failure, in_halves, isolate, outcomes_of, sets, within

log = structlog.get_logger(__name__)
LINGER, LONGEST, STEP = 0.2, 20.0, 0.05
# So many rows that were lost with their worker are worked on, each alone, before the others have
# their turn.
ALONE = 3


@dataclass(frozen=True, slots=True)
class Task:
    """A row and what its work needs."""

    row: Claimed
    work: Any


class WorkerPool:
    """The threads of one process that work on one queue."""

    def __init__(self, queue: Queue) -> None:
        assert isinstance(queue.work, InThreads)
        self.queue, self.how = queue, queue.work
        self._running, self._asked = threading.Lock(), threading.Event()

    def run(self, longest: float = LONGEST, linger: float = 0.0) -> int:
        """Work until nothing is due, or no more is claimed after `longest` seconds.

        Returns how many rows were done.

        `linger` seconds are waited for more before it ends.
        """
        with ThreadPoolExecutor(self.how.size, thread_name_prefix=self.queue.name) as threads:
            done = sum(self._do_alone(threads) for _ in range(ALONE))
            return done + self._do_many(threads, time.monotonic() + longest, linger)

    def wake(self) -> None:
        """See to it that a thread of this process works; returns at once.

        A thread, because somebody else's server may take ten seconds, and the worker that was woken
        has other work.
        """
        self._asked.set()
        if self._running.acquire(blocking=False):
            threading.Thread(
                target=self._run_while_asked, name=self.queue.name, daemon=True
            ).start()

    def _run_while_asked(self) -> None:
        try:
            while self._asked.is_set():
                self._asked.clear()
                self.run(linger=LINGER)
        except (OperationalError, InterfaceError) as error:
            log.warning("pool_interrupted", queue=self.queue.name, error=reason_of(error))
        except Exception as error:
            log.error(
                "pool_failed", queue=self.queue.name, error=reason_of(error), place=place_of(error)
            )
        finally:
            connection.close()
            self._running.release()

    def _do_alone(self, threads: ThreadPoolExecutor) -> int:
        under_way = self._started(threads, claim(self.queue, alone=True))
        done = 0
        while under_way:
            done += self._collect(under_way)
        return done

    def _do_many(self, threads: ThreadPoolExecutor, deadline: float, linger: float) -> int:
        under_way: dict[Future[Any], Task] = {}
        done, idle_until = 0, time.monotonic() + linger
        while True:
            if time.monotonic() < deadline and len(under_way) < self.how.size:
                under_way |= self._started(threads, self._claimed(list(under_way.values())))
            if under_way:
                done += self._collect(under_way)
                idle_until = time.monotonic() + linger
            elif time.monotonic() >= min(idle_until, deadline):
                return done
            else:
                time.sleep(STEP)

    def _claimed(self, under_way: Sequence[Task]) -> list[Claimed]:
        return claim(
            self.queue,
            limit=self.how.size - len(under_way),
            under_way=Counter(task.row.owner for task in under_way),
            works=[task.work for task in under_way],
        )

    def _started(
        self, threads: ThreadPoolExecutor, rows: Sequence[Claimed]
    ) -> dict[Future[Any], Task]:
        # What is done at most once is never claimed again after its worker was lost.
        most = None if self.queue.at_most_once else self.queue.max_attempts
        lost = [row for row in rows if most and row.attempts > most]
        end_lost(self.queue, lost)
        tasks = self._prepared([row for row in rows if row not in lost])
        return {threads.submit(self.how.perform, task.work): task for task in tasks}

    def _prepared(self, rows: Sequence[Claimed]) -> list[Task]:
        """The rows with what their work needs.

        Those that need none are done, those that cannot be read wait again.
        """
        if not rows:
            return []
        tasks: list[Task] = []
        failed: dict[int, Outcome] = {}

        def prepare(some: Sequence[Claimed]) -> None:
            works = self.how.prepare(some)
            tasks.extend(Task(row, works[row.key]) for row in some if row.key in works)

        for of_one in sets(self.queue, rows):
            with within(self.queue, of_one):
                for some, found in isolate(of_one, prepare):
                    if isinstance(found, Exception):
                        self._log(some[0], found)
                        failed[some[0].key] = Failed(reason_of(found))
                ready = {task.row.key for task in tasks}
                if idle := [row for row in of_one if row.key not in ready]:
                    settle(self.queue, lock(self.queue, idle), failed)
        return tasks

    def _log(self, row: Claimed, error: Exception) -> None:
        name = self.queue.name
        log.warning(
            "row_raised", queue=name, key=row.key, error=reason_of(error), place=place_of(error)
        )

    def _collect(self, under_way: dict[Future[Any], Task]) -> int:
        ended, _ = wait(under_way, timeout=STEP, return_when=FIRST_COMPLETED)
        if ended:
            self._finish({future: under_way.pop(future) for future in ended})
        return len(ended)

    def _finish(self, ended: Mapping[Future[Any], Task]) -> None:
        raised: dict[int, Exception] = {}
        results: dict[int, Any] = {}
        for future, task in ended.items():
            error = future.exception()
            if error is None:
                results[task.row.key] = future.result()
            elif isinstance(error, Exception):
                self._log(task.row, error)
                raised[task.row.key] = error
            else:
                raise error
        for rows in sets(self.queue, [task.row for task in ended.values()]):
            in_halves(self.queue, rows, lambda some: self._end(some, results, raised))

    def _end(
        self,
        rows: Sequence[Claimed],
        results: Mapping[int, Any],
        raised: Mapping[int, Exception],
    ) -> None:
        with within(self.queue, rows):
            mine = lock(self.queue, rows)
            self._write(mine, results, raised)
            late = [results[row.key] for row in rows if row not in mine and row.key in results]
            if late and self.how.late is not None:
                self.how.late(late)

    def _write(
        self, mine: Sequence[Claimed], results: Mapping[int, Any], raised: Mapping[int, Exception]
    ) -> None:
        def finish(some: Sequence[Claimed]) -> Mapping[int, Outcome] | None:
            return self.how.finish({row.key: results[row.key] for row in some})

        outcomes = outcomes_of(self.queue, [row for row in mine if row.key in results], finish)
        outcomes |= {key: failure(self.queue, error) for key, error in raised.items()}
        settle(self.queue, mine, outcomes)
