"""What a chat's repetitions say about it, in any language: names, words beside files, marks."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of a whole file.

    `tight`: names that stand before a colon without a space; `notices`: what looks like a name and
    begins a system line; `attached`: words in brackets after a file's name; `left_out`: words in
    angle brackets for a file that is not in the export; `has_marks`: whether U+200E before a header
    says that the message is an attachment.
    """

    tight: frozenset[str] = frozenset()
    notices: frozenset[str] = frozenset()
    attached: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    has_marks: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it for a JSON column."""
        names = ("tight", "notices", "attached", "left_out")
        return {name: sorted(getattr(self, name)) for name in names} | {"has_marks": self.has_marks}

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> "Learned":
        """Return what `as_json` wrote; nothing was learned where a part is missing."""
        return cls(
            tight=frozenset(found.get("tight", ())),
            notices=frozenset(found.get("notices", ())),
            attached=frozenset(found.get("attached", ())),
            left_out=frozenset(found.get("left_out", ())),
            has_marks=found.get("has_marks", True),
        )


NOTHING = Learned()
