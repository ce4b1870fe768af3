"""The description of the REST API: what every operation answers when it refuses."""

from typing import Any

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
