"""The Graph API's `fields`: names, some with parameters behind dots: `name,analytics.start(1).end(2).phones(["1"])`."""

import re
from dataclasses import dataclass, field

_PARAMETER = re.compile(r"\.([a-z_]{1,40})\(([^()]*)\)")
MAX_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class FieldAsked:
    """One field with its parameters; lists come out as tuples of text."""

    name: str
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)


def parse_fields(raw: str) -> list[FieldAsked]:
    """Split at the commas that stand outside of brackets."""
    parts, depth, current = [], 0, ""
    for letter in raw[:MAX_LENGTH]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [_field(part.strip()) for part in [*parts, current] if part.strip()]


def _field(part: str) -> FieldAsked:
    name = re.split(r"[.({]", part, maxsplit=1)[0].strip()
    return FieldAsked(name, {key: as_list(value) for key, value in _PARAMETER.findall(part)})


def as_list(raw: str) -> tuple[str, ...]:
    """`[A,B]`, `["A","B"]`, `(A,B)`, `A,B` and `A` alike."""
    items = (item.strip().strip("\"'") for item in raw.strip().strip("[]()").split(","))
    return tuple(filter(None, items))
