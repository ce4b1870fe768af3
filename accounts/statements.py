"""SQL that lives in files: `sql/<verb>.sql`, one set-based statement each, read once."""

from functools import cache
from pathlib import Path

from django.db import migrations

HOUSE = Path(__file__).resolve().parent.parent


@cache
def statement(app: str, verb: str) -> str:
    """Text of `<app>/sql/<verb>.sql`."""
    return (HOUSE / app / "sql" / f"{verb}.sql").read_text(encoding="utf-8")


def run_file(app: str, verb: str, reverse: str = "") -> migrations.RunSQL:
    """Give a migration the operation that runs `<app>/sql/<verb>.sql` as the owner."""
    return migrations.RunSQL(sql=statement(app, verb), reverse_sql=reverse or migrations.RunSQL.noop)
