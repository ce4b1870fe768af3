"""Parsers of the REST API's request bodies."""

from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from hosting.cloudapi.json import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    MalformedJson,
    has_unstorable,
    read_json,
    too_deep,
)


class BoundedJSONParser(BaseParser):
    """JSON of at most 3 MB and 100 levels, without what PostgreSQL cannot store."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        """Return the object; raise ParseError."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise ParseError(f"The request body is larger than {MAX_BODY_BYTES:,} bytes.")
        try:
            value = read_json(body or b"{}")
        except MalformedJson as error:
            raise ParseError(f"The request body is not valid JSON: {error}") from None
        if too_deep(value):
            raise ParseError(f"The request body is nested deeper than {MAX_DEPTH} levels.")
        if has_unstorable(body):
            raise ParseError("The request body holds a NUL character or half a surrogate pair.")
        if not isinstance(value, dict):
            raise ParseError("The request body must be a JSON object.")
        return value
