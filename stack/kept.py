"""What an installation keeps in its `var` folder: secrets, what ran last, and the lock of whoever runs now."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECRETS = (
    "postgres_superuser", "parley_owner", "parley_app", "parley_system", "valkey",
    "secret_key", "app_secret", "verify_token", "encryption_key",
)  # fmt: skip


class StackError(Exception):
    """Something that the person at the console can mend; shown as one line."""


class AlreadyRunning(StackError):
    """Another process of this installation runs the servers."""


def known_secrets(root: Path) -> dict[str, str]:
    """The secrets in `secrets.json`; empty when there are none yet."""
    return read_json(root / "secrets.json")


def kept_secrets(root: Path) -> dict[str, str]:
    """The secrets of this installation, made when first asked for and kept in `secrets.json` (0600)."""
    known = known_secrets(root)
    missing = [name for name in SECRETS if not known.get(name)]
    if missing:
        root.mkdir(parents=True, exist_ok=True)
        known |= {name: new_secret(name) for name in missing}
        write_private(root / "secrets.json", known)
    return known


def new_secret(name: str) -> str:
    """A random text that fits the use: a Fernet key for `encryption_key`, else hexadecimal."""
    if name == "encryption_key":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32 if name == "secret_key" else 16)


def write_private(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that only its owner may read; a reader sees the old or the new file, never half of one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when it is missing or broken."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the folder for this process; raises AlreadyRunning. The kernel lets go of it however we end."""
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
