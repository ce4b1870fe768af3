"""The guard: what does not end with its supervisor is ended, its children too."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.installation import process_start, write_private
from tests.stack.conftest import await_gone

ROOT = Path(__file__).parents[2]
# Ignores SIGTERM, as a worker that waits for a missing broker; so does its child.
STUBBORN = "trap '' TERM; sleep 60 & echo $!; wait; wait; sleep 60"


@pytest.fixture
def stubborn() -> Any:
    process = subprocess.Popen(
        ["sh", "-c", STUBBORN], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    yield process
    process.kill()
    process.wait()


def guarded(var: Path, process: Any, supervisor: str) -> None:
    var.mkdir()
    mark = {
        "pid": process.pid,
        "started": process_start(process.pid),
        "signal": 15,
        "patience": 0.3,
    }
    write_private(
        var / "stack.json",
        {"supervisor": {"pid": 1, "started": "me"}, "processes": {"worker": mark}},
    )
    guard = subprocess.Popen(
        [sys.executable, "-m", "stack.guard", str(var), supervisor], stdin=subprocess.PIPE, cwd=ROOT
    )
    time.sleep(0.5)
    assert process.poll() is None, "while the supervisor lives the guard waits"
    guard.communicate()
    assert guard.returncode == 0


def test_a_deaf_process_and_its_child_are_ended(var: Path, stubborn: Any) -> None:
    child = int(stubborn.stdout.readline())
    guarded(var, stubborn, "me")
    assert stubborn.wait(5) == -9
    await_gone(child, seconds=5)


def test_the_processes_of_a_new_supervisor_are_spared(var: Path, stubborn: Any) -> None:
    guarded(var, stubborn, "another")
    assert stubborn.poll() is None
