"""Parley's own files: one record a message, as JSON Lines or CSV, read back unchanged.

A record holds `number` (digits), `contact` (`wa_id`, `user_id`, `name`), `wamid`, `direction`,
`kind`, `text`, `content` (the Cloud API's object, without the id of a file that is in `media`),
`context_wamid`, `tracker`, `category`, `window_open`, `free_entry_at`, `author` (e-mail address),
`status`, `errors`, the times `created_at` to `revoked_at` (ISO 8601, UTC) and `media` (`file`,
`mime_type`, `filename`, `size`, `sha256`; null without files).
"""

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any, cast

import orjson

from core import widths
from core.csv import guarded, plain
from hosting.cloudapi.json import MalformedJson, read_json, storable, too_deep
from hosting.cloudapi.number_forms import one_form
from hosting.imports.formats.errors import BadChatFile
from hosting.imports.formats.text import lines_of

MAX_LINE_BYTES = 4 * 1024 * 1024
PLAIN = (
    "wamid",
    "direction",
    "kind",
    "text",
    "context_wamid",
    "tracker",
    "category",
    "author",
    "status",
)
MOMENTS = (
    "free_entry_at", "created_at", "sent_at", "delivered_at", "read_at", "failed_at", "edited_at",
    "revoked_at",
)  # fmt: skip
JSON = ("content", "errors", "media")
PERSON = {"contact": "wa_id", "contact_user_id": "user_id", "contact_name": "name"}
CSV_COLUMNS = (
    "number", "contact", "contact_user_id", "contact_name", "wamid", "direction", "kind", "text",
    "created_at", "status", "category", "author", "sent_at", "delivered_at", "read_at", "failed_at",
    "edited_at", "revoked_at", "free_entry_at", "window_open", "context_wamid", "tracker",
    "content", "errors", "media",
)  # fmt: skip
# The quote is included so that all cells can be read back.
LENGTHS = {
    "wamid": 256,
    "kind": 20,
    "text": 262_144,
    "context_wamid": 256,
    "tracker": 512,
    "author": 254,
    "wa_id": widths.PERSON_ID,
    "user_id": widths.PERSON_ID,
    "name": widths.PERSON_NAME,
    "number": 15,
}
DIRECTIONS = ("in", "out")
STATUSES = {"in": ("received",), "out": ("accepted", "sent", "failed", "delivered", "read")}
CATEGORIES = {"in": ("",), "out": ("marketing", "utility", "authentication", "service")}
csv.field_size_limit(MAX_LINE_BYTES)


def jsonl_line(record: dict[str, Any]) -> bytes:
    """Return a record as a line of JSON."""
    return orjson.dumps(record) + b"\n"


