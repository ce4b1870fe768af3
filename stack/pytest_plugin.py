"""Pytest plugin: temporary servers for a test run, shared by the workers of xdist.

Loaded by `-p`, so that it runs before pytest-django reads the settings.
"""

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.installation import kept_secrets
from stack.lock import StackError
from stack.servers import Servers, Settings

NEED_NO_SERVERS = {"--help", "-h", "--version", "-V", "--fixtures", "--markers"}
_kept: dict[str, Any] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Start the servers that the environment does not name, unless no test will run."""
    from config.environment import run_as_web

    # Tests run as the web's login, which can do less than the workers'.
    run_as_web()
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # Each worker empties its own Valkey database; number 0 is for runs without workers.
        number = int(worker.removeprefix("gw")) + 1
        os.environ["REDIS_URL"] = (
            urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
        )
        return
    if NEED_NO_SERVERS & set(args):
        os.environ["PARLEY_SERVERS"] = "none"
        return
    _kept["folder"] = folder = Path(tempfile.mkdtemp(prefix="parley-test-"))
    # Others may enter: for root, PostgreSQL runs as the user nobody.
    folder.chmod(0o755)
    os.environ["PARLEY_VAR"] = str(folder)
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    # Part of the names of the run's databases: two runs may share one server.
    os.environ["PARLEY_TEST_RUN"] = secrets.token_hex(4)
    kept_secrets(folder)
    _start(folder)
    # With one login for everything, that login must be able to create databases.
    os.environ.setdefault("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])
    os.environ.setdefault("DATABASE_SUPERUSER_URL", os.environ["DATABASE_OWNER_URL"])


def _start(folder: Path) -> None:
    from config.environment import chosen_postgres
    from config.variables import given, secret

    for name in filter(
        given, ("DATABASE_URL", "DATABASE_WORKER_URL", "DATABASE_OWNER_URL", "REDIS_URL")
    ):
        # Tests change the variables; a file with the same secret would contradict them.
        os.environ[name] = secret(name)
        os.environ.pop(f"{name}_FILE", None)
    servers = Servers(
        Settings(folder, durable=False, postgres_bin=chosen_postgres()),
        postgres=not given("DATABASE_URL"),
        valkey=not given("REDIS_URL"),
    )
    try:
        servers.start()
    except StackError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise pytest.UsageError(f"no test servers: {error}") from None
    _kept["servers"] = servers
    os.environ.update(servers.environment)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and remove their data."""
    if "folder" in _kept and not _kept["servers"].postgres:
        _drop_databases(os.environ["PARLEY_TEST_RUN"])
    if servers := _kept.pop("servers", None):
        servers.stop()
        servers.remove()
    if folder := _kept.pop("folder", None):
        left = _end_processes_of(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if left:
            raise SystemExit("processes outlived the tests and were killed: " + "; ".join(left))


def _end_processes_of(folder: Path) -> list[str]:
    """Kill processes that a test started in the run's folder and left; returns their commands.

    Those that are just ending get 10 s. They are found by their environment, which Linux shows
    in /proc; elsewhere none is found.
    """
    deadline = time.monotonic() + 10
    while (left := _processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return [f"{pid} {command}" for pid, command in left.items()]


def _processes_of(folder: Path) -> dict[int, str]:
    """Other processes whose environment names the folder: their commands by process id."""
    found = {}
    for known in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if (
                known.parent.name != str(os.getpid())
                and f"={folder}".encode() in known.read_bytes()
            ):
                command = (known.parent / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(known.parent.name)] = command.decode(errors="replace")[:100]
    return found


def _drop_databases(run: str) -> None:
    import psycopg

    url = urlsplit(os.environ["DATABASE_SUPERUSER_URL"])._replace(path="/postgres").geturl()
    with psycopg.connect(url, autocommit=True) as server:
        found = server.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%_{run}"]
        )
        for (name,) in found.fetchall():
            server.execute(
                psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
                    psycopg.sql.Identifier(name)
                )
            )
