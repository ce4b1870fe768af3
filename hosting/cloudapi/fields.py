"""Reading members of request bodies; each CloudApiError names the field's path and the limit."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hosting.errors import CloudApiError

MISSING, INVALID = 131008, 131009


def without_nulls(value: Any) -> Any:
    """Return JSON without null members, which clients send for omitted ones."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def text(
    holder: Mapping[str, Any], name: str, path: str, *, limit: int, required: bool = True
) -> str:
    """Return a string of at most `limit` characters; "" when omitted and not required."""
    field, value = f"{path}.{name}", holder.get(name)
    if value is None or value == "":
        if required:
            raise CloudApiError(MISSING, f"{field} is required.", field=field)
        return ""
    if not isinstance(value, str):
        raise CloudApiError(INVALID, f"{field} must be a string.", field=field)
    if required and not value.strip():
        raise CloudApiError(MISSING, f"{field} is required and must not be blank.", field=field)
    if len(value) > limit:
        raise CloudApiError(
            INVALID, f"{field} is longer than {limit} characters ({len(value)}).", field=field
        )
    return value


def mapping(
    holder: Mapping[str, Any], name: str, path: str, *, required: bool = True
) -> dict[str, Any]:
    """Return an object; {} when omitted and not required."""
    field, value = f"{path}.{name}", holder.get(name)
    if value is None:
        if required:
            raise CloudApiError(MISSING, f"{field} is required and must be an object.", field=field)
        return {}
    if not isinstance(value, dict):
        raise CloudApiError(INVALID, f"{field} must be an object.", field=field)
    return value


def objects(
    holder: Mapping[str, Any], name: str, path: str, *, least: int = 1, most: int = 1000
) -> list[dict[str, Any]]:
    """Return an array of `least` to `most` objects."""
    field, value = f"{path}.{name}", holder.get(name)
    if value is None:
        if least:
            raise CloudApiError(MISSING, f"{field} is required and must be an array.", field=field)
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CloudApiError(INVALID, f"{field} must be an array of objects.", field=field)
    if not least <= len(value) <= most:
        raise CloudApiError(
            INVALID, f"{field} must hold {least} to {most} items, not {len(value)}.", field=field
        )
    return value


def choice(
    holder: Mapping[str, Any],
    name: str,
    path: str,
    allowed: tuple[str, ...],
    *,
    required: bool = True,
) -> str:
    """Return one of the allowed words in lower case."""
    value = text(holder, name, path, limit=60, required=required).lower()
    if value and value not in allowed:
        field = f"{path}.{name}"
        raise CloudApiError(INVALID, f"{field} must be one of {', '.join(allowed)}.", field=field)
    return value


def decimal(holder: Mapping[str, Any], name: str, path: str, *, limit: float) -> float:
    """Return a number between -limit and limit, also given as a string."""
    field, value = f"{path}.{name}", holder.get(name)
    if value is None or value == "":
        raise CloudApiError(MISSING, f"{field} is required.", field=field)
    try:
        number = (
            float(value)
            if isinstance(value, int | float | str) and not isinstance(value, bool)
            else None
        )
    except (ValueError, OverflowError):
        number = None
    # NaN compares as false, so it is refused too.
    if number is None or not -limit <= number <= limit:
        raise CloudApiError(
            INVALID, f"{field} must be a number from {-limit:g} to {limit:g}.", field=field
        )
    return number


def integer(
    holder: Mapping[str, Any], name: str, path: str, *, least: int, most: int, required: bool = True
) -> int:
    """Return an integer, also given as digits; `least` when omitted and not required."""
    field, value = f"{path}.{name}", holder.get(name)
    if value is None and not required:
        return least
    if value is None:
        raise CloudApiError(MISSING, f"{field} is required.", field=field)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise CloudApiError(
            INVALID, f"{field} must be a whole number from {least} to {most:,}.", field=field
        )
    return value


def link(holder: Mapping[str, Any], name: str, path: str, *, required: bool = True) -> str:
    """Return an http or https URL of at most 2,000 characters."""
    value = text(holder, name, path, limit=2000, required=required)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits:
        field = f"{path}.{name}"
        raise CloudApiError(
            INVALID, f"{field} must be a URL that begins with http:// or https://.", field=field
        )
    return value


def media(holder: Mapping[str, Any], path: str) -> None:
    """Check a media object: exactly one of an uploaded `id` and a `link`."""
    given = [name for name in ("id", "link") if holder.get(name)]
    if len(given) != 1:
        raise CloudApiError(
            INVALID if given else MISSING,
            f"{path} needs exactly one of {path}.id and {path}.link.",
            field=path,
        )
    if given == ["link"]:
        link(holder, "link", path)
        return
    held = holder["id"]
    if not (
        isinstance(held, str | int)
        and str(held).isascii()
        and str(held).isdigit()
        and len(str(held)) <= 32
    ):
        raise CloudApiError(
            INVALID, f"{path}.id must be the id of uploaded media.", field=f"{path}.id"
        )
