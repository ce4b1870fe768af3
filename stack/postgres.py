"""The embedded PostgreSQL: created at the first start, with its roles and own passwords."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack.location import Location
from stack.lock import StackError
from stack.machine import free_port, port_is_free
from stack.process import SupervisedProcess

if TYPE_CHECKING:
    import psycopg

START_SECONDS = 120  # after a crash it replays its log first
DATABASE = "parley"
ROLES = {
    "parley_owner": "LOGIN CREATEROLE NOSUPERUSER",
    "parley_app": "LOGIN NOINHERIT NOSUPERUSER",
    "parley_worker": "LOGIN NOINHERIT NOSUPERUSER",
    "parley_across": "NOLOGIN NOINHERIT NOSUPERUSER",
    "parley_system": "NOLOGIN NOINHERIT NOSUPERUSER",
}
# Roles that a login takes for a transaction.
TAKEN = ("parley_app", "parley_across", "parley_system")
ENVIRONMENT = {"LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8", "TZ": "UTC"}
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    # pglz takes a fifth of a write's processor time; this build has no lz4.
    "wal_compression": "off",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A name, no secret.
    "password_encryption": "scram-sha-256",  # nosec B105
    # What rows and statements hold stays out of the log: no details, no parameters, no statements.
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """A PostgreSQL server on loopback; every login needs a password."""

    def __init__(
        self,
        location: Location,
        logs: Path,
        secrets: dict[str, str],
        port: int | None,
        durable: bool,
        max_connections: int,
    ) -> None:
        self.location, self.secrets, self.is_durable = location, secrets, durable
        self.port = port if port and port_is_free(port) else free_port()
        options = (
            OPTIONS | {"max_connections": str(max_connections)} | ({} if durable else NOT_DURABLE)
        )
        command = [str(location.bin / "postgres"), "-D", str(location.data), "-p", str(self.port)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is its fast shutdown; SIGTERM would wait until all clients have disconnected.
        self.process = SupervisedProcess(
            "postgres",
            command,
            logs / "postgres.log",
            environment=ENVIRONMENT,
            limits=location.limits,
            end_signal=signal.SIGINT,
            patience=20,
        )

    def start(self) -> None:
        """Start the server; creates its data folder first where there is none."""
        if not (self.location.data / "PG_VERSION").exists():
            self._create_data_folder()
        self.process.start()

    def _create_data_folder(self) -> None:
        # Created beside and then renamed: a start that is killed leaves no incomplete database.
        fresh = self.location.data.with_name("pg.new")
        shutil.rmtree(fresh, ignore_errors=True)
        self.location.make_folder(fresh)
        password_file = fresh.with_name(f".superuser-{os.getpid()}")
        handle = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.secrets["postgres_superuser"])
        self.location.change_owner(password_file)
        try:
            self._initdb(fresh, password_file)
        finally:
            password_file.unlink()
        fresh.rename(self.location.data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        command = [
            self.location.bin / "initdb",
            "-D",
            folder,
            "-U",
            "postgres",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
        ]
        made = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, **ENVIRONMENT},
            errors="replace",
            **self.location.limits,
        )
        if made.returncode:
            raise StackError(f"initdb failed: {made.stderr.strip()[-300:]}")

    def url(self, role: str, database: str) -> str:
        """The connection URL of a role."""
        password = self.secrets["postgres_superuser" if role == "postgres" else role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def await_ready(self) -> None:
        """Wait until the server answers; raises StackError."""
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
                        f"PostgreSQL did not start: {self.process.last_error}"
                    ) from None
                if time.monotonic() > deadline:
                    raise StackError(f"PostgreSQL does not answer: {error}") from None
                time.sleep(0.03)

    def bootstrap(self) -> dict[str, str]:
        """Create missing roles and the database; returns URLs by environment variable."""
        with contextlib.closing(self._connected()) as admin:
            for role, options in ROLES.items():
                _make_role(admin, role, options, self.secrets[role])
            admin.execute("REVOKE parley_system FROM parley_app")
            admin.execute(f"GRANT {', '.join(TAKEN)} TO parley_owner WITH ADMIN OPTION")
            admin.execute(f"GRANT {', '.join(TAKEN)} TO parley_worker WITH INHERIT FALSE, SET TRUE")
            admin.execute("GRANT parley_across TO parley_app WITH INHERIT FALSE, SET TRUE")
            # Texts of statements contain values: one session of the web must not read another's.
            # Servers of tests, which wait for what others run, show them.
            shown = "off" if self.is_durable else "on"
            admin.execute(f"ALTER ROLE parley_app SET track_activities = {shown}")
            if (
                admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                is None
            ):
                admin.execute(f"CREATE DATABASE {DATABASE} OWNER parley_owner")
        return {
            "DATABASE_URL": self.url("parley_app", DATABASE),
            "DATABASE_WORKER_URL": self.url("parley_worker", DATABASE),
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
        sql.Literal(password),
    )
    admin.execute(statement)
