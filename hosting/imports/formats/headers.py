"""Message headers in WhatsApp's "Export chat": date and time in the layouts of phones.

A header is known by its structure, not by words: three numbers of a date, two or three of a time,
and what closes them. A file has one layout (`Layout`), found from its first lines. Only lines of
that layout begin a message, so that a date in somebody's text does not. Digits of every script are
accepted.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from hosting.imports.formats.calendars import ERAS, day_of
from hosting.imports.formats.day_periods import (
    ALL_DAY,
    Hours,
    hour_of,
    known_hours,
    meanings,
    normalized,
)

# Direction marks and other characters without width that phones write between the parts of a
# header.
MARKS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\u200b"
SAMPLE_LINES = 2_000
_S = f"[{MARKS} \u00a0\u202f\u2009\t]*"
_NO = r"\[\]\d\n"  # what stands in no gap
_ERA = "|".join(sorted(map(re.escape, ERAS), key=len, reverse=True))
_SEPARATOR = r"[^\w\s\[\]()<>:,;\"'@#+*=&%$!?{}|\\^~`]|[年년]"


def _day(separator: str, era: str) -> str:
    """Return the pattern of a date: an era or not, and three numbers."""
    return (
        rf"(?P<date>(?P<era>{era}){_S}(?P<a>\d{{1,4}}|元){_S}(?P<separator>{separator}){_S}"
        rf"(?P<b>\d{{1,4}}){_S}(?:(?P=separator)|[月월]){_S}(?P<c>\d{{1,4}})(?!\d))"
    )


_HOURS = (
    rf"(?P<h>\d{{1,2}})(?P<colon>{_S}[:.٫·]{_S}|{_S}[hH時时시]{_S})(?P<m>\d{{2}})"
    rf"(?:{_S}(?:[:.٫·]|min|分|분){_S}(?P<s>\d{{2}}))?(?!\d)"
)


def _patterns(separator: str, era: str) -> tuple["re.Pattern[str]", ...]:
    """Return the patterns of a header: date first; time first; date first and nothing closes it."""
    day, begin = _day(separator, era), rf"(?P<mark>[{MARKS}]*)(?P<open>\[)?{_S}"
    close = rf"{_S}(?P<close>(?(open)\]|(?:[-–—](?=[ {MARKS}]|$)|:(?=[ {MARKS}])))) ?"
    gap, tail = rf"(?P<gap>[^{_NO}]{{1,40}}?)", rf"(?P<tail>[^{_NO}:]{{0,24}}?)"
    before = rf"(?P<before>[^{_NO}]{{0,16}}?)"
    bare = r"(?(open)(?!))(?P<tail>)(?P<close>) (?=[^\s\-–—])"
    patterns = (
        rf"{begin}{day}{gap}{_HOURS}{tail}{close}",
        rf"{begin}{before}{_HOURS}{gap}{day}{tail}{close}",
        rf"{begin}{day}{gap}{_HOURS}{bare}",
    )
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_ANY = _patterns(_SEPARATOR, f"(?:{_ERA})?")


class Kind(NamedTuple):
    """What is the same in all headers of a file."""

    shape: int  # 0: the date first; 1: the time first; 2: the date first, nothing closes it
    is_bracketed: bool
    close: str
    separator: str
    year_at: int  # which number of the date has four digits, or -1
    has_era: bool
    has_seconds: bool


class Header(NamedTuple):
    """The parts of a header; `end` is where the rest of the line begins."""

    date: str
    parts: tuple[str, str, str, str]  # era, then the three numbers of the date in the file's order
    hour: int
    minute: int
    second: int
    end: int
    is_sure: bool  # whether the words beside its time are understood
    is_marked: bool  # whether U+200E stands before it, as before an attachment on iOS


def _kind(match: "re.Match[str]", shape: int) -> Kind | None:
    """Return the kind of a header, or None for a text that only looks like one."""
    close, has_seconds = match["close"], match["s"] is not None
    if close == ":" and (word := normalized(match["tail"])):
        hours = known_hours(word)
        if hours is None or (len(word) == 1 and word.isascii() and hours != ALL_DAY):
            return None  # `21:25:15 Ann: hello`: the colon is that of the sender
    if not close and not has_seconds:
        return None
    long = [at for at, name in enumerate("abc") if len(match[name]) > 2]
    if len(long) > 1:
        return None
    year_at = 0 if match["era"] or match["a"] == "元" else long[0] if long else -1
    return Kind(
        shape,
        bool(match["open"]),
        "-" if close in ("–", "—") else close,
        match["separator"],
        year_at,
        bool(match["era"]),
        has_seconds,
    )


def _words(match: "re.Match[str]", shape: int) -> tuple[str, str]:
    """Return what stands before and after the time."""
    before, after = ("before", "gap") if shape == 1 else ("gap", "tail")
    return match[before], match[after]


def _last(gap: str) -> list[str]:
    """Return the ends of a gap that may be a half of the day, normalized, the longest first."""
    tokens = re.split(r"[\s,،、]+", gap.strip())
    ends = [normalized("".join(tokens[at:])) for at in range(len(tokens))]
    return [end for end in ends if end]


@dataclass(frozen=True)
class Layout:
    """The layout of all headers in one file.

    `before` and `after` are the words beside the time in the first lines, `hours` those among them
    that name hours of the day, `unknown` those that may do so in a language that nobody knows.
    """

    kind: Kind
    before: frozenset[str]
    after: frozenset[str]
    hours: dict[str, Hours]
    unknown: frozenset[str]
    pattern: "re.Pattern[str]" = field(compare=False, repr=False)
    known_dates: dict[tuple[str, str], date | None] = field(
        default_factory=dict, compare=False, repr=False
    )
    known_words: dict[tuple[str, str], tuple[Hours | None, bool]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def half(self) -> str:
        """Where the half of the day stands: "", "before" or "after" the time."""
        if not self.hours:
            return ""
        return (
            "after" if self.hours.keys() & {normalized(word) for word in self.after} else "before"
        )

    @property
    def has_notices(self) -> bool:
        """Whether the phone's own lines have a sender as well, and a mark (iOS)."""
        return self.kind.close != "-"

    def header(self, line: str) -> Header | None:
        """Return the header at the beginning of a line, or None if it is not of this layout."""
        match = self.pattern.match(line)
        if match is None or _kind(match, self.kind.shape) != self.kind:
            return None
        words = _words(match, self.kind.shape)
        if words not in self.known_words:
            if len(self.known_words) > 1_000:
                self.known_words.clear()
            self.known_words[words] = self._meant(words)
        hours, is_sure = self.known_words[words]
        if hours is None:
            return None
        hour = int(match["h"])
        return Header(
            match["date"],
            (match["era"] or "", match["a"], match["b"], match["c"]),
            hour_of(hour, hours) if hours else hour,
            int(match["m"]),
            int(match["s"] or 0),
            match.end(),
            is_sure,
            "\u200e" in match["mark"],
        )

    def _meant(self, words: tuple[str, str]) -> tuple[Hours | None, bool]:
        """Return the hours that the words beside the time name, and whether that is sure.

        No hours without such a word; None if the words stand in no header of the file.
        """
        found: Hours = frozenset()
        for some, seen in zip(words, (self.before, self.after), strict=True):
            hours = self._named(some) if self.hours else None
            if hours is None and some not in seen:
                return None, False
            found = found or hours or frozenset()
        ends = {end for some in words for end in _last(some)}
        return found, self.unknown.isdisjoint(ends)

    def _named(self, words: str) -> Hours | None:
        for end in _last(words):
            if (hours := self.hours.get(end) or known_hours(end)) is not None:
                return hours
        return None

    def moment(self, header: Header, *, order: str, latest: date) -> datetime | None:
        """Return the header's local time under a day order ("dmy", "mdy", "ymd", "ydm", "myd",
        "dym"), or None if impossible.
        """
        key = (order, header.date)
        if key not in self.known_dates:
            if len(self.known_dates) > 5_000:
                self.known_dates.clear()
            self.known_dates[key] = day_of(header.parts, order=order, latest=latest)
        known = self.known_dates[key]
        if not known or header.hour > 23 or header.minute > 59 or header.second > 59:
            return None
        return datetime(
            known.year, known.month, known.day, header.hour, header.minute, header.second
        )


