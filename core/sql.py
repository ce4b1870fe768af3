"""SQL statements in files, `<app>/sql/<name>.sql`: one statement each, read once."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


@cache
def statement(app: str, verb: str) -> str:
    """Text of `<app>/sql/<verb>.sql`."""
    return (ROOT / app / "sql" / f"{verb}.sql").read_text(encoding="utf-8")


def fetch_prepared(
    query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> tuple[Any, ...] | None:
    """First row of a query that is planned once per connection; None where it has no row.

    For statements that run often and take longer to plan than to execute. Raises Django's
    database errors.
    """
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, prepare=True).fetchone()


def execute_prepared(query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """Execute a statement that is planned once per connection; returns how many rows it touched.

    Raises Django's database errors.
    """
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return int(cursor.execute(query, parameters, prepare=True).rowcount)


def select(app: str, verb: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of `<app>/sql/<verb>.sql`, each as a dictionary by column name.

    Raises Django's database errors.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement(app, verb), parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
