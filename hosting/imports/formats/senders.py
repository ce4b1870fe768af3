"""Senders of an exported chat: what stands between a header and a message's words."""

import re

from hosting.imports.formats.headers import MARKS
from hosting.imports.formats.repetition import Learned

MAX_NAME = 120
_MARK = re.compile(f"[{MARKS}]")
# A colon that ends a name without a space after it: not in `https://`, not in `10:30`.
_TIGHT = re.compile(r"([^:\n]{1,60}):(?!//)(?=\S)(?!(?<=\d:)\d)(.*)", re.DOTALL)


def split(rest: str, learned: Learned) -> tuple[str, str]:
    """Return sender and body of a header's rest; ("", text) for a system line."""
    sender, colon, body = rest.partition(": ")
    if not colon or not is_name(sender):
        if rest.endswith(":") and is_name(rest[:-1]):
            return _known(rest[:-1], "", rest, learned)
        name, body = tight(rest)
        return (name, body) if name and name in learned.tight else ("", rest)
    return _known(sender, body, rest, learned)


def _known(sender: str, body: str, rest: str, learned: Learned) -> tuple[str, str]:
    name = name_of(sender)
    return ("", rest) if name in learned.notices else (name, body)


def is_name(sender: str) -> bool:
    """Return whether what stands before a colon can be a name.

    `Ann changed the subject to "Party: bring cake"` has no sender.
    """
    return (
        len(sender) <= MAX_NAME
        and not sender.count('"') % 2
        and sender.count("“") == sender.count("”")
    )


def tight(rest: str) -> tuple[str, str]:
    """Return name and words of `Bob:Hi`; ("", "") if it is nothing like that."""
    match = _TIGHT.match(rest)
    if match is None or not is_name(match[1]) or not any(map(_says_something, match[2])):
        return "", ""
    return name_of(match[1]), match[2]


def _says_something(letter: str) -> bool:
    return letter.isalnum() or letter > "\u2bff"


def name_of(sender: str) -> str:
    """Return a sender's name without marks and the tilde before unknown names."""
    if sender.isascii() and not sender.startswith("~"):
        return sender.strip()
    return " ".join(
        _MARK.sub("", sender)
        .strip()
        .lstrip("~")
        .replace("\u00a0", " ")
        .replace("\u202f", " ")
        .split()
    )
