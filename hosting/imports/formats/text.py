"""Streaming parser of an exported chat, with bounded memory."""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import IO

from hosting.cloudapi.phone_numbers import NoNumber, digits_of_number
from hosting.imports.formats.bodies import LRM, read_body
from hosting.imports.formats.errors import BadChatFile
from hosting.imports.formats.headers import SAMPLE_LINES, Header, Layout, find_layout
from hosting.imports.formats.repetition import NOTHING, Learned
from hosting.imports.formats.senders import split
from hosting.imports.formats.survey import Survey

MAX_LINE_BYTES = 256 * 1024
MAX_BODY = 65_536  # characters; WhatsApp takes no more in one message


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the file: local time, sender ("" for system lines), body, position.

    `is_system`: the phone wrote it, not a person; `is_marked`: its header has the mark of an
    attachment (iOS).
    """

    at: datetime
    sender: str
    body: str
    line: int
    end: int  # where the next message begins, in bytes
    next_line: int
    is_system: bool
    is_marked: bool


def _is_notice(body: str, learned: Learned) -> bool:
    """Return whether a marked body is a system line; iOS writes the chat's name as its sender."""
    said = read_body(body, learned=learned)
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


def surveyed(stream: IO[bytes], survey: Survey) -> Iterator[None]:
    """Read a whole chat into a survey, one line at each step."""
    header_of = survey.layout.header
    for raw in lines_of(stream):
        text = decoded(raw)
        if text and (header := header_of(text)):
            survey.see(header, text[header.end :])
        yield


@dataclass(slots=True)
class _Open:
    """The message whose lines are being read."""

    at: datetime
    sender: str
    lines: list[str]
    line: int
    is_marked: bool
    length: int = 0

    def add(self, text: str) -> None:
        self.lines.append(text)
        self.length += len(text) + 1
        if self.length > MAX_BODY:
            raise BadChatFile(
                f"The message of line {self.line:,} is longer than the limit of {MAX_BODY:,} "
                "characters."
            )

    def entry(self, end: int, next_line: int, layout: Layout, learned: Learned) -> Entry:
        body = "\n".join(self.lines)
        is_marked = self.is_marked and learned.has_marks
        is_system = not self.sender or (
            layout.has_notices
            and body.startswith(LRM)
            and not is_marked
            and _is_notice(body, learned)
        )
        return Entry(self.at, self.sender, body, self.line, end, next_line, is_system, is_marked)


def entries(
    stream: IO[bytes],
    layout: Layout,
    *,
    order: str,
    latest: date,
    learned: Learned = NOTHING,
    offset: int = 0,
    line: int = 1,
) -> Iterator[Entry]:
    """Yield messages from byte `offset` on, where line number `line` begins.

    Lines before the first message are skipped. Raises BadChatFile for a header whose date or time
    is impossible, and for a message over the limits.
    """
    now: _Open | None = None
    place, number = offset, line - 1
    for number, raw in enumerate(lines_of(stream), line):
        text = decoded(raw)
        header = layout.header(text) if text else None
        if header is None:
            if now:
                now.add(text)
        else:
            at = _moment_of(header, text, number, layout=layout, order=order, latest=latest)
            if now:
                yield now.entry(place, number, layout, learned)
            sender, first = split(text[header.end :], learned)
            now = _Open(at, sender, [first], number, header.is_marked, len(first))
        place += len(raw)
    if now:
        while len(now.lines) > 1 and not now.lines[-1]:
            now.lines.pop()
        yield now.entry(place, number + 1, layout, learned)


def _moment_of(
    header: Header, text: str, number: int, *, layout: Layout, order: str, latest: date
) -> datetime:
    """Return a header's date and time; BadChatFile where they are unsure or cannot be."""
    if not header.is_sure:
        raise BadChatFile(
            f"Line {number:,} has a word beside the time of which it is unknown which half "
            f"of the day it names: '{text[: header.end].strip()[:60]}'."
        )
    at = layout.moment(header, order=order, latest=latest)
    if at is None:
        raise impossible(number, text[: header.end], order)
    return at


def impossible(line: int, header: str, order: str) -> BadChatFile:
    """Return the error for a header whose date or time cannot be."""
    words = {"d": "day", "m": "month", "y": "year"}
    named = ", ".join(words[letter] for letter in order)
    return BadChatFile(
        f"Line {line:,} begins with a date or time that cannot be, where all dates are read as "
        f"{named}: '{header.strip()[:60]}'."
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
    """Return those names that are phone numbers with a plus sign, with their digits."""
    found = {}
    for name in names:
        if name.startswith("+"):
            with contextlib.suppress(NoNumber):
                found[name] = digits_of_number(name)
    return found