def csv_lines(rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> bytes:
    """Return rows as CSV (RFC 4180, UTF-8)."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def csv_row(record: dict[str, Any]) -> tuple[str, ...]:
    """Return a record's cells in the order of CSV_COLUMNS."""
    cells = {column: guarded(record["contact"][name]) for column, name in PERSON.items()}
    cells |= {name: guarded(record[name]) for name in PLAIN}
    cells |= {name: _iso(record[name]) for name in MOMENTS}
    cells |= {name: guarded("" if record[name] is None else _dumped(record[name])) for name in JSON}
    cells |= {
        "number": record["number"],
        "window_open": "true" if record["window_open"] else "false",
    }
    return tuple(cells[column] for column in CSV_COLUMNS)


def _iso(at: datetime | None) -> str:
    return orjson.dumps(at).decode().strip('"') if at else ""


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def from_jsonl(
    stream: IO[bytes], *, offset: int = 0, line: int = 1
) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Yield checked records from an offset on, each with the next byte offset and line number."""
    place = offset
    for number, raw in enumerate(lines_of(stream, MAX_LINE_BYTES), line):
        place += len(raw)
        if raw.strip():
            try:
                found = read_json(raw)
            except MalformedJson as error:
                raise BadChatFile(f"Line {number:,} is no JSON: {error}") from None
            yield checked(found, number), place, number + 1


def from_csv(
    stream: IO[bytes], *, offset: int = 0, line: int = 1
) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Yield checked CSV records from an offset on; the first line names the columns."""
    stream.seek(0)
    feed = _LineFeed(stream)
    try:
        columns = next(csv.reader(feed), [])
    except csv.Error as error:
        raise BadChatFile(f"The first line is no CSV: {error}.") from None
    if missing := set(CSV_COLUMNS) - {column.lstrip("\ufeff") for column in columns}:
        raise BadChatFile(f"The columns {', '.join(sorted(missing))} are missing.")
    columns = [column.lstrip("\ufeff") for column in columns]
    if offset:
        stream.seek(offset)
        feed.place, feed.line = offset, line - 1
    rows = csv.reader(feed, strict=True)
    for _ in itertools.count():
        at = feed.line + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise BadChatFile(f"Line {at:,} is no CSV: {error}.") from None
        if cells is None:
            return
        if cells:
            yield (
                checked(_from_cells(dict(zip(columns, cells, strict=False)), at), at),
                feed.place,
                feed.line + 1,
            )


class _LineFeed:
    """Lines for `csv`, with the position reached."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines = lines_of(stream, MAX_LINE_BYTES)
        self.place = self.line = 0

    def __iter__(self) -> "_LineFeed":
        return self

    def __next__(self) -> str:
        raw = next(self.lines)
        self.place += len(raw)
        self.line += 1
        return raw.decode("utf-8", "replace")


def _from_cells(cells: dict[str, str], line: int) -> dict[str, Any]:
    record: dict[str, Any] = {name: plain(cells.get(name, "")) for name in (*PLAIN, "number")}
    record["contact"] = {name: plain(cells.get(column, "")) for column, name in PERSON.items()}
    record |= {name: cells.get(name) or None for name in MOMENTS}
    record["window_open"] = cells.get("window_open") == "true"
    for name in JSON:
        text = plain(cells.get(name, ""))
        try:
            record[name] = read_json(text.encode()) if text else None
        except MalformedJson as error:
            raise BadChatFile(f"Line {line:,}: {name} is no JSON: {error}") from None
    return record


def checked(found: Any, line: int) -> dict[str, Any]:
    """Return the record with parsed times; raise BadChatFile naming line and field."""
    if not isinstance(found, dict) or not isinstance(found.get("contact"), dict):
        raise BadChatFile(f"Line {line:,}: a record is an object with an object 'contact'.")
    try:
        record: dict[str, Any] = {
            name: _text(found.get(name, ""), name) for name in (*PLAIN, "number")
        }
        record["contact"] = {
            name: _text(found["contact"].get(name, ""), name) for name in PERSON.values()
        }
        record["contact"]["wa_id"] = one_form(record["contact"]["wa_id"])
        record |= {name: _moment(found.get(name), name) for name in MOMENTS}
        record |= {
            "window_open": found.get("window_open") is True,
            "content": _object(found.get("content") or {}),
        }
        record |= {"errors": _errors(found.get("errors")), "media": _media(found.get("media"))}
        _check_words(record)
    except ValueError as error:
        raise BadChatFile(f"Line {line:,}: {error}.") from None
    return record


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    if len(value) > LENGTHS.get(name, 20):
        raise ValueError(f"{name} is longer than the limit of {LENGTHS.get(name, 20):,} characters")
    return str(storable(value))


def _moment(value: Any, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo and 1970 <= found.astimezone(UTC).year < 9999:
            return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be a moment as 2026-05-01T12:00:00+00:00")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or too_deep(value):
        raise ValueError("content must be an object, nested at most 100 deep")
    return cast(dict[str, Any], storable(value))


def _errors(value: Any) -> list[Any] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or too_deep(value)
        or not all(isinstance(item, dict) for item in value)
    ):
        raise ValueError("errors must be a list of objects")
    return cast(list[Any], storable(value))


def _media(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(
        isinstance(value.get(name, ""), str) for name in ("file", "mime_type")
    ):
        raise ValueError("media must be an object with file and mime_type")
    filename = value.get("filename")
    return {
        "file": value.get("file", "")[:500],
        "mime_type": value.get("mime_type", "")[: widths.MIME_TYPE],
        "filename": filename[:240] if isinstance(filename, str) else "",
    }


def _check_words(record: dict[str, Any]) -> None:
    direction = record["direction"]
    if direction not in DIRECTIONS:
        raise ValueError("direction must be in or out")
    if record["status"] not in STATUSES[direction]:
        raise ValueError(f"status must be one of {', '.join(STATUSES[direction])}")
    if record["category"] not in CATEGORIES[direction]:
        raise ValueError(f"category must be one of {', '.join(CATEGORIES[direction]) or 'nothing'}")
    if not (
        record["wamid"] and record["kind"] and record["contact"]["wa_id"] and record["created_at"]
    ):
        raise ValueError("wamid, kind, contact.wa_id and created_at must not be empty")
    if not (record["number"].isascii() and record["number"].isdigit()):
        raise ValueError("number must be the digits of a business phone number")
