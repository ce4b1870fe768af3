"""Test databases: migrated once per run, cloned per worker, reset after tests that commit."""

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

URLS = ("DATABASE_URL", "DATABASE_WORKER_URL", "DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL")
MIGRATING = 7_290_001  # the advisory lock that lets one worker migrate while the others wait
BIG = 8_000_000  # bytes; below, DELETE is faster than TRUNCATE

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
SEQUENCES = (
    "SELECT sequencename, start_value, last_value FROM pg_sequences WHERE schemaname = 'public'"
)
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def with_database(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def admin(database: str) -> "psycopg.Connection[Any]":
    """A connection that may do everything."""
    return psycopg.connect(
        with_database(os.environ["DATABASE_SUPERUSER_URL"], database), autocommit=True
    )


def make_pristine() -> str:
    """The run's migrated database, made by the worker that comes first."""
    name = f"pristine_{os.environ['PARLEY_TEST_RUN']}"
    with admin("postgres") as server:
        server.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        if (
            server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            is None
        ):
            _migrate(server, name)
    return name


def _migrate(server: "psycopg.Connection[Any]", name: str) -> None:
    owner = urlsplit(os.environ["DATABASE_OWNER_URL"]).username or "parley_owner"
    unfinished = f"unfinished_{name}"
    server.execute(
        sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(unfinished), sql.Identifier(owner)
        )
    )
    point_at(unfinished)
    call_command("migrate", verbosity=0)
    # Nothing is issued for a seller without an address.
    with admin(unfinished) as database:
        database.execute("UPDATE billing_seller SET address = '1 Main Street, Springfield'")
    connections.close_all()
    server.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
            sql.Identifier(unfinished), sql.Identifier(name)
        )
    )


def clone(source: str, target: str) -> None:
    """Make `target` anew, as a copy of `source`."""
    with admin("postgres") as server:
        server.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target))
        )
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(target), sql.Identifier(source)
            )
        )


def drop(name: str) -> None:
    """Remove a database and whoever is connected to it."""
    with admin("postgres") as server:
        server.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def point_at(database: str) -> None:
    """Let Django, and processes that a test starts, use this database."""
    connections.close_all()
    for alias in ("default", "owner"):
        connections[alias].settings_dict["NAME"] = database
        settings.DATABASES[alias]["NAME"] = database
    for variable in filter(os.environ.get, URLS):
        os.environ[variable] = with_database(os.environ[variable], database)


@dataclass(frozen=True)
class Snapshot:
    """The content of a database after its migrations: restoring it is faster than a new clone."""

    pristine: str
    name: str
    seeded: dict[str, bytes]
    sequences: list[tuple[str, int, int | None]]

    @classmethod
    def taken(cls, pristine: str, name: str) -> "Snapshot":
        """Look at what the migrations wrote."""
        with admin(name) as database:
            seeded = {table: _copied_out(database, table) for table in _filled(database)}
            return cls(pristine, name, seeded, database.execute(SEQUENCES).fetchall())

    def put_back(self) -> None:
        """Undo all that a test has committed."""
        # They would be ended below, and the next test would find a dead one.
        connections.close_all()
        try:
            with admin(self.name) as database:
                database.execute(f"SELECT pg_terminate_backend(pid, 5000) {OTHERS}")
                # Without triggers and foreign keys: append-only tables too, in any order.
                database.execute("SET session_replication_role = replica")
                with database.transaction():
                    self._empty(database)
                    self._fill(database)
        except psycopg.Error:
            # Somebody else's server, where we are no superuser, or a test that changed tables.
            clone(self.pristine, self.name)

    def _empty(self, database: "psycopg.Connection[Any]") -> None:
        for table in _filled(database):
            if table in self.seeded and _copied_out(database, table) == self.seeded[table]:
                continue
            size = database.execute(
                "SELECT pg_relation_size(%s::regclass)", [f'"{table}"']
            ).fetchone()
            verb = "TRUNCATE" if size and size[0] > BIG else "DELETE FROM"
            database.execute(sql.SQL("{} {}").format(sql.SQL(verb), sql.Identifier(table)))

    def _fill(self, database: "psycopg.Connection[Any]") -> None:
        filled = set(_filled(database))
        for table, rows in self.seeded.items():
            if table not in filled:
                with database.cursor().copy(
                    sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                ) as copy:
                    copy.write(rows)
        values = [
            (f'"{name}"', last or start, last is not None) for name, start, last in self.sequences
        ]
        database.cursor().executemany("SELECT setval(%s::regclass, %s, %s)", values)


def _filled(database: "psycopg.Connection[Any]") -> list[str]:
    names = [name for (name,) in database.execute(TABLES)]
    asked = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(
            sql.Literal(name), sql.Identifier(name)
        )
        for name in names
    ]
    return [name for (name,) in database.execute(sql.SQL(" UNION ALL ").join(asked))]


def _copied_out(database: "psycopg.Connection[Any]", table: str) -> bytes:
    with database.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)
