"""The whole stack at rest: CPU and memory of all its processes, as `make run` starts them.

Beside it, in the same run, an empty Django project behind one granian worker. Goals: 3 % of a core,
450 MB. `python -m benchmarks idle` waits until the stack is quiet, then measures for a minute;
QUICK=1 for ten seconds. Linux only, for its shares of memory.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.report import Figure, show
from stack.machine import free_port

SECONDS = 10.0 if os.environ.get("QUICK") else 60.0
SETTLE = 20.0
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


@dataclass
class Measured:
    """Share of a core in percent and memory (PSS) in MB, in all and by name."""

    cpu: float = 0.0
    memory: float = 0.0
    by_name: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, name: str, cpu: float, memory: float) -> None:
        """Count a process."""
        so_far = self.by_name.get(name, (0.0, 0.0))
        self.by_name[name] = (so_far[0] + cpu, so_far[1] + memory)
        self.cpu, self.memory = self.cpu + cpu, self.memory + memory


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
            Figure("idle", "CPU beside the goal", ours.cpu, GOAL_CPU, "% of a core"),
            Figure("idle", "memory (PSS) beside the goal", ours.memory, GOAL_MB, "MB"),
            Figure("idle", "CPU of an empty Django project", theirs.cpu, None, "% of a core"),
            Figure("idle", "memory of an empty Django project", theirs.memory, None, "MB"),
        ],
    )
    for name, (cpu, memory) in sorted(ours.by_name.items(), key=lambda one: -one[1][0]):
        print(f"  {name:<40}{cpu:>8.2f} %{memory:>8.0f} MB")


@contextmanager
def _stack(folder: Path) -> Iterator[int]:
    """`manage.py up` without a demo; yields its pid once it is ready and has settled."""
    port = free_port()
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
    port = free_port()
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


def _measure(root: int, folder: str = "") -> Measured:
    """CPU and memory of a process and all below it, and of what names its folder."""
    before = {one.pid: _seconds(one) for one in _family(root, folder)}
    time.sleep(SECONDS)
    found = Measured()
    for one in _family(root, folder):
        with suppress(psutil.NoSuchProcess):
            share = 100 * (_seconds(one) - before.get(one.pid, 0.0)) / SECONDS
            found.add(_name(one), share, one.memory_full_info().pss / 2**20)
    return found


def _family(root: int, folder: str) -> list[psutil.Process]:
    """A process, what names its folder (PostgreSQL has no parent), and their descendants."""
    roots = [psutil.Process(root)]
    for one in psutil.process_iter(["cmdline"]):
        if folder and folder in " ".join(one.info["cmdline"] or ()):
            roots.append(one)
    found = {one.pid: one for one in roots}
    for one in roots:
        with suppress(psutil.NoSuchProcess):
            found |= {child.pid: child for child in one.children(recursive=True)}
    return list(found.values())


def _seconds(one: psutil.Process) -> float:
    try:
        times = one.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _name(one: psutil.Process) -> str:
    text = " ".join(one.cmdline())
    known = ("celery", "granian", "uvicorn", "caddy", "postgres", "valkey", "manage.py")
    found = next((name for name in known if name in text), text[:30])
    return f"{found} beat" if " beat" in text else found


if __name__ == "__main__":
    main()
