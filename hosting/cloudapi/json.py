"""Reading JSON from outside: bounded, and without characters that PostgreSQL cannot store."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

MAX_BODY_BYTES = 3 * 1024 * 1024
# NUL and lone surrogates are valid in JSON but not in PostgreSQL's text.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# Deeper than any protocol needs; beyond some depth serialisers and PostgreSQL fail.
MAX_DEPTH = 100
MAX_TIMESTAMP = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
MILLISECONDS_FROM = 10**11


class MalformedJson(ValueError):
    """The bytes are not valid JSON."""


def read_json(body: bytes) -> Any:
    """Parse JSON; escapes for NUL and lone surrogates become U+FFFD. Raises MalformedJson."""
    try:
        if not _ESCAPES.search(body):
            return orjson.loads(body)
        return storable(json.loads(body, parse_int=_parse_integer))
    except (ValueError, RecursionError) as error:
        raise MalformedJson(str(error)[:200]) from None


def _parse_integer(digits: str) -> int | float:
    # Like orjson: integers over 64 bits become floats.
    number = int(digits) if len(digits) < 20 else float(digits)
    return number if abs(number) < 2**63 else float(number)


def too_deep(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Return whether arrays and objects are nested deeper than `levels`."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(too_deep(item, levels - 1) for item in value)


def unfolded(value: Any) -> Any:
    """Return what a text holds that is JSON, as clients of forms write members also where the rest
    is JSON; any other value as it is.
    """
    if isinstance(value, str):
        with suppress(MalformedJson):
            return read_json(value.encode())
    return value


def dumped(value: Any) -> str | None:
    """Return the value as JSON text, or None if it is nested too deep to be written."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return None


def storable(value: Any) -> Any:
    """Return the value with unstorable characters replaced by U+FFFD."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def has_unstorable(body: bytes) -> bool:
    """Return whether a body contains an escaped NUL or lone surrogate."""
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


def parse_timestamp(raw: Any) -> datetime | None:
    """Parse a webhook's timestamp in seconds or milliseconds; None if it is invalid."""
    try:
        seconds = float(raw)
    except (TypeError, ValueError, OverflowError):
        return None
    if seconds >= MILLISECONDS_FROM:
        seconds /= 1000
    if not 0 < seconds < MAX_TIMESTAMP:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def as_dict(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else {}: webhooks may hold anything."""
    return value if isinstance(value, dict) else {}


def action_parameters(content: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an interactive message's action, {} where it has none."""
    return as_dict(as_dict(content.get("action")).get("parameters"))


def as_list(value: Any) -> list[Any]:
    """Return the value if it is an array, else []."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the value as text if it is a string or integer, else ""."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
