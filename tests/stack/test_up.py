"""`manage.py up` and the other commands, as a newcomer runs them."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.installation import process_start
from stack.machine import free_port
from tests import canaries
from tests.stack.conftest import await_gone, await_true

ROOT = Path(__file__).parents[2]
PROCESSES = {"supervisor", "postgres", "valkey", "web", "live", "worker", "beat", "front"}


class Up:
    """A running `manage.py up` without demo data."""

    def __init__(self, environment: dict[str, str], **more: str) -> None:
        self.port = free_port()
        self.environment = environment | {
            "PORT": str(self.port),
            "PARLEY_DEMO": "0",
            **more,
        }
        self.popen = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.said = ""
        self.started: list[int] = []

    def read_until(self, text: str) -> None:
        assert self.popen.stdout
        while text not in self.said:
            line = self.popen.stdout.readline()
            assert line, self.said
            self.said += line

    @property
    def pids(self) -> dict[str, int]:
        path = Path(self.environment["PARLEY_VAR"]) / "demo.json"
        return dict(json.loads(path.read_text())["pids"])

    def family(self) -> list[int]:
        """The processes it names, and their children."""
        listed = subprocess.run(
            ["ps", "-eo", "pid=,pgid="], capture_output=True, text=True, check=True
        ).stdout
        groups = set(self.pids.values())
        return [
            int(pid) for pid, group in map(str.split, listed.splitlines()) if int(group) in groups
        ]

    def end(self) -> None:
        """Kill the supervisor, and wait until what it started has ended as well."""
        family = self.family() if self.popen.poll() is None and self.is_recorded else []
        self.popen.kill()
        self.popen.wait()
        await_gone(*family, seconds=40)

    @property
    def is_recorded(self) -> bool:
        return (Path(self.environment["PARLEY_VAR"]) / "demo.json").exists()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
            return json.load(response)


@pytest.fixture
def up(bare: dict[str, str]) -> Iterator[Up]:
    running = Up(bare)
    yield running
    running.end()


def manage(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start cleans up")
@pytest.mark.timeout(600)
def test_the_whole_product_runs_heals_and_ends(up: Up) -> None:
    up.read_until("Ctrl-C stops everything")
    assert f"Parley is running at http://127.0.0.1:{up.port}" in up.said
    assert set(up.pids) == PROCESSES
    assert up.get("/healthz") == {"status": "ok"}
    assert up.get("/readyz")["status"] == "ok"
    one_address_serves_everything(up)
    ask_with_secrets(up)

    # A command meanwhile uses the servers that run; a second `up` says where the first one is.
    ended = manage(
        up.environment,
        "shell",
        "-v0",
        "-c",
        "from django.db import connection as c; print(c.settings_dict['PORT'])",
    )
    urls = json.loads((Path(up.environment["PARLEY_VAR"]) / "stack.json").read_text())["urls"]
    assert f":{ended.stdout.strip()}/parley" in urls["DATABASE_URL"], ended.stderr
    second = manage(up.environment, "up")
    assert second.returncode == 1
    assert second.stderr.startswith("parley: Parley runs already on ")
    assert second.stderr.endswith(f"Look at http://127.0.0.1:{up.port}. Stop it first.\n")

    # After kill -9, a process and a server are restarted, and no children are left.
    before, family = up.pids, up.family()
    os.kill(before["worker"], signal.SIGKILL)
    os.kill(before["postgres"], signal.SIGKILL)
    up.read_until("worker ended (killed by SIGKILL)")
    up.read_until("postgres ended (killed by SIGKILL)")
    await_true(
        lambda: up.pids["worker"] != before["worker"] and up.pids["postgres"] != before["postgres"]
    )
    await_true(lambda: ready(up), 30)
    assert {name for name in PROCESSES if up.pids[name] != before[name]} == {"worker", "postgres"}
    await_true(lambda: len(up.family()) == len(family), 30)

    # Killed itself: nothing is left.
    family = up.family()
    up.popen.kill()
    await_gone(*family, seconds=40)

    # The next start uses the kept data, and ends on request, even while it starts.
    again = Up(up.environment)
    try:
        await_true(lambda: "worker" in processes_of(again), 60)
        again.popen.send_signal(signal.SIGTERM)
        assert again.popen.wait(40) == 0
    finally:
        again.end()
    assert "Traceback" not in again.popen.communicate()[0]
    assert [pid for pid in again.started if process_start(pid)] == []
    log = (Path(up.environment["PARLEY_VAR"]) / "log" / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")
    assert canaries.found_in_logs(Path(up.environment["PARLEY_VAR"])) == []
    assert readable_by_others(Path(up.environment["PARLEY_VAR"])) == []


def one_address_serves_everything(up: Up) -> None:
    """Pages, live streams and metrics behind the front, which compresses and sets limits."""
    url = f"http://127.0.0.1:{up.port}"
    with urllib.request.urlopen(f"{url}/live/healthz", timeout=5) as answer:
        assert answer.read() == b"ok"
    login = urllib.request.Request(
        f"{url}/account/login/", headers={"Accept-Encoding": "gzip", "X-Forwarded-For": "6.6.6.6"}
    )
    with urllib.request.urlopen(login, timeout=10) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Server"] is None
        assert "<form" in gzip.decompress(answer.read()).decode()
    var = Path(up.environment["PARLEY_VAR"])
    # The client's address is the one that the front saw, not what the client wrote.
    log = (var / "log" / "web.log").read_text()
    assert "6.6.6.6" not in log
    token = json.loads((var / "secrets.json").read_text())["metrics_token"]
    asked = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert b'parley_http_requests_total{method="GET",route="healthz"' in answer.read()
    large = urllib.request.Request(f"{url}/healthz", headers={"X-Large": "x" * 40_000})
    with pytest.raises((urllib.error.HTTPError, ConnectionError)) as refused:
        urllib.request.urlopen(large, timeout=10)
    assert getattr(refused.value, "code", 431) == 431


def ask_with_secrets(up: Up) -> None:
    """Requests whose paths, queries and bodies hold what no log may hold."""
    asked = [
        f"/pay/{canaries.TOKEN}/",
        f"/join/{canaries.TOKEN}/",
        f"/media/{canaries.TOKEN}",
        f"/v23.0/123456789012345?access_token={canaries.KEY}",
        f"/messages/?q={canaries.NUMBER}",
        f"/account/confirm-email/{canaries.TOKEN}/",
    ]
    for path in asked:
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{up.port}{path}", timeout=10).close()
    var = Path(up.environment["PARLEY_VAR"])
    lines = (var / "log" / "web.log").read_text().splitlines()
    assert "GET /pay/[…]/" in [json.loads(line).get("request") for line in lines]
    # The database's own log: an error about values of a statement, and of its parameters.
    url = json.loads((var / "stack.json").read_text())["urls"]["DATABASE_OWNER_URL"]
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE TABLE canary (name text UNIQUE)")
        for _ in range(2):
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                server.execute("INSERT INTO canary VALUES (%s)", [canaries.TEXT])
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                server.execute(f"INSERT INTO canary VALUES ('{canaries.NAME}')")
        server.execute("DROP TABLE canary")


def readable_by_others(root: Path) -> list[str]:
    """Files that others may read, and folders that they may list."""
    return [
        f"{path} {oct(path.stat().st_mode)}"
        for path in root.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & (0o077 if path.is_file() else 0o066)
    ]


def ready(up: Up) -> bool:
    try:
        return bool(up.get("/readyz")["status"] == "ok")
    except OSError:
        return False


def processes_of(up: Up) -> dict[str, Any]:
    known = json.loads((Path(up.environment["PARLEY_VAR"]) / "stack.json").read_text()).get(
        "processes", {}
    )
    if known.get("worker", {}).get("pid") in (None, up.pids["worker"]):
        return {}
    up.started = [mark["pid"] for mark in known.values()]
    return dict(known)


def test_a_taken_port_is_named_before_anything_is_prepared(bare: dict[str, str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = manage(bare | {"PORT": str(port)}, "up")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"parley: port {port} of 127.0.0.1 is taken. Choose another: PORT={port + 10} make run\n"
    )
    assert "Preparing" not in ended.stdout


def test_any_command_has_servers_for_as_long_as_it_runs(bare: dict[str, str], var: Path) -> None:
    ended = manage(
        bare,
        "shell",
        "-v0",
        "-c",
        "import os; print(os.environ['REDIS_URL'])",
    )
    assert ended.stdout.startswith("redis://:"), ended.stderr
    left = json.loads((var / "stack.json").read_text())
    assert set(left) == {"ports"}


def test_given_servers_are_used_and_none_of_ours_starts(
    bare: dict[str, str], var: Path, servers: Any
) -> None:
    ended = manage(bare | servers.environment, "check", "--database", "default")
    assert ended.returncode == 0, ended.stderr
    ended = manage(bare | servers.environment, "shell", "-v0", "-c", "1")
    assert (
        ended.stderr
        == "SECRET_KEY is not set. Set it, or DEBUG=1 for development; `make run` makes its own.\n"
    )
    assert not (var / "pg").exists()
