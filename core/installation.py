"""Files of an installation's folder: `secrets.json`, and `stack.json` with what runs now."""

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

# What `manage.py seed_demo` prints once demo.json has logins and a key; `up` waits for it.
LOGINS_ARE_READY = "Demo: the logins are ready."
SECRETS = (
    "postgres_superuser",
    "parley_owner",
    "parley_app",
    "parley_across",
    "parley_system",
    "parley_worker",
    "valkey",
    "secret_key",
    "app_secret",
    "verify_token",
    "encryption_key",
    "backup_key",
    "metrics_token",
)


def known_secrets(root: Path) -> dict[str, str]:
    """The secrets in `secrets.json`; empty when there are none yet."""
    return read_json(root / "secrets.json")


def kept_secrets(root: Path) -> dict[str, str]:
    """All secrets of this installation; missing ones are generated and stored in `secrets.json`."""
    known = known_secrets(root)
    missing = [name for name in SECRETS if not known.get(name)]
    if missing:
        root.mkdir(parents=True, exist_ok=True)
        known |= {name: new_secret(name) for name in missing}
        write_private(root / "secrets.json", known)
    return known


def new_secret(name: str) -> str:
    """A random secret: 32 bytes in base64 for the keys that encrypt, else hexadecimal."""
    if name in ("encryption_key", "backup_key"):
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32 if name == "secret_key" else 16)


def running(root: Path) -> dict[str, str]:
    """URLs of the servers that run below this folder now, by variable; empty when none do."""
    known = read_json(root / "stack.json")
    supervisor = known.get("supervisor", {})
    started = supervisor.get("started")
    alive = started and process_start(supervisor["pid"]) == started
    return dict(known.get("urls", {})) if alive else {}


def process_start(pid: int) -> str | None:
    """Start time of a running process as an opaque text; None where it does not run.

    Tells a process from a later one with the same id.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if fields[0] in "ZX" else fields[19]
        return None
    with contextlib.suppress(OSError):
        # Found by PATH on purpose.
        found = subprocess.run(  # nosec B607
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True
        )
        return found.stdout.strip() or None
    return None


def write_private(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file atomically, readable by its owner only."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where the file is missing or invalid."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
