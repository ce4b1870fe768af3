"""SQL that lives in files: `sql/<verb>.sql`, one set-based statement each, read once."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

HOUSE = Path(__file__).resolve().parent.parent


@cache
def statement(app: str, verb: str) -> str:
    """Text of `<app>/sql/<verb>.sql`."""
    return (HOUSE / app / "sql" / f"{verb}.sql").read_text(encoding="utf-8")


def fetch_prepared(
    query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> tuple[Any, ...] | None:
    """First row of a query that is planned once per connection instead of at every call.

    For statements that run often and are planned longer than they work. Raises Django's database errors.
    """
    rows = fetch_all_prepared(query, parameters)
    return rows[0] if rows else None


def fetch_all_prepared(
    query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a query that is planned once per connection; see `fetch_prepared`."""
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, prepare=True).fetchall()
