"""Exported chats made from CLDR's date patterns: 40 locales, five layouts, what is in them."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel import Locale
from babel.dates import format_datetime

LRM = "\u200e"
LOCALES = (
    "af", "am", "ar", "ar_EG", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "en_GB", "es",
    "es_MX", "et", "fa", "fi", "fr", "fr_CA", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt",
    "mr", "ms", "my", "nl", "pl", "pt_BR", "ru", "sv", "th", "vi", "zh_Hant",
)  # fmt: skip
LAYOUTS = ("android", "android 12 h", "ios", "ios 12 h", "ios before 2018")
DIGITS = {
    "ar_EG": "٠١٢٣٤٥٦٧٨٩",
    "fa": "۰۱۲۳۴۵۶۷۸۹",
    "bn": "০১২৩৪৫৬৭৮৯",
    "mr": "०१२३४५६७८९",
    "my": "၀၁၂၃၄၅၆၇၈၉",
}
Said = tuple[datetime, str, str, str]  # local time, sender, kind, text


@dataclass(frozen=True)
class Export:
    """A chat's text, and its messages."""

    text: str
    said: list[Said]


def persian(day: datetime) -> tuple[int, int, int]:
    """Return year, month and day in the Persian calendar, counted from new year to new year."""
    year = day.year - 621
    starts = {1399: (2020, 3, 20), 1400: (2021, 3, 21), 1401: (2022, 3, 21), 1402: (2023, 3, 21)}
    if day < datetime(*starts[year]):
        year -= 1
    left = (day - datetime(*starts[year])).days
    return (
        (year, left // 31 + 1, left % 31 + 1)
        if left < 186
        else (year, (left - 186) // 30 + 7, (left - 186) % 30 + 1)
    )


class Writer:
    """Writes one chat in a locale and a layout."""

    def __init__(self, locale: str, layout: str) -> None:
        self.locale, self.layout = Locale.parse(locale), layout
        self.name, self.random = locale, random.Random(f"{locale} {layout}")
        self.is_ios = layout.startswith("ios")
        months = self.locale.months["format"]["wide"].values()
        days = self.locale.days["format"]["wide"].values()
        self.words = [re.sub(r"\d+|['’]", "", w).strip() or "x" for w in (*months, *days)]
        self.attached, self.left_out = self.phrase(2), self.phrase(2)
        self.lines: list[str] = []
        self.said: list[Said] = []

    def phrase(self, count: int) -> str:
        """Return some words of the language."""
        return " ".join(self.random.choice(self.words) for _ in range(count))

    def header(self, at: datetime, *, is_marked: bool = False) -> str:
        """Return the header of a message."""
        day, clock = self.day(at), self.clock(at)
        if self.layout == "ios before 2018":
            return f"{day}, {clock}: "
        if self.is_ios:
            return f"{LRM if is_marked else ''}[{day}, {clock}] "
        join = self.locale.datetime_formats["short"]
        return self.digits(join.format(clock, day)) + " - "

    def day(self, at: datetime) -> str:
        """Return the date in the calendar of the locale."""
        pattern = str(self.locale.date_formats["short"])
        year, month, day = persian(at) if self.name == "fa" else (at.year, at.month, at.day)
        if self.name == "th":
            year += 543
        names = {
            "yyyy": f"{year}", "yy": f"{year % 100:02}", "y": f"{year}", "MM": f"{month:02}",
            "M": f"{month}", "dd": f"{day:02}", "d": f"{day}",
        }  # fmt: skip
        made = re.sub(r"'([^']*)'|y+|M+|d+", lambda m: m[1] or names[m[0]], pattern)
        return self.digits(made)

    def clock(self, at: datetime) -> str:
        """Return the time, of 12 hours if the layout says so."""
        pattern = str(self.locale.time_formats["medium" if self.is_ios else "short"])
        if self.layout.endswith("12 h") and "a" not in pattern and "B" not in pattern:
            pattern = re.sub("H+", "h", pattern) + " a"
        return self.digits(format_datetime(at, pattern, locale=self.locale))

    def digits(self, text: str) -> str:
        """Return a text with the digits of the locale."""
        return text.translate({ord("0") + n: d for n, d in enumerate(DIGITS.get(self.name, ""))})

    def add(
        self, at: datetime, sender: str, words: str, kind: str, text: str | None = None
    ) -> None:
        """Add a message; `text` is what it says if not all of its words."""
        is_marked = kind not in ("text", "system") and self.is_ios
        start = f"{sender}: " if sender else ""
        self.lines.append(f"{self.header(at, is_marked=is_marked)}{start}{words}\n")
        self.said.append((at, sender, kind, words if text is None else text))

    def write(self) -> Export:
        """Return a chat of two to four people with everything that phones write."""
        people = [f"{self.phrase(1)} {n}" for n in ("Ann", "Bo", "+49 151 2345678", "Zoë")]
        people = people[: self.random.randint(2, 4)]
        at = datetime(2021, 3, 1, 9, 5)
        if not self.is_ios:
            self.add(at, "", self.phrase(4), "system")
        for n in range(40):
            at += timedelta(minutes=self.random.randint(1, 2_000), hours=self.random.randint(0, 30))
            at = at.replace(second=self.random.randint(0, 59) if self.is_ios else 0)
            self.one(at, self.random.choice(people), n)
        return Export("".join(self.lines), self.said)

    def one(self, at: datetime, sender: str, n: int) -> None:
        """Add the n-th message; each kind comes around."""
        stamp = f"{at:%Y%m%d}-WA{n:04}"
        match n % 10:
            case 0:
                self.add(
                    at, sender, f"{self.phrase(3)}\n{self.phrase(30)}: {self.phrase(2)}", "text"
                )
            case 1:
                self.file(at, sender, f"IMG-{stamp}.jpg", "image", self.phrase(2))
            case 2:
                self.file(at, sender, f"PTT-{stamp}.opus", "audio", "")
            case 3:
                self.file(at, sender, f"{self.words[n % 7]}.pdf", "document", "")
            case 4:
                self.gone(at, sender, "")
            case 5:
                self.gone(at, sender, self.phrase(12))
            case 6 if self.is_ios:
                words = f"{self.phrase(5)}"
                self.lines.append(f"{self.header(at)}{sender}: {LRM}{words}\n")
                self.said.append((at, sender, "system", words))
            case 6:
                self.add(at, "", f'{sender} "{self.phrase(2)}: {self.phrase(1)}"', "system")
            case _:
                self.add(at, sender, self.phrase(self.random.randint(1, 9)), "text")

    def file(self, at: datetime, sender: str, name: str, kind: str, caption: str) -> None:
        """Add a file with a caption."""
        text = caption or (name if kind == "document" else "")
        if self.layout == "ios before 2018":
            words = f"{name} <{LRM}{self.attached}>" + (f"\n{caption}" if caption else "")
            self.add(at, sender, words, kind, text)
        elif self.is_ios:
            marked = f"{LRM}<{self.words[0]}: {name}>"
            self.add(at, sender, f"{caption} {marked}" if caption else marked, kind, text)
        else:
            words = f"{name} ({self.attached})" + (f"\n{caption}" if caption else "")
            self.add(at, sender, words, kind, text)

    def gone(self, at: datetime, sender: str, caption: str) -> None:
        """Add a file that the phone left out of the export."""
        if self.layout == "ios before 2018":
            words = f"<{LRM}{self.left_out}>" + (f"\n{caption}" if caption else "")
        elif self.is_ios:
            words = f"{caption} {LRM}{self.left_out}" if caption else f"{LRM}{self.left_out}"
        else:
            words = f"<{self.left_out}>" + (f"\n{caption}" if caption else "")
        self.add(at, sender, words, "media_placeholder", caption)


def made_exports() -> Iterator[tuple[str, str]]:
    """Yield locale and layout of 200 exports."""
    return ((locale, layout) for locale in LOCALES for layout in LAYOUTS)
