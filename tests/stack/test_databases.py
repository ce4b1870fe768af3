"""Test databases are as good as new after a test that commits, without being made anew."""

import os

import psycopg
import pytest
from psycopg import sql

from tests import databases

pytestmark = pytest.mark.usefixtures("django_db_setup")


def contents(name: str) -> dict[str, bytes]:
    with databases.admin(name) as database:
        return {
            table: databases._copied_out(database, table) for table in databases._filled(database)
        }


def identity(name: str) -> object:
    with databases.admin("postgres") as server:
        return server.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()


def test_all_that_was_committed_is_undone(database_snapshot: databases.Snapshot) -> None:
    before, same = contents(database_snapshot.name), identity(database_snapshot.name)
    assert {"accounts_plan", "billing_ratecard", "django_migrations"} <= set(before)
    with databases.admin(database_snapshot.name) as database:
        database.execute("SET session_replication_role = replica")
        database.execute("UPDATE accounts_plan SET name = 'spoiled'")
        database.execute("DELETE FROM billing_tier")
        database.execute("INSERT INTO django_session VALUES ('k', 'd', now())")
        held = psycopg.connect(os.environ["DATABASE_OWNER_URL"])
        held.execute("LOCK TABLE accounts_plan")
        database_snapshot.put_back()
    assert contents(database_snapshot.name) == before
    # Neither by a new clone, nor was it held up by the connection that a test forgot.
    assert identity(database_snapshot.name) == same
    with pytest.raises(psycopg.OperationalError):
        held.execute("SELECT 1")


def test_sequences_start_where_they_did(database_snapshot: databases.Snapshot) -> None:
    with databases.admin(database_snapshot.name) as database:
        name, start, _ = next(row for row in database_snapshot.sequences if row[2] is None)
        value = sql.SQL("SELECT nextval({})").format(sql.Literal(f'"{name}"'))
        assert database.execute(value).fetchone() == (start,)
        database.execute(value)
    database_snapshot.put_back()
    with databases.admin(database_snapshot.name) as database:
        assert database.execute(value).fetchone() == (start,)
    database_snapshot.put_back()


def test_a_changed_table_means_a_new_clone(database_snapshot: databases.Snapshot) -> None:
    before, same = contents(database_snapshot.name), identity(database_snapshot.name)
    with databases.admin(database_snapshot.name) as database:
        database.execute("DELETE FROM accounts_plan")
        database.execute("ALTER TABLE accounts_plan DROP COLUMN name CASCADE")
    database_snapshot.put_back()
    assert contents(database_snapshot.name) == before
    assert identity(database_snapshot.name) != same
