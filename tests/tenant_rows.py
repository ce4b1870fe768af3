"""All that a business has in the database, to compare before and after what another one does."""

from django.db import connection
from psycopg import sql

from core.tenancy import system
from hosting.models import Account

# Tables whose rows belong to an account or a message rather than naming a business.
BY_ACCOUNT = ("hosting_event",)
TABLES = """
    SELECT c.relname, a.attname
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
       AND a.attname = CASE c.relname WHEN 'accounts_business' THEN 'id' ELSE 'business_id' END
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1"""


def rows_of(business_id: int) -> dict[str, list[str]]:
    """Return every row of a business as PostgreSQL writes it, by table; tables from the catalog."""
    found: dict[str, list[str]] = {}
    with system("test"), connection.cursor() as cursor:
        cursor.execute(TABLES)
        for table, column in cursor.fetchall():
            found[table] = _rows(table, column, [business_id])
        accounts = list(Account.objects.filter(business=business_id).values_list("pk", flat=True))
        for table in BY_ACCOUNT:
            found[table] = _rows(table, "account_id", accounts)
    return found


def _rows(table: str, column: str, values: list[int]) -> list[str]:
    with connection.cursor() as cursor:
        query = sql.SQL("SELECT t::text FROM {table} t WHERE {column} = ANY (%s) ORDER BY 1")
        cursor.execute(
            query.format(table=sql.Identifier(table), column=sql.Identifier(column)), [values]
        )
        return [row[0] for row in cursor.fetchall()]


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the rows that are not the same, by table."""
    return {
        table: sorted(set(rows) ^ set(after[table]))
        for table, rows in before.items()
        if rows != after[table]
    }
