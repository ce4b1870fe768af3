"""A supervised child process: its command, log, restarts, and end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.installation import process_start
from stack.machine import end_with_parent, signal_group

RESTART_PAUSES = (0.5, 1, 2, 5, 10, 30)
STEADY_SECONDS = 60
LOG_BYTES = 20_000_000


@dataclass
class SupervisedProcess:
    """A process that ends with us and is restarted where it ends by itself.

    `patience` is how many seconds it gets to end before it is killed.
    """

    name: str
    command: list[str]
    log: Path
    cwd: Path = Path("/")
    environment: dict[str, str] = field(default_factory=dict)
    # Arguments of Popen that drop root's rights: user, group, extra_groups.
    limits: dict[str, Any] = field(default_factory=dict)
    # The Unix socket on which it listens; what a killed process left of it is removed.
    socket: Path | None = None
    end_signal: int = signal.SIGTERM
    patience: float = 10
    popen: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0
    started_at: float = 0
    log_start: int = 0

    def start(self) -> None:
        """Start it in a process group of its own, so that its children can be ended with it."""
        self.started_at = time.monotonic()
        self.not_before = 0
        _rotate(self.log)
        if self.socket:
            self.socket.unlink(missing_ok=True)
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as log:
            self.log_start = log.tell()
            self.popen = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.cwd,
                start_new_session=True,
                env={**os.environ, **self.environment},
                preexec_fn=end_with_parent(self.end_signal),
                **self.limits,
            )

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        assert self.popen, "not started"
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.popen is not None and self.popen.poll() is None

    @property
    def mark(self) -> dict[str, Any]:
        """What a later start needs to identify and end the process."""
        return {
            "pid": self.pid,
            "started": process_start(self.pid),
            "signal": int(self.end_signal),
            "patience": self.patience,
        }

    def restart_if_ended(self, say: Callable[[str], None]) -> bool:
        """Restart the process after a growing pause where it has ended; True where it did now."""
        if self.alive:
            if time.monotonic() - self.started_at > STEADY_SECONDS:
                self.failures = 0
            return False
        if not self.not_before:
            self._plan_restart(say)
        elif time.monotonic() >= self.not_before:
            self.start()
            return True
        return False

    def _plan_restart(self, say: Callable[[str], None]) -> None:
        pause = RESTART_PAUSES[min(self.failures, len(RESTART_PAUSES) - 1)]
        self.failures += 1
        self.not_before = time.monotonic() + pause
        signal_group(self.pid, signal.SIGKILL)
        say(
            f"{self.name} ended ({self.ending}); it starts again in {pause:g} s."
            f" {self.last_error} Log: {self.log}"
        )

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        code = self.popen.returncode if self.popen else None
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def stop(self) -> None:
        """Send the process its end signal; `await_end` also ends its children."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self.end_signal)

    def await_end(self) -> None:
        """Wait for the end, at most `patience` seconds, then kill the process group."""
        if not self.popen:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(self.patience)
        signal_group(self.pid, signal.SIGKILL)
        self.popen.wait()

    @property
    def last_error(self) -> str:
        """The last line with an error in the log since the start, else the last line."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(self.log_start)
            lines = [
                line
                for line in log.read()[-20_000:].decode(errors="replace").splitlines()
                if line.strip()
            ]
            errors = [line for line in lines if "FATAL" in line or "Error" in line] or lines
            return errors[-1].strip()[:300] if errors else ""
        return ""


def _rotate(log: Path) -> None:
    """Rename a log of more than 20 MB, replacing the older one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def end_all(marks: dict[str, dict[str, Any]]) -> None:
    """End the process groups that a killed supervisor left behind.

    A process that only has the same id, but another start time, is not touched.
    """
    ours = [
        mark
        for mark in marks.values()
        if mark.get("started") and process_start(mark["pid"]) == mark["started"]
    ]
    for mark in ours:
        signal_group(mark["pid"], mark["signal"])
    asked = time.monotonic()
    for mark in sorted(ours, key=lambda mark: mark["patience"]):
        while process_start(mark["pid"]) and time.monotonic() - asked < mark["patience"]:
            time.sleep(0.05)
        signal_group(mark["pid"], signal.SIGKILL)
