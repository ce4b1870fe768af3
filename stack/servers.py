"""Embedded PostgreSQL and Valkey: real servers on loopback, with data below one folder, that end when we end."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from core.installation import (
    kept_secrets,
    known_secrets,
    process_start,
    read_json,
    running,
    write_private,
)
from core.programs import ProgramMissing, postgres_bin
from stack import placing
from stack.lock import StackError, only_one
from stack.postgres import Postgres
from stack.supervised import Supervised, end_all
from stack.valkey import Valkey


@dataclass(frozen=True)
class Settings:
    """How the servers run; `durable` off is for throw-away test databases only."""

    root: Path
    durable: bool = True
    max_connections: int = 120
    # The folder with PostgreSQL's programs; empty: they are looked for.
    postgres_bin: str = ""


class Servers:
    """One PostgreSQL and one Valkey; either is left out when the environment names another."""

    def __init__(self, settings: Settings, *, postgres: bool = True, valkey: bool = True) -> None:
        self.settings, self.root = settings, settings.root.resolve()
        self.wants_postgres, self.wants_valkey = postgres, valkey
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.environment: dict[str, str] = {}
        self.note = ""
        self._held = ExitStack()
        self._others: dict[str, Supervised] = {}
        self._remembered = False

    def start(self) -> "Servers":
        """Start what is wanted, wait until it answers, and fill `environment`."""
        try:
            self._start()
        except ProgramMissing as error:
            self.stop()
            raise StackError(str(error)) from None
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        _make_root(self.root)
        self._held.enter_context(only_one(self.root))
        remembered = read_json(self.root / "stack.json")
        end_all(remembered.get("processes", {}))
        ports = remembered.get("ports", {})
        if self.wants_postgres:
            self._place_postgres(ports.get("postgres"))
        if self.wants_valkey:
            self.valkey = Valkey(
                self.root,
                kept_secrets(self.root)["valkey"],
                ports.get("valkey"),
                self.settings.durable,
            )
            self.valkey.start()
            self.environment["REDIS_URL"] = self.valkey.url
        if self.postgres:
            self.postgres.await_ready()
            self.environment |= self.postgres.bootstrap()
        if self.valkey:
            self.valkey.await_ready()
        kept_secrets(self.root)
        self.remember()

    def _place_postgres(self, port: int | None) -> None:
        place = placing.place(self.root, postgres_bin(self.settings.postgres_bin))
        self.note = place.note
        if (place.data / "PG_VERSION").exists() and not known_secrets(self.root).get(
            "postgres_superuser"
        ):
            raise StackError(
                f"{self.root / 'secrets.json'} is missing, but {place.data} holds a database whose passwords and "
                "encryption keys were in it. Put it back, or start anew with `make clean`."
            )
        self.postgres = Postgres(
            place,
            self.root / "log",
            kept_secrets(self.root),
            port,
            self.settings.durable,
            self.settings.max_connections,
        )
        self.postgres.start()

    @property
    def processes(self) -> dict[str, Supervised]:
        """The running servers by name."""
        return {
            server.process.name: server.process for server in (self.postgres, self.valkey) if server
        }

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by server."""
        return {name: process.pid for name, process in self.processes.items()}

    @property
    def _ports(self) -> dict[str, int]:
        return {
            server.process.name: server.port for server in (self.postgres, self.valkey) if server
        }

    def url(self, role: str, database: str) -> str:
        """A connection URL for one of our roles."""
        assert self.postgres, "PostgreSQL is not ours"
        return self.postgres.url(role, database)

    def tend(self, say: Callable[[str], None]) -> None:
        """Start again, on its old port, a server that has ended."""
        if [name for name, process in self.processes.items() if process.tend(say)]:
            self.remember()

    def remember(self, **others: Supervised) -> None:
        """Write `stack.json`: where the servers are, and what to end if we are killed; `others` end with them."""
        self._remembered = True
        self._others |= others
        processes = {**self.processes, **self._others}
        write_private(
            self.root / "stack.json",
            {
                "urls": self.environment,
                "pids": self.pids,
                "ports": self._ports,
                "processes": {
                    name: process.mark for name, process in processes.items() if process.alive
                },
                "supervisor": {"pid": os.getpid(), "started": process_start(os.getpid())},
            },
        )

    def stop(self) -> None:
        """Stop Valkey, then PostgreSQL by a fast shutdown."""
        for server in (self.valkey, self.postgres):
            if server:
                server.process.stop()
                server.process.await_end()
        if self._remembered:
            # Ports are all that the next start wants to know.
            write_private(self.root / "stack.json", {"ports": self._ports})
            self._remembered = False
        self._held.close()

    def remove(self) -> None:
        """Remove all data; for throw-away servers."""
        placing.forget(self.root)

    def __enter__(self) -> "Servers":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _make_root(root: Path) -> None:
    if not root.exists():
        root.mkdir(parents=True)
        # Passable, so that PostgreSQL can reach its data when we are root; secrets in it are 0600 each.
        root.chmod(0o755)


def await_running(root: Path, seconds: float = 60) -> dict[str, str]:
    """URLs of servers that another process is just starting; nothing when they do not come."""
    deadline = time.monotonic() + seconds
    while not (urls := running(root)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return urls
