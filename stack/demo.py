"""The demo beside the running product: a process that makes logins, then plays three months."""

import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from config.environment import BASE_DIR
from core.installation import LOGINS_ARE_READY
from stack.machine import end_with_parent


class DemoProcess:
    """`manage.py seed_demo`, whose lines are shown as they come."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with log.open("wb") as problems:
            # A session of its own: Ctrl-C signals only us, and we end the command.
            self.popen = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "seed_demo"],
                preexec_fn=end_with_parent(),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=problems,
                text=True,
            )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.popen.stdout
        for line in self.popen.stdout:
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def await_logins(self) -> bool:
        """Wait until the logins are there; False where the process ended without them."""
        while (line := self.lines.get()) is not None:
            if line == LOGINS_ARE_READY:
                return True
        return False

    def show(self, say: Callable[[str], None]) -> bool:
        """Pass on the lines that came meanwhile; False once the process has ended."""
        with contextlib.suppress(queue.Empty):
            while True:
                if (line := self.lines.get_nowait()) is None:
                    if code := self.popen.wait():
                        say(f"The demo ended early: {self.problem} (exit code {code}).")
                    return False
                say(f"  {line}")
        return True

    @property
    def problem(self) -> str:
        """The last line of the log, and where that is."""
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:] or ["no message"]
        return f"{last[0][:300]} (log: {self.log})"

    def stop(self) -> None:
        """End the process; it goes on at the next start."""
        if self.popen.poll() is None:
            self.popen.terminate()
            self.popen.wait()
