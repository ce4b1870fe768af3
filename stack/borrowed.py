"""Servers for the length of one command: the environment's, those that run already, or our own until it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.env import var_folder
from stack.servers import Servers, Settings, StackError, running


@contextmanager
def servers() -> Iterator[None]:
    """Make sure that DATABASE_URL and REDIS_URL lead somewhere while the command runs."""
    needed = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
    if not needed or running(var_folder()):
        yield
        return
    try:
        started = Servers(
            Settings(var_folder()), postgres="DATABASE_URL" in needed, valkey="REDIS_URL" in needed
        ).start()
    except StackError as error:
        sys.exit(f"parley: {error}")
    os.environ.update(started.environment)
    try:
        yield
    finally:
        started.stop()
