"""The description of the REST API: what every operation answers when it refuses."""

from functools import cache
from typing import Any

from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "example": "invalid"},
                "message": {"type": "string", "description": "What was wrong, for a person."},
                "field": {"type": "string", "description": "The input that was wrong."},
            },
        }
    },
}
ALWAYS = {
    "400": "An input is wrong; `field` names it.",
    "401": "There is no live key.",
    "403": "The key has not this scope, or is limited to some numbers.",
    "429": "Too many requests; wait as `Retry-After` says.",
    "503": "The database is restarting; try again.",
}
MISSING = "Not there, or not yours."
RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
METHODS = frozenset({"get", "post", "put", "patch", "delete"})


class Generator(SchemaGenerator):
    """Makes the description once for each process and language: it is the same for everybody.

    Anybody may ask for it, and making it takes longer than most requests.
    """

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        """The description of what anybody may know, whoever asks; not to be changed."""
        return _description(get_language())


@cache
def _description(language: str | None) -> dict[str, Any]:
    untyped: Any = SchemaGenerator
    described: dict[str, Any] = untyped().get_schema(request=None, public=True)
    return described


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the refusals to every operation of an OpenAPI document (a hook of drf-spectacular)."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    for path, operations in result["paths"].items():
        wanted = ALWAYS | ({"404": MISSING} if "{" in path else {})
        for method, operation in operations.items():
            if method in METHODS:
                for status, words in wanted.items():
                    operation["responses"].setdefault(status, _refusal(status, words))
    return result


def _refusal(status: str, words: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    answer: dict[str, Any] = {
        "description": words,
        "content": {"application/json": {"schema": schema}},
    }
    if status in ("429", "503"):
        answer["headers"] = {"Retry-After": RETRY_AFTER}
    return answer
