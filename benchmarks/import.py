"""Import: lines of an exported chat per second, and memory, beside COPY of the same rows."""

import os
import resource
import threading
import time
from pathlib import Path

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

LINES = int(os.environ.get("BENCH_LINES", "1000000"))
WORDS = (
    "Is the Yirgacheffe back in stock? We would take two bags of it and a kilo of the house blend,"
    " ground for filter."
)


def main() -> None:
    """Measure and print."""
    with benchmark_servers() as servers:
        job, looked = _previewed_import()
        before = _resident()
        with _Peak() as peak:
            start = time.perf_counter()
            while _slice(job):
                pass
            seconds = time.perf_counter() - start
        written, plain = _copied(servers)
    assert written == LINES, f"{written} of {LINES} lines were imported"
    show(
        f"Import of an exported chat, {LINES:,} lines",
        [
            Figure(
                "import",
                "lines imported, beside COPY of the same rows",
                LINES / seconds,
                LINES / plain,
                "lines/s",
            ),
            Figure("import", "lines looked through before", LINES / looked, None, "lines/s"),
            Figure(
                "import",
                "memory above the start while importing",
                peak.highest - before,
                None,
                "MB",
            ),
        ],
    )


def _previewed_import():
    """A ready import of a chat with one message per line, and the seconds of its preview."""
    from accounts.models import Business
    from core.tenancy import scope, system
    from hosting.imports import jobs
    from hosting.models import Account, Number

    with system("benchmark"):
        business = Business.objects.create(name="Bakery", plan_id="business")
        account = Account.objects.create(business=business, name="a")
        Number.objects.create(
            business=business, account=account, digits="15550100100", verified_name="Bakery"
        )
    with _chat_file().open("rb") as file, scope(business.pk):
        job = jobs.create_import(business=business, author=None, file=file, filename="chat.txt")
    start = time.perf_counter()
    jobs.work_due()
    looked = time.perf_counter() - start
    with scope(business.pk):
        job.refresh_from_db()
        jobs.start_import(
            job=job,
            answers={"contact": "14155550100", "day_order": "dmy", "business_senders": ["Bakery"]},
        )
    return job, looked


def _chat_file() -> Path:
    """A chat with one message per line, eight in a minute."""
    path = Path(os.environ["PARLEY_VAR"]) / "chat.txt"
    with path.open("w", encoding="utf-8") as file:
        for n in range(LINES):
            day, minute = divmod(n // 8, 1440)
            month, of_month = divmod(day, 28)
            file.write(
                f"{1 + of_month:02}/{1 + month % 12:02}/{2010 + month // 12},"
                f" {minute // 60:02}:{minute % 60:02} - "
                f"{'Ann' if n % 3 else 'Bakery'}: {n} {WORDS[: 20 + n * 7 % 90]}\n"
            )
    return path


def _slice(job) -> int:
    from hosting.imports import jobs

    return jobs.work_due()


class _Peak:
    """Measures the highest resident size of this process in MB, ten times a second."""

    def __enter__(self) -> "_Peak":
        self.highest, self.over = _resident(), threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(0.1):
            self.highest = max(self.highest, _resident())


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _copied(servers) -> tuple[int, float]:
    """Number of rows, and the seconds in which COPY writes them into an equal table."""
    import psycopg

    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:
        db.execute("CREATE TABLE plain_message (LIKE hosting_message INCLUDING ALL)")
        columns = ", ".join(
            row[0]
            for row in db.execute(
                """SELECT column_name FROM information_schema.columns
                    WHERE table_name = 'hosting_message' AND is_generated = 'NEVER'"""
            )
        )
        parts, rows = [], db.execute("SELECT count(*) FROM hosting_message").fetchone()[0]
        with db.cursor().copy(
            f"COPY (SELECT {columns} FROM hosting_message ORDER BY id) TO STDOUT"
        ) as out:
            parts = [bytes(part) for part in out]
        db.execute("CHECKPOINT")
        start = time.perf_counter()
        with db.cursor().copy(f"COPY plain_message ({columns}) FROM STDIN") as into:
            for part in parts:
                into.write(part)
        return rows, time.perf_counter() - start
