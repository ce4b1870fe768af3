"""The whole stack at rest: CPU and memory of all its processes, as `make run` starts them.

Beside it, in the same run, an empty Django project behind one granian worker. Goals: 3 % of a core,
450 MB. `python -m benchmarks idle` waits until the stack is quiet, then measures for a minute;
QUICK=1 for ten seconds. Linux only: it reads /proc.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Figure, show

SECONDS = 10.0 if os.environ.get("QUICK") else 60.0
SETTLE = 20.0
TICKS = os.sysconf("SC_CLK_TCK")
GOAL_CPU, GOAL_MB = 3.0, 450.0
EMPTY = """
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True)
import django
django.setup()
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("readyz", lambda request: HttpResponse("ok"))]
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


def main() -> None:
    """Measure ours, then the empty project; print both beside the goals."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        Path(folder).chmod(0o755)
        with _stack(Path(folder)) as pid:
            ours = _measure(pid, folder)
        with _empty(Path(folder)) as pid:
            theirs = _measure(pid)
    show(
        f"At rest for {SECONDS:g} s (goals: {GOAL_CPU:g} % of a core, {GOAL_MB:g} MB)",
        [
            Figure("idle", "CPU beside the goal", ours[0], GOAL_CPU, "% of a core"),
            Figure("idle", "memory (PSS) beside the goal", ours[1], GOAL_MB, "MB"),
            Figure("idle", "CPU of an empty Django project", theirs[0], None, "% of a core"),
            Figure("idle", "memory of an empty Django project", theirs[1], None, "MB"),
        ],
    )
    for name, (cpu, memory) in sorted(ours[2].items(), key=lambda one: -one[1][0]):
        print(f"  {name:<40}{cpu:>8.2f} %{memory:>8.0f} MB")


@contextmanager
def _stack(folder: Path) -> Iterator[int]:
    """`manage.py up` without a demo; yields its pid once it is ready and has settled."""
    port = _free_port()
    environment = os.environ | {
        "PARLEY_VAR": str(folder / "var"),
        "PARLEY_DEMO": "0",
        "PORT": str(port),
    }
    command = [sys.executable, "manage.py", "up"]
    with _running(command, environment, f"http://127.0.0.1:{port}/readyz") as pid:
        yield pid


@contextmanager
def _empty(folder: Path) -> Iterator[int]:
    """An empty project behind granian, which serves `/readyz`."""
    (folder / "empty.py").write_text(EMPTY)
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1"]
    command += ["--port", str(port), "--working-dir", str(folder), "empty:application"]
    with _running(command, dict(os.environ), f"http://127.0.0.1:{port}/readyz") as pid:
        yield pid


@contextmanager
def _running(command: list[str], environment: dict[str, str], url: str) -> Iterator[int]:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 180
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > ends:
                sys.exit(f"{' '.join(command)} did not start.")
            time.sleep(0.5)
        time.sleep(SETTLE)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _measure(root: int, folder: str = "") -> tuple[float, float, dict[str, tuple[float, float]]]:
    """Share of a core in percent and PSS in MB of a process and all below it; and by name."""
    before = {pid: _ticks(pid) for pid in _family(root, folder)}
    time.sleep(SECONDS)
    by_name: dict[str, tuple[float, float]] = {}
    for pid in _family(root, folder):
        cpu = 100 * (_ticks(pid) - before.get(pid, 0)) / TICKS / SECONDS
        name = _name(pid)
        so_far = by_name.get(name, (0.0, 0.0))
        by_name[name] = (so_far[0] + cpu, so_far[1] + _megabytes(pid))
    cpu, memory = (sum(one[n] for one in by_name.values()) for n in (0, 1))
    return cpu, memory, by_name


def _family(root: int, folder: str) -> list[int]:
    """A process, what names its folder (PostgreSQL has no parent), and their descendants."""
    children: dict[int, list[int]] = {}
    roots = {root}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = (path / "cmdline").read_text(errors="replace")
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(path.name))
        if folder and folder in command:
            roots.add(int(path.name))
    found, open_ones = set(), list(roots)
    while open_ones:
        one = open_ones.pop()
        if one not in found:
            found.add(one)
            open_ones += children.get(one, [])
    return sorted(found)


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _name(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "ended"
    known = ("celery", "granian", "uvicorn", "caddy", "postgres", "valkey", "manage.py")
    text = b" ".join(words).decode(errors="replace")
    found = next((one for one in known if one in text), text[:30])
    return f"{found} {'beat' if ' beat' in text else ''}".strip()


def _megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    main()
