"""Message headers in WhatsApp's "Export chat": date and time in the layouts of phones.

A file has one layout (`Layout`), found from its first lines. Only lines of that layout begin a
message, so that a date in somebody's text does not. Digits of every script are accepted.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

# Direction marks and other characters without width that phones write between the parts of a
# header.
MARKS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\u200b"
_M = f"[{MARKS}]*"
_S = f"[{MARKS} \u00a0\u202f\u2009\t]*"
AM = (
    "am", "a.m.", "a. m.", "vorm.", "午前", "上午", "오전", "ص", "πμ", "π.μ.", "पूर्वाह्न", "sa", "pg",
    "öö", "de.", "dop.", "e paradites", "fm", "ap.", "ก่อนเที่ยง", "قبل‌ازظهر", "ق.ظ.", "凌晨", "清晨",
    "早上", "পূর্বাহ্ণ",
)  # fmt: skip
PM = (
    "pm", "p.m.", "p. m.", "nachm.", "午後", "下午",
    "오후", "م", "μμ", "μ.μ.", "अपराह्न", "ch", "ptg",
    "ös", "du.", "odp.", "e pasdites", "em", "ip.", "หลังเที่ยง", "بعدازظهر", "ب.ظ.", "中午", "晚上",
    "অপরাহ্ণ",
)  # fmt: skip
# Words between date and time: Finnish, Danish, French, Portuguese, Spanish, German, Russian …
JOINS = (
    "klo",
    "kl.",
    "kl",
    "à",
    "às",
    "a las",
    "um",
    "alle",
    "ore",
    "в",
    "о",
    "u",
    "o",
    "w",
    "ob",
    "at",
    "ora",
    "的",
)
ERAS = {
    "令和": 2018,
    "R": 2018,
    "平成": 1988,
    "H": 1988,
    "昭和": 1925,
    "S": 1925,
    "民國": 1911,
    "民国": 1911,
}
BUDDHIST = 543
FIRST_YEAR = 1990
DAY_ORDERS = ("dmy", "mdy", "ymd")
SAMPLE_LINES = 2_000


def _words(words: Iterable[str]) -> str:
    found = sorted(set(words), key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", "[ \u00a0\u202f]?") for word in found)


def _normalized(text: str) -> str:
    return re.sub(f"[{MARKS}\\s]", "", text).casefold()


_HALVES = {_normalized(word): 0 for word in AM} | {_normalized(word): 12 for word in PM}


def _date(separator: str, later: str, era: str) -> str:
    return (
        rf"(?P<date>{era}{_M}(?P<a>\d{{1,4}}|元){_S}(?P<separator>{separator}){_S}"
        rf"(?P<b>\d{{1,2}}){_S}{later}{_S}"
        rf"(?P<c>\d{{1,4}})(?:{_S}[.日일])?(?:{_S}(?:BE|AD|CE|พ\.?ศ\.?))?)"
    )


def _time(halves: str) -> str:
    half = f"(?P<{{0}}>{halves})" if halves else "(?P<{0}>(?!))"
    return (
        rf"(?:{half.format('before')}{_S})?(?P<h>\d{{1,2}}){_M}[:.hH]{_M}(?P<m>\d{{2}})"
        rf"(?:{_M}[:.]{_M}(?P<s>\d{{2}}))?(?:{_S}{half.format('after')}(?![^\W\d_]))?"
    )


def _pattern(
    separator: str, later: str, era: str, halves: str, joins: str
) -> list["re.Pattern[str]"]:
    """Return patterns: `date time - `, `[date time]`, `date time: ` (old iOS), `[time, date]`
    (web).
    """
    day, clock = _date(separator, later, era), _time(halves)
    join = rf"(?:{_S}[,،、])?{_S}(?:(?:{joins}){_S})?" if joins else rf"(?:{_S}[,،、])?{_S}"
    return [
        re.compile(rf"{_M}{day}{join}{clock}{_S}(?P<close>[-–—]) ?", re.IGNORECASE),
        re.compile(rf"{_M}\[{_S}{day}{join}{clock}{_S}(?P<close>\]) ?", re.IGNORECASE),
        re.compile(rf"{_M}{day}{join}{clock}(?P<close>:) ", re.IGNORECASE),
        re.compile(rf"{_M}\[{_S}{clock}{_S},{_S}{day}{_S}(?P<close>\]) ?", re.IGNORECASE),
    ]


_ANY = _pattern(
    "[./\\-年년]", "[./\\-月월]", f"(?P<era>{_words(ERAS)})?", _words((*AM, *PM)), _words(JOINS)
)  # every layout there is
_LATER = {"年": "月", "년": "월"}


@dataclass(frozen=True, slots=True)
class Header:
    """The parts of a header; `end` is where the rest of the line begins."""

    date: str
    parts: tuple[str, str, str, str]  # era, then the three numbers of the date in the file's order
    hour: int
    minute: int
    second: int
    end: int


@dataclass(frozen=True)
class Layout:
    """The layout of all headers in one file."""

    shape: int
    separator: str
    year_first: bool
    half: str  # "", "before" or "after" the time
    has_seconds: bool
    has_era: bool
    known_dates: dict[tuple[str, str], date | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    @cached_property
    def pattern(self) -> "re.Pattern[str]":
        """The pattern of headers of this layout."""
        separator = re.escape(self.separator)
        era = f"(?P<era>{_words(ERAS)})" if self.has_era else "(?P<era>)"
        halves = _words((*AM, *PM)) if self.half else ""
        return _pattern(
            separator, _LATER.get(self.separator, separator), era, halves, _words(JOINS)
        )[self.shape]

    def header(self, line: str) -> Header | None:
        """Return the header at the beginning of a line, or None if it is not of this layout."""
        match = self.pattern.match(line)
        if match is None or (match["s"] is not None) != self.has_seconds:
            return None
        return _read(match)

    def moment(self, header: Header, *, order: str, latest: date) -> datetime | None:
        """Return the header's local time under a day order ("dmy", "mdy", "ymd"), or None if
        impossible.
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


