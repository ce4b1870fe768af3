"""Logs without secrets and personal data: what is taken out of every line before it is written.

Lines hold ids, never names, numbers or texts; what gets into them from outside (paths of requests,
messages of exceptions, lines of libraries) is reduced here, for all loggers of a process alike.
"""

import re
import sys
from collections.abc import MutableMapping
from traceback import format_tb
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

MASK = "[…]"
# Parts of a path that may be seen: ids. Whatever has another name is masked, so that the token of a
# route that is added later is masked too.
SHOWN_PARTS = frozenset(
    {"phone_number_id", "waba_id", "object_id", "business_id", "template_id", "media_id"}
    | {"public_id", "catalog_id", "number", "position", "kind", "action", "edge", "form", "pk"}
    | {"key_id", "member_id", "invitation_id", "session_id", "label_id", "note_id", "reply_id"}
    | {"message_id", "contact_id", "simulated_phone_id", "export_id", "order_id", "product_id"}
    | {"picture_id", "method_id", "collection_id", "slug", "collection"}
)
_KEY = re.compile(r"parley_[0-9a-f]{8}_[A-Za-z0-9_-]{20,}")
_STRIPE_KEY = re.compile(r"\b(?:sk|rk|whsec)_[A-Za-z0-9_]{8,}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_NAMED_SECRET = re.compile(
    r"(?i)\b(\w*token|\w*secret|\w*password|(?:api_?)?key|cookie)(['\"]?\s*[=:]\s*['\"]?)"
    r"[^\s'\",;&}\]]{6,}"
)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+@")
_URL_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# 15 digits and more are ids of objects; a date and time has a T or a colon in it.
_NUMBER = re.compile(r"(?<![\w.:/-])(?:\+\d(?:[ ()/-]{0,2}\d){7,14}|\d{9,14})(?![\w:-])")
# What PostgreSQL adds to an error are values of a row.
_VALUES = re.compile(r"(?m)^(?:DETAIL|CONTEXT|HINT|LINE \d+|QUERY|STATEMENT):?.*(?:\n[ \t].*)*$\n?")
# Names of members and columns may be read in messages, what somebody wrote may not.
_QUOTED = re.compile(r"(['\"“])((?:(?!\1)[^\\]|\\.)*)(['\"”])")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_.]{0,63}|[A-Z][A-Z_]{0,30}")
_LONGEST = 4000
# Members of a line that hold messages of exceptions.
_MESSAGES = frozenset({"error", "reason", "why", "exception", "failure"})


def shown_path(request: HttpRequest) -> str:
    """The path of a request without what is secret in it, and the names of its parameters.

    Of a path that no route has only the first part is shown.
    """
    path = request.path_info
    query = ",".join(sorted(name for name in request.GET if _IDENTIFIER.fullmatch(name)))
    return _without_secrets(request, path) + (f"?{query}" if query else "")


def _without_secrets(request: HttpRequest, path: str) -> str:
    match = getattr(request, "resolver_match", None)
    if match is None:
        if path.startswith(settings.STATIC_URL):
            return path
        first, slash, rest = path[1:].partition("/")
        return f"/{_scrub_part(first)}{slash}{MASK if rest else ''}"
    for name, value in match.kwargs.items():
        if name not in SHOWN_PARTS and value:
            path = path.replace(str(value), MASK)
    return MASK if match.args else path


def _scrub_part(part: str) -> str:
    return part if re.fullmatch(r"[a-z_-]{1,20}|v[0-9.]{1,5}|", part) else MASK


def scrub(text: str) -> str:
    """A text without keys, tokens, passwords, addresses and phone numbers."""
    text = _URL_PASSWORD.sub(f"{MASK}@", text[:_LONGEST])
    text = _URL_QUERY.sub(rf"\1?{MASK}", text)
    for secret in (_KEY, _STRIPE_KEY):
        text = secret.sub(MASK, text)
    text = _NAMED_SECRET.sub(rf"\1\2{MASK}", _BEARER.sub(rf"\1 {MASK}", text))
    return _NUMBER.sub(MASK, _ADDRESS.sub(MASK, text))


def scrub_message(text: str) -> str:
    """An exception's message without values of rows, and without what it quotes but identifiers."""
    text = _VALUES.sub("", text[:_LONGEST])
    return scrub(_QUOTED.sub(_quoted, text)).strip()


def _quoted(found: re.Match[str]) -> str:
    kept = found[2] if _IDENTIFIER.fullmatch(found[2]) or not found[2] else MASK
    return f"{found[1]}{kept}{found[3]}"


def shown_error(error: BaseException) -> str:
    """The places and messages of an exception and of those before it, oldest first."""
    parts: list[str] = []
    known: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in known:
        known.add(id(now))
        frames = "".join(format_tb(now.__traceback__))
        parts.append(f"{frames}{type(now).__qualname__}: {scrub_message(str(now))}")
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return "\n\nand then:\n\n".join(reversed(parts))


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor of structlog: the last before a line is written, of whatever logger."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    if isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event["exception"] = shown_error(given)
    if not event.get("_from_structlog", True):
        event["event"] = _foreign_line(event)
    return {name: _scrubbed(name, value) for name, value in event.items()}


def _foreign_line(event: MutableMapping[str, Any]) -> str:
    """The line of a library, which may name the path of a request or quote an exception."""
    line = str(event["event"])
    request = getattr(event.get("_record"), "request", None)
    if isinstance(request, HttpRequest):
        line = line.replace(request.get_full_path(), shown_path(request))
        line = line.replace(request.path, shown_path(request))
    # A traceback that was formatted already.
    return scrub_message(line.partition("Traceback (most recent call last)")[0])


def _scrubbed(name: str, value: Any) -> Any:
    if name in ("_record", "_from_structlog", "timestamp", "request_id", "logger", "level"):
        return value
    if name == "exception":
        return value
    if isinstance(value, str):
        return scrub_message(value) if name in _MESSAGES else scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(name, one) for one in value]
    return value


class RequestLogMiddleware(RequestMiddleware):
    """One line for each request, with its path as `shown_path` shows it."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Method and path."""
        return f"{request.method} {shown_path(request)}"