def _matches(lines: Iterable[str]) -> Iterator[tuple[Kind, "re.Match[str]"]]:
    for line in lines:
        for shape, pattern in enumerate(_ANY):
            match = pattern.match(line)
            if match and (kind := _kind(match, shape)):
                yield kind, match
                break


def find_layout(lines: Iterable[str]) -> Layout | None:
    """Return the most frequent layout of the lines, or None if no line looks like a header."""
    matches = list(_matches(lines))
    if not matches:
        return None
    kind = Counter(found for found, _ in matches).most_common(1)[0][0]
    mine = [match for found, match in matches if found == kind]
    separator, era = re.escape(kind.separator), f"(?:{_ERA})" if kind.has_era else ""
    pairs = [_words(match, kind.shape) for match in mine]
    return Layout(
        kind,
        frozenset(before for before, _ in pairs),
        frozenset(after for _, after in pairs),
        *_halves(mine, pairs),
        _patterns(separator, era)[kind.shape],
    )


def _halves(
    matches: Sequence["re.Match[str]"], pairs: Sequence[tuple[str, str]]
) -> tuple[dict[str, Hours], frozenset[str]]:
    """Return the words beside the time that name hours, as all headers of a file suggest.

    And those that may, but nothing says which.
    """
    late = sum(int(match["h"]) > 12 for match in matches)
    if late * 10 >= len(matches):
        return {}, frozenset()  # a clock of 24 hours
    words = [_half_of(before, after, pairs) for before, after in pairs]
    some = {word for word in words if word}
    if not some:
        return {}, frozenset()
    times = [(m["date"], int(m["h"]), int(m["m"]), w) for m, w in zip(matches, words, strict=True)]
    hours = _hours(times, some)
    return hours, frozenset(some - hours.keys())


def _hours(times: Sequence[tuple[str, int, int, str]], words: set[str]) -> dict[str, Hours]:
    """Return the meanings of words by which the fewest messages are older than the one before."""
    scored = [(_steps_back(times, found), found) for found in meanings(words)]
    fewest = min((steps for steps, _ in scored), default=0)
    best = [found for steps, found in scored if steps == fewest]
    if not best:
        return {}
    # A word that no language knows must be decided by the order of messages alone.
    return {
        word: hours
        for word, hours in best[0].items()
        if known_hours(word) is not None or all(other.get(word) == hours for other in best)
    }


def _half_of(before: str, after: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the word beside a time that may name a half of the day; "" if there is none."""
    for words in (after, before):
        for end in _last(words):
            if known_hours(end) is not None:
                return end
    if ends := _last(after):
        return ends[0]
    # Before the time stand other words as well; one that no language knows must differ.
    differs = len({pair[0] for pair in pairs}) > 1
    return ends[-1] if differs and (ends := _last(before)) else ""


def _steps_back(times: Sequence[tuple[str, int, int, str]], hours: dict[str, Hours]) -> int:
    """Return how often a message of a day would be older than the one before it."""
    found, last = 0, ("", 0, 0)
    for day, hour, minute, word in times:
        here = (day, hour_of(hour, hours[word]) if word in hours else hour, minute)
        found += here[0] == last[0] and here[1:] < last[1:]
        last = here
    return found