def _read(match: "re.Match[str]") -> Header:
    hour, half = int(match["h"]), match["before"] or match["after"]
    if half:
        hour = hour % 12 + _HALVES[_normalized(half)] if hour <= 12 else hour
    parts = (match["era"] or "", match["a"], match["b"], match["c"])
    return Header(match["date"], parts, hour, int(match["m"]), int(match["s"] or 0), match.end())


def find_layout(lines: Iterable[str]) -> Layout | None:
    """Return the most frequent layout of the lines, or None if no line looks like a header."""
    seen: Counter[tuple[int, str, bool, str, bool, bool]] = Counter()
    for line in lines:
        for shape, pattern in enumerate(_ANY):
            if match := pattern.match(line):
                year_first = len(match["a"]) == 4 or bool(match["era"])
                half = "before" if match["before"] else "after" if match["after"] else ""
                seconds, era = match["s"] is not None, bool(match["era"])
                seen[shape, match["separator"], year_first, half, seconds, era] += 1
                break
    return Layout(*seen.most_common(1)[0][0]) if seen else None


def day_of(parts: tuple[str, str, str, str], *, order: str, latest: date) -> date | None:
    """Return the date of a header's numbers under a day order; other calendars are converted."""
    era, *numbers = parts
    named = dict(zip(order, ["1" if number == "元" else number for number in numbers], strict=True))
    year = _year(int(named["y"]), era, latest)
    try:
        found = date(year, int(named["m"]), int(named["d"]))
    except ValueError:
        return None
    return found if FIRST_YEAR <= year <= latest.year + 1 else None


def _year(number: int, era: str, latest: date) -> int:
    if era:
        return number + ERAS[era.upper()]
    if number >= 2400:
        return number - BUDDHIST
    if number >= 100:
        return number
    # `64` lies in the future of this chat, so it is the Buddhist 2564.
    return 2000 + number if 2000 + number <= latest.year + 1 else 2500 + number - BUDDHIST


class DayOrderFinder:
    """Finds whether day or month comes first, from all dates of a file."""

    def __init__(self, layout: Layout, latest: date) -> None:
        self.layout, self.latest = layout, latest
        self._faults = dict.fromkeys(DAY_ORDERS, 0)
        self._last: dict[str, date | None] = dict.fromkeys(DAY_ORDERS)
        self._before = ""

    def see(self, header: Header) -> None:
        """Add a date; impossible, decreasing and future dates count against an order."""
        if header.date == self._before:
            return
        self._before = header.date
        for order in DAY_ORDERS:
            found, last = day_of(header.parts, order=order, latest=self.latest), self._last[order]
            if found is None or found > self.latest:
                self._faults[order] += 3
            elif last is not None and found < last:
                self._faults[order] += 1
            self._last[order] = found or last

    @property
    def found(self) -> tuple[str, ...]:
        """The day order, or the two candidates if the file is ambiguous, the likelier first."""
        if self.layout.year_first or self.layout.separator in _LATER:
            return ("ymd",)
        dmy, mdy, ymd = (self._faults[order] for order in DAY_ORDERS)
        # Korean and Chinese layouts have the half of the day before the time, and the year first.
        if ymd < min(dmy, mdy) or (self.layout.half == "before" and ymd <= min(dmy, mdy)):
            return ("ymd",)
        if dmy != mdy:
            return ("dmy",) if dmy < mdy else ("mdy",)
        if self.layout.separator in ".-":
            return ("dmy",)  # nobody writes the month first with dots or hyphens
        return (
            ("mdy", "dmy")
            if self.layout.half == "after" and self.layout.shape == 1
            else ("dmy", "mdy")
        )
