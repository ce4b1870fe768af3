"""Backup and restore of 1,000,000 messages, beside pg_dump and pg_restore of the same database.

`BENCH_MESSAGES` sets how many. The peer writes the same custom format to a file and restores that
into an empty database; ours also encrypts, signs, verifies the whole archive before the first row,
and counts every table afterwards.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

if TYPE_CHECKING:
    from stack.servers import Servers

MESSAGES = int(os.environ.setdefault("BENCH_MESSAGES", "1000000"))
PEER = "peer"


def main() -> None:
    """Load, back up both ways, restore both ways, print."""
    from benchmarks import history

    history.MESSAGES = MESSAGES
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        ours, theirs = Path(folder) / "ours.bak", Path(folder) / "theirs.dump"
        with benchmark_servers() as servers:
            history._load(servers)
            written = _back_up(servers, ours, theirs)
        with benchmark_servers() as servers, _empty(servers):
            read = _restore(servers, ours, theirs)
        sizes = [path.stat().st_size / 2**20 for path in (ours, theirs)]
    show(
        f"{MESSAGES:,} messages beside pg_dump and pg_restore (ours: encrypted, verified, counted)",
        [
            Figure("backup", "backup", *written, "s"),
            Figure("backup", "restore", *read, "s"),
            Figure("backup", "size of the archive", *sizes, "MB"),
        ],
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"  CPU of all commands: {used.ru_utime + used.ru_stime:.0f} s")


def _back_up(servers: "Servers", ours: Path, theirs: Path) -> tuple[float, float]:
    """Seconds of our backup and of pg_dump."""
    from core.encrypted_stream import new_key

    os.environ["PARLEY_BACKUP_KEY"] = new_key()
    dump = ["--format=custom", f"--file={theirs}", _url(servers)]
    return _seconds(lambda: _manage("backup", str(ours))), _seconds(
        lambda: _program("pg_dump", *dump)
    )


def _restore(servers: "Servers", ours: Path, theirs: Path) -> tuple[float, float]:
    """Seconds of our restore and of pg_restore."""
    target = ["--no-owner", "--no-acl", f"--dbname={_url(servers, PEER)}", str(theirs)]
    return _seconds(lambda: _manage("restore", str(ours))), _seconds(
        lambda: _program("pg_restore", *target)
    )


@contextmanager
def _empty(servers: "Servers") -> Iterator[None]:
    """Empty the migrated database, as a new installation has it; a second one for the peer."""
    import psycopg

    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:
        from django.conf import settings
        from django.db import connections

        connections.close_all()
        owner = settings.DATABASES["owner"]["USER"]
        db.execute(f'DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION "{owner}"')
        db.execute(f'CREATE DATABASE "{PEER}" TEMPLATE template0')
    yield


def _url(servers: "Servers", name: str = "") -> str:
    url = servers.environment["DATABASE_SUPERUSER_URL"]
    return url if not name else f"{url.rsplit('/', 1)[0]}/{name}"


def _manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], check=True)


def _program(name: str, *arguments: str) -> None:
    from django.conf import settings

    from core.programs import postgres_bin

    subprocess.run([postgres_bin(settings.POSTGRES_BIN) / name, *arguments], check=True)


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
