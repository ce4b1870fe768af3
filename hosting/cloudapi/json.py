"""Reading JSON from outside: bounded, and cleaned of what PostgreSQL cannot store."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import orjson

MAX_BODY_BYTES = 3 * 1024 * 1024
# NUL and lone surrogates: legal in JSON, impossible in PostgreSQL text.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# Deeper JSON than any protocol has; writers and PostgreSQL give up somewhere beyond.
MAX_DEPTH = 100
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
MILLISECONDS_FROM = 10**11


class MalformedJson(ValueError):
    """The bytes are no JSON that can be read."""


def read_json(body: bytes) -> Any:
    """Parse JSON; escapes for NUL and lone surrogates come out as U+FFFD. Raises MalformedJson."""
    try:
        if not _ESCAPES.search(body):
            return orjson.loads(body)
        return storable(json.loads(body, parse_int=_whole))
    except (ValueError, RecursionError) as error:
        raise MalformedJson(str(error)[:200]) from None


def _whole(digits: str) -> int | float:
    # As orjson reads it: what 64 bits cannot hold becomes a float.
    number = int(digits) if len(digits) < 20 else float(digits)
    return number if abs(number) < 2**63 else float(number)


def too_deep(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Whether arrays and objects are nested deeper than `levels`."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(too_deep(item, levels - 1) for item in value)


def dumped(value: Any) -> str | None:
    """JSON text of the value, or None where it is nested too deep to be written."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return None


def storable(value: Any) -> Any:
    """The same value with unstorable characters replaced by U+FFFD."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def has_unstorable(body: bytes) -> bool:
    """Whether a body carries an escaped NUL or surrogate half."""
    if not _ESCAPES.search(body):
        return False
    try:
        return _has_unstorable(json.loads(body))
    except (ValueError, RecursionError):
        return False


def _has_unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_UNSTORABLE.search(value))
    if isinstance(value, dict):
        return any(_has_unstorable(key) or _has_unstorable(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_unstorable, value))


def moment(raw: Any) -> datetime | None:
    """A webhook's timestamp (seconds as text; milliseconds are noticed) as a moment, or None if it is none."""
    try:
        seconds = float(raw)
    except (TypeError, ValueError, OverflowError):
        return None
    if seconds >= MILLISECONDS_FROM:
        seconds /= 1000
    if not 0 < seconds < LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one: webhooks may hold anything."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value if it is a string or number, as text; else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
