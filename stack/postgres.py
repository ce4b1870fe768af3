"""The embedded PostgreSQL: made at the first start, with Parley's three roles and passwords of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack.lock import StackError
from stack.machine import free_port, port_is_free
from stack.placing import Place
from stack.supervised import Supervised

if TYPE_CHECKING:
    import psycopg

START_SECONDS = 120  # after a crash it replays its log first
DATABASE = "parley"
ROLES = {
    "parley_owner": "LOGIN CREATEROLE NOSUPERUSER",
    "parley_app": "LOGIN NOINHERIT NOSUPERUSER",
    "parley_system": "NOLOGIN NOINHERIT NOSUPERUSER",
}
ENVIRONMENT = {"LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8", "TZ": "UTC"}
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """A PostgreSQL on loopback; every login needs a password."""

    def __init__(
        self,
        place: Place,
        logs: Path,
        secrets: dict[str, str],
        port: int | None,
        durable: bool,
        max_connections: int,
    ) -> None:
        self.place, self.secrets = place, secrets
        self.port = port if port and port_is_free(port) else free_port()
        options = (
            OPTIONS | {"max_connections": str(max_connections)} | ({} if durable else THROW_AWAY)
        )
        command = [str(place.bin / "postgres"), "-D", str(place.data), "-p", str(self.port)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is its fast shutdown; SIGTERM would wait until every client has gone.
        self.process = Supervised(
            "postgres", command, logs / "postgres.log", environment=ENVIRONMENT, limits=place.limits,
            end_signal=signal.SIGINT, patience=20,
        )  # fmt: skip

    def start(self) -> None:
        """Start it; its files are made first if there are none."""
        if not (self.place.data / "PG_VERSION").exists():
            self._make_files()
        self.process.start()

    def _make_files(self) -> None:
        # Made beside and then renamed: a start that was killed leaves no half-made database.
        fresh = self.place.data.with_name("pg.new")
        shutil.rmtree(fresh, ignore_errors=True)
        self.place.own(fresh)
        password_file = fresh.with_name(f".superuser-{os.getpid()}")
        handle = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.secrets["postgres_superuser"])
        self.place.give(password_file)
        try:
            self._initdb(fresh, password_file)
        finally:
            password_file.unlink()
        fresh.rename(self.place.data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        command = [
            self.place.bin / "initdb", "-D", folder, "-U", "postgres", "--auth=scram-sha-256",
            f"--pwfile={password_file}", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--no-sync",
        ]  # fmt: skip
        made = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, cwd="/",
            env={**os.environ, **ENVIRONMENT}, errors="replace", **self.place.limits,
        )  # fmt: skip
        if made.returncode:
            raise StackError(f"initdb failed: {made.stderr.strip()[-300:]}")

    def url(self, role: str, database: str) -> str:
        """A connection URL for one of our roles."""
        password = self.secrets["postgres_superuser" if role == "postgres" else role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def await_ready(self) -> None:
        """Wait until it answers; raises StackError."""
        self._connected().close()

    def _connected(self) -> "psycopg.Connection[Any]":
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return psycopg.connect(
                    self.url("postgres", "postgres"), autocommit=True, connect_timeout=3
                )
            except psycopg.OperationalError as error:
                if not self.process.alive:
                    raise StackError(
                        f"PostgreSQL did not start: {self.process.last_words}"
                    ) from None
                if time.monotonic() > deadline:
                    raise StackError(f"PostgreSQL does not answer: {error}") from None
                time.sleep(0.03)

    def bootstrap(self) -> dict[str, str]:
        """Make roles and database where missing; returns the URLs as environment variables."""
        with contextlib.closing(self._connected()) as admin:
            for role, options in ROLES.items():
                _make_role(admin, role, options, self.secrets[role])
            admin.execute("GRANT parley_system TO parley_app WITH INHERIT FALSE, SET TRUE")
            admin.execute("GRANT parley_app, parley_system TO parley_owner WITH ADMIN OPTION")
            if (
                admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                is None
            ):
                admin.execute(f"CREATE DATABASE {DATABASE} OWNER parley_owner")
        return {
            "DATABASE_URL": self.url("parley_app", DATABASE),
            "DATABASE_OWNER_URL": self.url("parley_owner", DATABASE),
            "DATABASE_SUPERUSER_URL": self.url("postgres", DATABASE),
        }


def _make_role(admin: "psycopg.Connection[Any]", role: str, options: str, password: str) -> None:
    from psycopg import sql

    known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = "ALTER" if known else "CREATE"
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
        sql.SQL(verb),
        sql.Identifier(role),
        sql.SQL(options),
        sql.Literal(password),  # type: ignore[arg-type]
    )
    admin.execute(statement)
