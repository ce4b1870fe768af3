"""A set of past messages, written into threads by three statements."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from core.sql import statement
from hosting.imports.formats.rows import COLUMNS
from hosting.models import ChatImport

Rows = list[tuple[Any, ...]]
# Ids of what is older than all that is hosted, and of what happens now.
PAST, PRESENT = "hosting_imported_message_id", "hosting_message_id_seq"


class Written(NamedTuple):
    """What `write_history` wrote into one conversation: how many messages, their first and last id,
    their earliest and latest moment, and the text that lists show.
    """

    conversation_id: int
    added: int
    first_id: int
    last_id: int
    earliest: datetime
    latest: datetime
    preview: str


def write_set(job: ChatImport, text: str, *, ids: str = PAST) -> tuple[Rows, Rows, list[Written]]:
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
        wrote = _run(
            cursor, "write_history", business_id=job.business_id, import_id=job.pk, ids=ids
        )
        written = [Written(*row) for row in wrote]
        if written:
            _show(cursor, job, written)
    return people, threads, written


def _show(cursor: Any, job: ChatImport, written: list[Written]) -> None:
    """Let the conversations show what was written into them."""
    values = {
        "business_id": job.business_id,
        "ids": [one.conversation_id for one in written],
        "earliest": [one.earliest for one in written],
        "latest": [one.latest for one in written],
        "previews": [one.preview for one in written],
    }
    cursor.execute(statement("hosting", "show_history"), values)


def _run(cursor: Any, verb: str, **values: Any) -> Rows:
    cursor.execute(statement("hosting", verb), values)
    rows: Rows = cursor.fetchall()
    return rows
