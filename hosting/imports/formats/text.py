"""Reading an exported chat as a stream: message after message with line and place, in memory that does not grow."""

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
    """A message as it stands in the file: local time, sender ("" for the system's own lines), words, place."""

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
    """On iOS the system's lines bear the chat's name as sender; a mark tells them from text, as it tells files."""
    said = read_body(body)
    return (
        said.kind == "text" and not said.is_deleted and not body.endswith(":") and ":\n" not in body
    )


def lines_of(stream: IO[bytes], limit: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """The lines, each with its end; BadChatFile for one that is longer than `limit` bytes."""
    for number in itertools.count(1):
        line = stream.readline(limit + 1)
        if not line:
            return
        if len(line) > limit:
            raise BadChatFile(f"Line {number:,} is longer than the limit of {limit:,} bytes.")
        yield line


def decoded(raw: bytes) -> str:
    """A line as text without its end; what is no UTF-8 or cannot be stored becomes U+FFFD."""
    return raw.decode("utf-8", "replace").rstrip("\r\n").replace("\x00", "\ufffd")


def layout_of(stream: IO[bytes]) -> Layout:
    """The layout of a chat, from its first lines; BadChatFile where none of them begins a message."""
    first = [decoded(line)[:200] for line in itertools.islice(lines_of(stream), SAMPLE_LINES)]
    found = find_layout(first)
    if found is None:
        raise BadChatFile(
            f"None of the first {len(first):,} lines begins a message as WhatsApp's 'Export chat' writes them "
            "(date, time, name)."
        )
    return found


def entries(
    stream: IO[bytes], layout: Layout, *, order: str, latest: date, offset: int = 0, line: int = 1
) -> Iterator[Entry]:
    """The messages from byte `offset` (the beginning of line number `line`) on; lines before the first are left out.

    A line that looks like a header but names no possible day is part of the message above it.
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
                        f"The message of line {head[2]:,} is longer than the limit of {MAX_BODY:,} characters."
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
    """Sender and words; no sender where the rest is a line of the system's."""
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
    """A sender's name without marks and without the tilde before names that the phone did not know."""
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


class Folds:
    """Tells the two passes of the hour that a clock set back lives twice: the second comes after a step back."""

    def __init__(self, zone: tzinfo, last: datetime | None = None, fold: int = 0) -> None:
        self.zone, self.last, self.fold = zone, last, fold
        self._placed: datetime | None = None

    def placed(self, at: datetime) -> datetime:
        """The local time with its zone, and with fold=1 in the second pass."""
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
    """The other person's name in a name such as `WhatsApp Chat with Ann.txt`, in any language; else empty."""
    stem = filename.rpartition("/")[2].rpartition(".")[0]
    match = re.match(
        r"(?:.*?WhatsApp[\s-]*Chats?|.*WhatsApp)[\s_-]+(?:(?:with|mit|con|avec|com|met|z|ile|med)[\s_]+)?(.+)",
        stem,
    )
    return match[1].strip().replace("_", " ")[:100] if match else ""


def numbers_in(names: Iterable[str]) -> dict[str, str]:
    """Names that are phone numbers, with their digits."""
    found = {}
    for name in names:
        digits = re.sub(r"[\s().\-\u2010-\u2015/]", "", name)
        if re.fullmatch(r"\+[1-9]\d{6,14}", digits):
            found[name] = digits[1:]
    return found
