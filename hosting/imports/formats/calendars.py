"""Dates of exported chats: day orders and calendars."""

from datetime import date

# Years before the first one of an era.
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
MINGUO = 1911
FIRST_YEAR = 1990
WHATSAPP_BEGAN = 2009
# The orders of day, month and year, by the place of the number that is surely the year.
ORDERS = {-1: ("dmy", "mdy", "ymd", "ydm"), 0: ("ymd", "ydm"), 1: ("dym", "myd"), 2: ("dmy", "mdy")}
# Days before each month of the Persian calendar: six of 31 days, five of 30, one of 29 or 30.
_PERSIAN_LENGTHS = (31,) * 6 + (30,) * 6


def day_of(parts: tuple[str, str, str, str], *, order: str, latest: date) -> date | None:
    """Return the date of a header's numbers under a day order; other calendars are converted.

    None if there is no such date, or if it lies after `latest`'s next year.
    """
    era, *numbers = parts
    named = dict(zip(order, ["1" if number == "元" else number for number in numbers], strict=True))
    year, month, day = int(named["y"]), int(named["m"]), int(named["d"])
    try:
        if not era and (persian := _persian_year(year, latest)):
            found = _persian_date(persian, month, day)
        else:
            found = date(_year(year, era, latest), month, day)
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= latest.year + 1 else None


def _year(number: int, era: str, latest: date) -> int:
    if era:
        return number + ERAS[era.upper()]
    if number >= 2400:
        return number - BUDDHIST
    if 100 <= number < 200:
        return number + MINGUO
    if number >= 100:
        return number
    # `64` lies in the future of this chat, so it is the Buddhist 2564.
    return 2000 + number if 2000 + number <= latest.year + 1 else 2500 + number - BUDDHIST


def _persian_year(number: int, latest: date) -> int:
    """Return the year of the Persian calendar that the number is, or 0 if it is of another.

    The years 1388 to 1404 are 2009 to 2026, and `99` is 1399: no other calendar has such years
    within the time of these chats.
    """
    if 1300 <= number < 1425:
        return number
    return 1300 + number if 80 <= number <= 99 and 2000 + number > latest.year + 1 else 0


def _persian_date(year: int, month: int, day: int) -> date:
    """Return the date of a day in the Persian calendar, by its cycle of 33 years; or ValueError."""
    is_leap = (25 * year + 11) % 33 < 8
    if not 1 <= month <= 12 or not 1 <= day <= _PERSIAN_LENGTHS[month - 1] - (
        month == 12 and not is_leap
    ):
        raise ValueError("no such day in the Persian calendar")
    days = 365 * (year - 1) + (8 * year + 21) // 33 + sum(_PERSIAN_LENGTHS[: month - 1]) + day
    return date.fromordinal(days + 226_894)


class DayOrderFinder:
    """Finds the order of day, month and year from all dates of a file.

    `year_at` is the place of the number that is surely the year, or -1; `separator` stands between
    the numbers; `half` is where the half of the day stands ("", "before" or "after" the time).
    """

    def __init__(
        self, *, year_at: int, separator: str, half: str, is_bracketed: bool, latest: date
    ) -> None:
        self.orders = ("ymd",) if separator in "年년" else ORDERS[year_at]
        self.separator, self.half, self.is_bracketed = separator, half, is_bracketed
        self.latest = latest
        self._impossible = dict.fromkeys(self.orders, 0)
        self._unlikely = dict.fromkeys(self.orders, 0)
        self._days = dict.fromkeys(self.orders, 0)  # between one date and the next
        self._last: dict[str, date | None] = dict.fromkeys(self.orders)
        self._before = ""

    def see(self, text: str, parts: tuple[str, str, str, str]) -> None:
        """Add a date; impossible, decreasing and future dates count against an order."""
        if text == self._before:
            return
        self._before = text
        for order in self.orders:
            found, last = day_of(parts, order=order, latest=self.latest), self._last[order]
            if found is None:
                self._impossible[order] += 1
                continue
            self._unlikely[order] += 3 * (found > self.latest or found.year < WHATSAPP_BEGAN) + (
                last is not None and found < last
            )
            self._days[order] += abs((found - last).days) if last else 0
            self._last[order] = found

    @property
    def found(self) -> tuple[str, ...]:
        """The day order, or the two candidates if the file is ambiguous, the likelier first."""
        faults = {
            order: 3 * self._impossible[order] + self._unlikely[order] for order in self.orders
        }
        fewest = min(faults.values())
        best = [order for order in self.orders if faults[order] == fewest]
        if self.half == "before" and "ymd" in best:
            return ("ymd",)  # Korean and Chinese layouts
        others = [order for order in best if order[0] != "y"]
        # `21-03-05` and `21-03-06`: a day apart, not a year.
        if "ymd" in best and all(self._days["ymd"] < self._days[order] for order in others):
            return ("ymd",)
        return self._asked(others or best)

    def _asked(self, best: list[str]) -> tuple[str, ...]:
        if len(best) == 1 or self.separator not in "/":
            return (best[0],)  # nobody writes the month first with dots or hyphens
        is_american = self.half == "after" and self.is_bracketed
        return tuple(sorted(best, key=lambda order: (order[0] == "m") != is_american))
