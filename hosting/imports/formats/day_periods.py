"""Words for the halves and parts of the day beside a time (`PM`, `午後`, `אחה״צ`), in any language.

`day_periods.tsv` holds CLDR's words by locale with the hours that they name. What a word means is
decided for a whole file: by the locale that knows most of its words, and for words that nobody
knows by the order of the messages.
"""

import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

AM, PM = frozenset(range(12)), frozenset(range(12, 24))
ALL_DAY = AM | PM
# What phones write beside CLDR's words, older and newer ones.
_PHONES = {
    AM: (
        "am", "vorm", "午前", "上午", "오전", "ص", "πμ", "पूर्वाह्न", "sa", "pg", "öö",
        "de", "dop", "eparadites", "fm", "ap", "ก่อนเที่ยง",
        "قبلازظهر", "قظ", "পূর্বাহ্ণ", "לפנהצ", "לפנהצהריים", "לפניהצהריים",
        "早上", "凌晨", "清晨",
    ),
    PM: (
        "pm", "nachm", "午後", "下午", "오후", "م", "μμ", "अपराह्न", "ch", "ptg", "ös", "du", "odp",
        "epasdites", "em", "ip", "หลังเที่ยง",
        "بعدازظهر", "بظ", "অপরাহ্ণ", "אחהצ", "אחרהצהריים", "אחריהצהריים", "中午",
        "晚上",
    ),
}  # fmt: skip
# Words beside a time that say nothing about the half of the day.
_NEUTRAL = (
    "uhr",
    "h",
    "s",
    "min",
    "sek",
    "сек",
    "ч",
    "น",
    "uur",
    "kl",
    "klo",
    "hs",
    "hrs",
    "時",
    "点",
    "ур",
)
Hours = frozenset[int]


def normalized(word: str) -> str:
    """Return a word's letters only, without case: `a. m.` and `AM` are one."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKC", word).casefold()
        if letter.isalpha() or unicodedata.category(letter)[0] == "M"
    )


def _hours(spans: str) -> Hours:
    found: set[int] = set()
    for span in spans.split(","):
        first, before = map(int, span.split("-"))
        found |= {hour % 24 for hour in range(first, before if before > first else before + 24)}
    return frozenset(found)


@cache
def _locales() -> list[dict[str, Hours]]:
    text = Path(__file__).with_suffix(".tsv").read_text("utf-8")
    found = []
    for line in text.splitlines():
        cells = (cell.rpartition(" ") for cell in line.split("\t")[1:])
        found.append({normalized(word): _hours(spans) for word, _, spans in cells})
    return found


@cache
def _fallback() -> dict[str, Hours]:
    """Return the words of all locales; the phones' own words, then the first locale decide."""
    words: dict[str, Hours] = {}
    for locale in reversed(_locales()):
        words |= locale
    words |= {word: hours for hours, some in _PHONES.items() for word in some}
    return words | dict.fromkeys(_NEUTRAL, ALL_DAY)


def known_hours(word: str) -> Hours | None:
    """Return the hours that a normalized word names in some language, or None."""
    return _fallback().get(word)


def hour_of(hour: int, hours: Hours) -> int:
    """Return the hour of a day of 24 for a clock's hour beside a word that names `hours`."""
    if hour > 12 or hours == ALL_DAY:
        return hour
    early = hour % 12
    for found in (early, early + 12):
        if found in hours:
            return found
    # `11 de la tarde`: outside the hours of the word, so the half in which most of them lie.
    return early + 12 if len(hours & PM) > len(hours & AM) else early


def meanings(words: Iterable[str]) -> Iterator[dict[str, Hours]]:
    """Yield what the words of a file may mean, the likeliest language first.

    Words that no language knows are tried as either half, a single one also as neither.
    """
    some = sorted(set(words))
    fallback = _fallback()
    coverage = [(sum(word in locale for word in some), locale) for locale in _locales()]
    best = max((count for count, _ in coverage), default=0)
    seen: list[Mapping[str, Hours]] = []
    for count, locale in [(best, {}), *coverage]:
        known = {word: locale.get(word, fallback.get(word)) for word in some}
        if count < best or known in seen:
            continue
        seen.append(known)  # type: ignore[arg-type]
        strange = [word for word, hours in known.items() if hours is None]
        if len(strange) > 3:
            return
        tried = (AM, PM, ALL_DAY) if len(strange) < 2 else (AM, PM)
        for guess in itertools.product(tried, repeat=len(strange)):
            if len(strange) < 2 or len(set(guess)) > 1:
                yield {w: h for w, h in known.items() if h} | dict(zip(strange, guess, strict=True))
