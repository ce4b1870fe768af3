"""Sweeps: what raises is logged and counted and stops nothing; who may skip locked rows."""

from pathlib import Path

from django.conf import settings

from core.queue import sweep
from core.queue.sweep import for_each, run_steps

ROOT = Path(settings.BASE_DIR)
# Outside of core/queue, which claims rows; and why.
SKIPPING = {
    "accounts/sql/schema/api_keys.sql": "when a key was last used, which no request waits to write",
    "billing/sql/choose_failed_batch.sql": "batches of metering, which claims sets by ranges",
}


def test_only_queues_skip_locked_rows() -> None:
    found = {
        str(file.relative_to(ROOT))
        for app in ("accounts", "billing", "core", "demo", "hosting", "shops")
        for file in (ROOT / app).rglob("*")
        if file.suffix in (".py", ".sql")
        and ("SKIP LOCKED" in (text := file.read_text(encoding="utf-8")) or "skip_locked" in text)
    }
    assert found == {"core/queue/sql/fair.sql", *SKIPPING}


def test_what_raises_is_counted_and_the_others_are_done() -> None:
    done: list[int] = []

    def do(number: int) -> int | None:
        if number % 3 == 0:
            raise ValueError(number)
        done.append(number)
        return 2 if number == 7 else None

    before = sweep.failures.total()
    assert for_each(range(10), do) == 7
    assert done == [1, 2, 4, 5, 7, 8]
    assert sweep.failures.total() - before == 4


def test_a_step_that_raises_stops_no_other() -> None:
    ran: list[str] = []

    def bad() -> None:
        ran.append("bad")
        raise RuntimeError("no")

    assert run_steps(lambda: ran.append("one"), bad, lambda: ran.append("two")) == 1
    assert ran == ["one", "bad", "two"]
