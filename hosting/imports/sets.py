"""A set of past messages, written into threads by three statements."""

from typing import Any

from django.db import connection

from core.sql import statement
from hosting.imports.formats.rows import COLUMNS
from hosting.models import ChatImport

Rows = list[tuple[Any, ...]]
# Ids of what is older than all that is hosted, and of what happens now.
PAST, PRESENT = "hosting_imported_message_id", "hosting_message_id_seq"


def write_set(job: ChatImport, text: str, *, ids: str = PAST) -> tuple[Rows, Rows, Rows]:
    """Write the rows of a set (`copy_line`) as messages of an import.

    Returns the contacts made, the conversations made, and what `write_history.sql` says of each
    conversation. Call under `lock_identities`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS history_set ({COLUMNS}) ON COMMIT DELETE ROWS"
        )
        cursor.execute("DELETE FROM history_set")
        with cursor.cursor.copy("COPY history_set FROM STDIN") as copy:
            copy.write(text)
        people = _run(cursor, "open_history", business_id=job.business_id)
        threads = _run(cursor, "open_history_threads", business_id=job.business_id)
        written = _run(
            cursor, "write_history", business_id=job.business_id, import_id=job.pk, ids=ids
        )
        if written:
            found, _, _, _, earliest, latest, previews = map(list, zip(*written, strict=True))
            cursor.execute(
                statement("hosting", "show_history"),
                {
                    "business_id": job.business_id,
                    "ids": found,
                    "earliest": earliest,
                    "latest": latest,
                    "previews": previews,
                },
            )
    return people, threads, written


def _run(cursor: Any, verb: str, **values: Any) -> Rows:
    cursor.execute(statement("hosting", verb), values)
    rows: Rows = cursor.fetchall()
    return rows
