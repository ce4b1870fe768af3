"""Streaming parser of an exported chat, with bounded memory."""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import IO

from hosting.imports.formats.bodies import LRM, read_body
from hosting.imports.formats.errors import BadChatFile
from hosting.imports.formats.headers import MARKS, SAMPLE_LINES, Layout, find_layout

MAX_LINE_BYTES = 256 * 1024
MAX_BODY = 65_536  # characters; WhatsApp takes no more in one message
_NAME = re.compile(f"[{MARKS}]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the file: local time, sender ("" for system lines), body, position."""

    at: datetime
    sender: str
    body: str
    line: int
    end: int  # where the next message begins, in bytes
    next_line: int

    @property
    def is_system(self) -> bool:
        """Whether the phone wrote it, not a person."""
        return not self.sender or (self.body.startswith(LRM) and _is_notice(self.body))


def _is_notice(body: str) -> bool:
    """Return whether a marked body is a system line; iOS writes the chat's name as its sender."""
    said = read_body(body)
    return (
        said.kind == "text" and not said.is_deleted and not body.endswith(":") and ":\n" not in body
    )


def lines_of(stream: IO[bytes], limit: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Yield lines with their ends; raise BadChatFile for one longer than `limit` bytes."""
    for number in itertools.count(1):
        line = stream.readline(limit + 1)
        if not line:
            return
        if len(line) > limit:
            raise BadChatFile(f"Line {number:,} is longer than the limit of {limit:,} bytes.")
        yield line


def decoded(raw: bytes) -> str:
    """Return a line as text without its end; invalid bytes become U+FFFD."""
    return raw.decode("utf-8", "replace").rstrip("\r\n").replace("\x00", "\ufffd")


def layout_of(stream: IO[bytes]) -> Layout:
    """Return a chat's layout from its first lines; raise BadChatFile if none begins a message."""
    first = [decoded(line)[:200] for line in itertools.islice(lines_of(stream), SAMPLE_LINES)]
    found = find_layout(first)
    if found is None:
        raise BadChatFile(
            f"None of the first {len(first):,} lines begins a message as WhatsApp's 'Export chat' "
            "writes them "
            "(date, time, name)."
        )
    return found


def entries(
    stream: IO[bytes], layout: Layout, *, order: str, latest: date, offset: int = 0, line: int = 1
) -> Iterator[Entry]:
    """Yield messages from byte `offset` on, where line number `line` begins.

    Lines before the first message are skipped. A line with an impossible date belongs to the
    message above it.
    """
    head: tuple[datetime, str, int] | None = None
    body: list[str] = []
    length, place = 0, offset
    header_of, moment = layout.header, layout.moment
    for number, raw in enumerate(lines_of(stream), line):
        text = decoded(raw)
        header = header_of(text) if text else None
        at = moment(header, order=order, latest=latest) if header else None
        if at is None or header is None:
            if head:
                body.append(text)
                length += len(text) + 1
                if length > MAX_BODY:
                    raise BadChatFile(
                        f"The message of line {head[2]:,} is longer than the limit of {MAX_BODY:,} "
                        "characters."
                    )
        else:
            if head:
                yield Entry(head[0], head[1], "\n".join(body), head[2], place, number)
            sender, first = _split(text[header.end :])
            head, body, length = (at, sender, number), [first], len(first)
        place += len(raw)
    if head:
        while len(body) > 1 and not body[-1]:
            body.pop()
        yield Entry(head[0], head[1], "\n".join(body), head[2], place, number + 1)


def _split(rest: str) -> tuple[str, str]:
    """Return sender and body; ("", text) for a system line."""
    sender, colon, body = rest.partition(": ")
    if not colon:
        if not rest.endswith(":"):
            return "", rest
        sender, body = rest[:-1], ""
    # `Ann changed the subject to "Party: bring cake"` has no sender.
    if len(sender) > 120 or sender.count('"') % 2 or sender.count("“") != sender.count("”"):
        return "", rest
    return name_of(sender), body


def name_of(sender: str) -> str:
    """Return a sender's name without marks and the tilde before unknown names."""
    if sender.isascii() and not sender.startswith("~"):
        return sender.strip()
    return " ".join(
        _NAME.sub("", sender)
        .strip()
        .lstrip("~")
        .replace("\u00a0", " ")
        .replace("\u202f", " ")
        .split()
    )


class ClockFolds:
    """Distinguishes both passes of the hour that occurs twice when clocks are set back."""

    def __init__(self, zone: tzinfo, last: datetime | None = None, fold: int = 0) -> None:
        self.zone, self.last, self.fold = zone, last, fold
        self._placed: datetime | None = None

    def placed(self, at: datetime) -> datetime:
        """Return the local time with its zone, with fold=1 in the second pass."""
        if self._placed is not None and at == self.last:
            return self._placed
        self._placed = self._place(at)
        return self._placed

    def _place(self, at: datetime) -> datetime:
        aware = at.replace(tzinfo=self.zone)
        if self.last is not None and timedelta(0) < self.last - at <= timedelta(hours=1):
            self.fold = 1
        elif self.last is not None and at - self.last > timedelta(hours=1):
            self.fold = 0
        self.last = at
        if self.fold and aware.replace(fold=1).utcoffset() != aware.utcoffset():
            return aware.replace(fold=1)
        return aware


def contact_in(filename: str) -> str:
    """Return the name in a file name such as `WhatsApp Chat with Ann.txt`, in any language.

    Else "".
    """
    stem = filename.rpartition("/")[2].rpartition(".")[0]
    match = re.match(
        r"(?:.*?WhatsApp[\s-]*Chats?|.*WhatsApp)[\s_-]+"
        r"(?:(?:with|mit|con|avec|com|met|z|ile|med)[\s_]+)?(.+)",
        stem,
    )
    return match[1].strip().replace("_", " ")[:100] if match else ""


def numbers_in(names: Iterable[str]) -> dict[str, str]:
    """Return those names that are phone numbers, with their digits."""
    found = {}
    for name in names:
        digits = re.sub(r"[\s().\-\u2010-\u2015/]", "", name)
        if re.fullmatch(r"\+[1-9]\d{6,14}", digits):
            found[name] = digits[1:]
    return found
