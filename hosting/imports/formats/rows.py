"""Past messages on their way into the database: one row's fields, and rows as PostgreSQL's COPY reads them."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

COLUMNS = (
    "n int, number_id bigint, wa_id text, user_id text, name text, wamid text, direction text, kind text, text text, "
    "content jsonb, context_wamid text, tracker text, category text, window_open boolean, free_entry_at timestamptz, "
    "template_id bigint, author_id bigint, status text, errors jsonb, created_at timestamptz, sent_at timestamptz, "
    "delivered_at timestamptz, read_at timestamptz, failed_at timestamptz, edited_at timestamptz, revoked_at timestamptz"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class Attached(NamedTuple):
    """The file of a message: its name in the archive and for the reader, and what its writer says it is."""

    wamid: str
    entry: str
    filename: str
    mime_type: str


class Batch(NamedTuple):
    """A set of messages ready to be written, their files, and where the next set begins."""

    text: str
    size: int
    files: Sequence[Attached]
    position: dict[str, Any]


def copy_line(*cells: object) -> str:
    """One row in COPY's text format; None is NULL, moments are ISO texts."""
    return "\t".join(map(_cell, cells)) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return ("t" if value else "f") if isinstance(value, bool) else str(value)


def escaped(text: str) -> str:
    """A text as COPY reads it."""
    if "\\" in text or "\n" in text or "\r" in text or "\t" in text:
        return text.translate(_ESCAPES)
    return text


def imported_wamid(key: str) -> str:
    """The same id for the same message of the same chat, whichever export it comes from."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=18).digest()
    return "wamid.imported_" + urlsafe_b64encode(digest).decode()
