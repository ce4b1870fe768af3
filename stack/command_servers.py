"""Servers for one command: those of the environment, running ones, or our own until it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.environment import chosen_postgres, var_folder
from config.variables import given
from core.installation import running
from stack.lock import AlreadyRunning, StackError
from stack.servers import Servers, Settings, await_running


@contextmanager
def servers() -> Iterator[None]:
    """Start the servers that neither the environment nor a running stack offers, and stop them."""
    needed = {name for name in ("DATABASE_URL", "REDIS_URL") if not given(name)}
    if needed <= set(running(var_folder())):
        yield
        return
    own = Servers(
        Settings(var_folder(), postgres_bin=chosen_postgres()),
        postgres="DATABASE_URL" in needed,
        valkey="REDIS_URL" in needed,
    )
    try:
        os.environ.update(own.start().environment)
    except AlreadyRunning as error:
        # Another process is starting them at this moment.
        if not needed <= set(await_running(var_folder())):
            sys.exit(f"parley: {error} It does not offer {' and '.join(sorted(needed))}.")
    except StackError as error:
        sys.exit(f"parley: {error}")
    try:
        yield
    finally:
        own.stop()
