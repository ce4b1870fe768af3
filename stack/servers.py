"""Embedded PostgreSQL and Valkey: servers on loopback that end with this process."""

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
from stack import location
from stack.lock import StackError, only_one
from stack.postgres import Postgres
from stack.process import SupervisedProcess, end_all
from stack.valkey import Valkey


@dataclass(frozen=True)
class Settings:
    """Settings of the servers; `durable=False` is for temporary test databases only."""

    root: Path
    durable: bool = True
    max_connections: int = 120
    # The folder with PostgreSQL's programs; empty: they are searched for.
    postgres_bin: str = ""


class Servers:
    """One PostgreSQL and one Valkey, each only where the environment names no other."""

    def __init__(self, settings: Settings, *, postgres: bool = True, valkey: bool = True) -> None:
        self.settings, self.root = settings, settings.root.resolve()
        self.wants_postgres, self.wants_valkey = postgres, valkey
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.environment: dict[str, str] = {}
        self.note = ""
        self._held = ExitStack()
        self._others: dict[str, SupervisedProcess] = {}
        self._is_recorded = False

    def start(self) -> "Servers":
        """Start the servers, wait until they answer, and fill `environment` with their URLs."""
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
        recorded = read_json(self.root / "stack.json")
        end_all(recorded.get("processes", {}))
        ports = recorded.get("ports", {})
        if self.wants_postgres:
            self._start_postgres(ports.get("postgres"))
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
        self.record()

    def _start_postgres(self, port: int | None) -> None:
        located = location.locate(self.root, postgres_bin(self.settings.postgres_bin))
        self.note = located.note
        if (located.data / "PG_VERSION").exists() and not known_secrets(self.root).get(
            "postgres_superuser"
        ):
            raise StackError(
                f"{self.root / 'secrets.json'} is missing, but {located.data} is a database whose"
                " passwords and encryption keys were in it. Put it back, or start anew with"
                " `make clean`."
            )
        self.postgres = Postgres(
            located,
            self.root / "log",
            kept_secrets(self.root),
            port,
            self.settings.durable,
            self.settings.max_connections,
        )
        self.postgres.start()

    @property
    def processes(self) -> dict[str, SupervisedProcess]:
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
        """The connection URL of a role."""
        assert self.postgres, "PostgreSQL is not ours"
        return self.postgres.url(role, database)

    def restart_ended(self, say: Callable[[str], None]) -> None:
        """Restart servers that have ended, on their old ports."""
        if [name for name, process in self.processes.items() if process.restart_if_ended(say)]:
            self.record()

    def record(self, **others: SupervisedProcess) -> None:
        """Write `stack.json`: URLs of the servers, and the processes to end where we are killed.

        `others` are further processes to end with them.
        """
        self._is_recorded = True
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
        if self._is_recorded:
            # The next start needs the ports only.
            write_private(self.root / "stack.json", {"ports": self._ports})
            self._is_recorded = False
        self._held.close()

    def remove(self) -> None:
        """Remove data outside of the folder; for temporary servers."""
        location.remove_outside(self.root)

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
    root.mkdir(parents=True, exist_ok=True)
    # Where we are root, the user that runs PostgreSQL passes through, and cannot list it.
    root.chmod(0o711 if os.geteuid() == 0 else 0o700)
    logs = root / "log"
    logs.mkdir(exist_ok=True)
    logs.chmod(0o700)
    for log in logs.glob("*.log*"):
        log.chmod(0o600)


def await_running(root: Path, seconds: float = 60) -> dict[str, str]:
    """URLs of servers that another process is starting; empty where they do not start in time."""
    deadline = time.monotonic() + seconds
    while not (urls := running(root)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return urls
