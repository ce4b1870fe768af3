"""Fixtures of the stack's tests: an empty environment, and waiting for processes to end."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.installation import process_start
from stack.servers import Servers, Settings

OURS = (
    "DATABASE_URL",
    "DATABASE_WORKER_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_SUPERUSER_URL",
    "REDIS_URL",
    "PARLEY_",
    "LOG_LEVEL",
    "PYTEST_",
)


def passable() -> Path:
    """A folder for servers that other users may enter; pytest's own folders are private."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["PARLEY_VAR"]))
    folder.chmod(0o755)
    return folder / "var"


@pytest.fixture
def var() -> Path:
    """A folder for servers, not yet made."""
    return passable()


@pytest.fixture
def bare(var: Path) -> dict[str, str]:
    """The environment of somebody who has set nothing but the folder."""
    return {k: v for k, v in os.environ.items() if not k.startswith(OURS)} | {
        "PARLEY_VAR": str(var)
    }


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Running throw-away servers of the stack's own tests: they are killed and started again."""
    with Servers(Settings(passable(), durable=False)) as running:
        yield running


def await_true(asked: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


def await_gone(*pids: int, seconds: float = 15) -> None:
    """Wait until none of these processes lives."""
    await_true(lambda: not [pid for pid in pids if process_start(pid)], seconds)
