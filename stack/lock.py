"""The lock of a running installation, and errors that the console shows as one line."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StackError(Exception):
    """A problem that the operator can solve; shown as one line."""


class AlreadyRunning(StackError):
    """Another process of this installation runs the servers."""


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the lock of a folder; raises AlreadyRunning.

    The kernel releases it when the process ends, however it ends.
    """
    root.mkdir(parents=True, exist_ok=True)
    handle = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(handle, root)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, root: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
        raise AlreadyRunning(f"Parley runs already on {root} (process {holder}).") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
