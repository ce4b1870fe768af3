"""Loaded by `-p` before pytest-django reads the settings: throw-away servers for the run, shared by xdist workers."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from stack.servers import Servers, Settings, StackError

_kept: dict[str, Any] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any, parser: Any, args: list[str]) -> None:
    """Start the servers, unless the environment names some or nothing will run."""
    if os.environ.get("PYTEST_XDIST_WORKER") or {"--help", "-h", "--version", "--fixtures"} & set(args):
        return
    folder = Path(tempfile.mkdtemp(prefix="parley-test-"))
    folder.chmod(0o755)
    os.environ.setdefault("PARLEY_VAR", str(folder))
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    _kept["folder"] = folder
    wants = {name: not os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")}
    if any(wants.values()):
        try:
            _kept["servers"] = servers = Servers(
                Settings(folder, durable=False), postgres=wants["DATABASE_URL"], valkey=wants["REDIS_URL"]
            ).start()
        except StackError as error:
            raise pytest.UsageError(f"no test servers: {error}") from None
        os.environ.update(servers.environment)


def pytest_unconfigure(config: Any) -> None:
    """Stop what was started."""
    if servers := _kept.pop("servers", None):
        servers.stop()
    if folder := _kept.pop("folder", None):
        shutil.rmtree(folder, ignore_errors=True)
