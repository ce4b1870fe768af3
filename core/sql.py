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
