"""The Graph API's `fields` parameter, such as `name,analytics.start(1).end(2).phones(["1"])`."""

import re
from dataclasses import dataclass, field

_PARAMETER = re.compile(r"\.([a-z_]{1,40})\(([^()]*)\)")
MAX_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class RequestedField:
    """One field with its parameters; lists are tuples of text."""

    name: str
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)


def parse_fields(raw: str) -> list[RequestedField]:
    """Parse a `fields` value, split at commas outside of brackets."""
    parts, depth, current = [], 0, ""
    for letter in raw[:MAX_LENGTH]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [_field(part.strip()) for part in [*parts, current] if part.strip()]


def _field(part: str) -> RequestedField:
    name = re.split(r"[.({]", part, maxsplit=1)[0].strip()
    return RequestedField(name, {key: as_list(value) for key, value in _PARAMETER.findall(part)})


def as_list(raw: str) -> tuple[str, ...]:
    """Parse a list written as `[A,B]`, `["A","B"]`, `(A,B)`, `A,B` or `A`."""
    items = (item.strip().strip("\"'") for item in raw.strip().strip("[]()").split(","))
    return tuple(filter(None, items))
