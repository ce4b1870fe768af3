"""One child process under supervision: its command, its log, when it is started again, how it ends."""

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
from stack.machine import leash, signal_group

RESTART_PAUSES = (0.5, 1, 2, 5, 10, 30)
STEADY_SECONDS = 60
LOG_BYTES = 20_000_000


@dataclass
class Supervised:
    """A process that ends with us, and is started again when it ends by itself."""

    name: str
    command: list[str]
    log: Path
    cwd: Path = Path("/")
    environment: dict[str, str] = field(default_factory=dict)
    # Keywords of Popen that give up root: user, group, extra_groups.
    limits: dict[str, Any] = field(default_factory=dict)
    end_signal: int = signal.SIGTERM
    patience: float = 10
    popen: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0
    started_at: float = 0
    log_start: int = 0

    def start(self) -> None:
        """Start it as the leader of a group of its own, so that its children can be ended with it."""
        self.started_at = time.monotonic()
        self.not_before = 0
        _make_room(self.log)
        with self.log.open("ab") as log:
            self.log_start = log.tell()
            self.popen = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.cwd, start_new_session=True,
                env={**os.environ, **self.environment}, preexec_fn=leash(self.end_signal), **self.limits,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        assert self.popen, "not started"
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self.popen is not None and self.popen.poll() is None

    @property
    def mark(self) -> dict[str, Any]:
        """What a later start needs to know it again."""
        return {
            "pid": self.pid, "started": process_start(self.pid), "signal": int(self.end_signal), "patience": self.patience
        }  # fmt: skip

    def tend(self, say: Callable[[str], None]) -> bool:
        """Start it again, after a growing pause, if it has ended; tells whether it was started now."""
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
            f"{self.name} ended ({self.ending}); it starts again in {pause:g} s. {self.last_words} Log: {self.log}"
        )

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.popen.returncode if self.popen else None
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def stop(self) -> None:
        """Ask it to end; its own children are its own affair until `await_end`."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self.end_signal)

    def await_end(self) -> None:
        """Wait, then insist; its children end with it."""
        if not self.popen:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(self.patience)
        signal_group(self.pid, signal.SIGKILL)
        self.popen.wait()

    @property
    def last_words(self) -> str:
        """The line of its log, since it started, that says best why it ended."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(self.log_start)
            lines = [
                line
                for line in log.read()[-20_000:].decode(errors="replace").splitlines()
                if line.strip()
            ]
            telling = [line for line in lines if "FATAL" in line or "Error" in line] or lines
            return telling[-1].strip()[:300] if telling else ""
        return ""


def _make_room(log: Path) -> None:
    """Keep one older log, so that logs do not fill the disk."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def end_all(marks: dict[str, dict[str, Any]]) -> None:
    """End the groups that a killed supervisor left behind; those that only share a number are spared."""
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
