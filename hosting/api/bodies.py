"""Bodies of Cloud API requests: JSON, forms and query parameters, with or without a length."""

from io import BytesIO
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError

from core.middleware import UNSTORABLE
from hosting.cloudapi.json import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    MalformedJson,
    has_unstorable,
    read_json,
    too_deep,
)
from hosting.errors import CloudApiError

URLENCODED = "application/x-www-form-urlencoded"
FORMS = (URLENCODED, "multipart/form-data")
# A name, no secret.
TOKEN = "access_token"  # noqa: S105  # nosec B105
CHUNK_BYTES = 64 * 1024


def request_body(request: HttpRequest) -> object:
    """Return the JSON of a request, or the members of its form; with those of the query.

    A member of the body wins over one of the query. Raises CloudApiError 100 for too large, too
    deep, malformed or unstorable.
    """
    check_length(request)
    body = request.body
    is_form = request.content_type in FORMS and body.lstrip()[:1] not in (b"{", b"[")
    query = _members(request.GET) if request.GET else {}
    if is_form:
        return _checked(query | _members(_form(request)))
    if not body.strip() and query:
        return _checked(query)
    parsed = _json(body)
    return _checked(query | parsed) if query and isinstance(parsed, dict) else parsed


def check_length(request: HttpRequest) -> None:
    """Raise CloudApiError 100 for a body over the limit, before it is read."""
    length = request.headers.get("Content-Length") or "0"
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise CloudApiError(100, f"The request body is larger than {MAX_BODY_BYTES:,} bytes.")


def form_token(request: HttpRequest) -> str:
    """Return the `access_token` of a form, as Graph takes it there too; "" without one."""
    length = request.headers.get("Content-Length") or "0"
    is_small = length.isdigit() and int(length) <= MAX_BODY_BYTES
    if request.method != "POST" or request.content_type != URLENCODED or not is_small:
        return ""
    return str(_form(request).get(TOKEN, ""))


def _form(request: HttpRequest) -> QueryDict:
    try:
        return request.POST
    except (MultiPartParserError, SuspiciousOperation, OSError):
        raise CloudApiError(100, "The body is no form that can be read.") from None


def _members(given: QueryDict) -> dict[str, Any]:
    """Return the members of a form or query; objects, arrays and flags are JSON in their text."""
    return {name: _value(str(given[name])) for name in given if name != TOKEN}


def _value(text: str) -> Any:
    if text.lstrip()[:1] in ("{", "[") or text in ("true", "false"):
        raw = text.encode("utf-8", "surrogatepass")
        if has_unstorable(raw):
            raise CloudApiError(100, "The request holds a NUL character or half a surrogate pair.")
        try:
            return read_json(raw)
        except MalformedJson:
            return text
    return text


def _json(body: bytes) -> object:
    try:
        parsed: object = read_json(body)
    except MalformedJson as error:
        raise CloudApiError(100, f"The request body is not valid JSON: {error}") from None
    if too_deep(parsed):
        raise CloudApiError(100, f"The request body is nested deeper than {MAX_DEPTH} levels.")
    if has_unstorable(body):
        raise CloudApiError(100, "The request body holds a NUL character or half a surrogate pair.")
    return parsed


def _checked(members: dict[str, Any]) -> dict[str, Any]:
    if too_deep(members):
        raise CloudApiError(100, f"The request is nested deeper than {MAX_DEPTH} levels.")
    if _unstorable(members):
        raise CloudApiError(100, "The request holds a NUL character or half a surrogate pair.")
    return members


def _unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return bool(UNSTORABLE.search(value))
    if isinstance(value, dict):
        return any(_unstorable(key) or _unstorable(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_unstorable, value))


def is_chunked(request: HttpRequest) -> bool:
    """Return whether a request has a body without a length."""
    coding = request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return "chunked" in coding and not request.META.get("CONTENT_LENGTH")


def read_chunked(request: WSGIRequest, limit: int = MAX_BODY_BYTES) -> bool:
    """Read a body without a length, so that views see it as any other.

    Returns False if it is larger than `limit` bytes; then nothing of it is kept.
    """
    stream, held, size = request.environ["wsgi.input"], BytesIO(), 0
    while piece := stream.read(CHUNK_BYTES):
        size += len(piece)
        if size > limit:
            return False
        held.write(piece)
    held.seek(0)
    request._stream = held
    request.META["CONTENT_LENGTH"] = str(size)
    # Built from META on first use, perhaps without the length.
    request.__dict__.pop("headers", None)
    return True
