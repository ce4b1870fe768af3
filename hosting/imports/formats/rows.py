"""Rows of imported messages in the format of PostgreSQL's COPY."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

COLUMNS = (
    "n int, number_id bigint, wa_id text, user_id text, name text, wamid text, direction text, "
    "kind text, text text, "
    "content jsonb, context_wamid text, tracker text, category text, window_open boolean, "
    "free_entry_at timestamptz, "
    "template_id bigint, author_id bigint, status text, errors jsonb, created_at timestamptz, "
    "sent_at timestamptz, "
    "delivered_at timestamptz, read_at timestamptz, failed_at timestamptz, edited_at timestamptz, "
    "revoked_at timestamptz"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class AttachedFile(NamedTuple):
    """The file of a message: its archive entry, its name, and the MIME type claimed."""

    wamid: str
    entry: str
    filename: str
    mime_type: str


class Batch(NamedTuple):
    """Rows of messages to write, their files, and the position after them."""

    text: str
    size: int
    files: Sequence[AttachedFile]
    position: dict[str, Any]


def copy_line(*cells: object) -> str:
    """Return one row in COPY's text format; None is NULL."""
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
    """Return a text escaped for COPY."""
    if "\\" in text or "\n" in text or "\r" in text or "\t" in text:
        return text.translate(_ESCAPES)
    return text


def imported_wamid(key: str) -> str:
    """Return a message id that is equal for the same message in every export of a chat."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=18).digest()
    return "wamid.imported_" + urlsafe_b64encode(digest).decode()
