"""Rate cards as CSV in our own layout and in Meta's two. No database access.

Ours has one tier a row: market, category, first, last, price. Meta's rate sheet has one price a
market and category; its tier sheet has tiers for utility and authentication, which replace those of
the rate sheet.
"""

import csv
import io
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from billing.rate_cards.versions import CATEGORIES, Key, Problem, Sheet, Step
from core import money

OWN_HEADER = ["market", "category", "first", "last", "price"]
RATE_COLUMNS = ("marketing", "utility", "authentication", "authentication-international", "service")
TIERED = ("utility", "authentication", "authentication-international")
TIER_WIDTH = 5
EMPTY_CELLS = {"", "n/a", "--", "-"}
MAX_CHARACTERS = 5_000_000
MAX_MARKET_LENGTH = 60


@dataclass(slots=True)
class _Reader:
    """Rows of one file, and the sheet that collects their cells and problems."""

    name: str
    rows: list[tuple[int, list[str]]]
    sheet: Sheet

    def add_problem(self, row: int, column: int, reason: str) -> None:
        self.sheet.problems.append(Problem(self.name, row, column, reason))

    def cell(self, row: list[str], column: int) -> str:
        return row[column].strip() if column < len(row) else ""

    def money(self, row_number: int, row: list[str], column: int) -> int | None:
        """A price in micro-units; None and a problem for an invalid one."""
        text = self.cell(row, column)
        try:
            micros = Decimal(text.replace(",", "")) * money.MICROS
        except InvalidOperation:
            self.add_problem(row_number, column + 1, f"'{text[:40]}' is not a price.")
            return None
        if (
            not micros.is_finite()
            or micros < 0
            or micros > 10**15
            or micros != micros.to_integral_value()
        ):
            self.add_problem(
                row_number,
                column + 1,
                f"'{text[:40]}' is negative, too large or finer than a millionth.",
            )
            return None
        return int(micros)

    def count(self, row_number: int, row: list[str], column: int) -> int | None:
        """A whole number with or without thousands separators; None and a problem otherwise."""
        text = self.cell(row, column)
        if not re.fullmatch(r"[0-9]{1,3}(,[0-9]{3}){1,5}|[0-9]{1,18}", text):
            self.add_problem(row_number, column + 1, f"'{text[:40]}' is not a whole number.")
            return None
        return int(text.replace(",", ""))


def read(*files: tuple[str, str]) -> Sheet:
    """Read (name, text) of one file in our layout, or of Meta's rate sheet, tier sheet, or both.

    Never raises for a file's content: every problem is listed by row and column in the sheet.
    """
    sheet = Sheet()
    readers = [_reader(name, text, sheet) for name, text in files]
    kinds = [(_kind(reader), reader) for reader in readers]
    for wanted, work in (("own", _read_own), ("rates", _read_rates), ("tiers", _read_tiers)):
        for (kind, header), reader in kinds:
            if kind == wanted:
                work(reader, header)
    for (kind, _), reader in kinds:
        if not kind:
            reader.add_problem(1, 0, "No header row of a known layout was found.")
    for reader in readers[:1]:
        _check_ladders(reader)
    return sheet


def _reader(name: str, text: str, sheet: Sheet) -> _Reader:
    """Numbered rows; a row that contains line breaks counts once, as in a spreadsheet.

    A file that cannot be read to its end is a problem, so that half a card is never imported.
    """
    reader = _Reader(name, [], sheet)
    if len(text) > MAX_CHARACTERS:
        reader.add_problem(
            0, 0, f"The file has {len(text):,} characters; {MAX_CHARACTERS:,} is the most."
        )
        return reader
    clean = text.replace("\x00", "").lstrip("\ufeff")
    try:
        for number, row in enumerate(csv.reader(io.StringIO(clean, newline="")), start=1):
            reader.rows.append((number, row))
    except csv.Error as error:
        reader.add_problem(len(reader.rows) + 1, 0, f"It cannot be read as CSV: {error}.")
    return reader


def _kind(reader: _Reader) -> tuple[str, int]:
    for index, (_, row) in enumerate(reader.rows):
        cells = [_label(cell) for cell in row]
        if cells[: len(OWN_HEADER)] == OWN_HEADER:
            return "own", index
        if cells[:3] == ["market", "currency", "marketing"]:
            return "rates", index
        if cells[:4] == ["market", "currency", "from", "to"]:
            return "tiers", index
    return "", 0


def _label(cell: str) -> str:
    """A normalized header cell: `Market\\n(per rate card)` is `market`."""
    text = re.sub(r"\(.*?\)", "", re.sub(r"-\s+", "-", cell))
    return " ".join(text.split()).lower()


def _market(reader: _Reader, number: int, row: list[str]) -> str:
    market = reader.cell(row, 0)
    if not market or len(market) > MAX_MARKET_LENGTH:
        reader.add_problem(number, 1, f"A market's name has 1 to {MAX_MARKET_LENGTH} characters.")
        return ""
    return market


def _add(reader: _Reader, number: int, key: Key, steps: list[Step]) -> None:
    if key in reader.sheet.rates:
        reader.add_problem(number, 1, f"{key[0]}, {key[1]} is there twice.")
    else:
        reader.sheet.rates[key] = steps


def _read_own(reader: _Reader, header: int) -> None:
    columns = [_label(cell) for cell in reader.rows[header][1]]
    reader.sheet.currency = "USD"
    for number, row in reader.rows[header + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        market, category = _market(reader, number, row), reader.cell(row, 1)
        if category not in CATEGORIES:
            reader.add_problem(
                number, 2, f"'{category[:40]}' is not a category: {', '.join(sorted(CATEGORIES))}."
            )
        first = reader.count(number, row, 2)
        bounded = bool(reader.cell(row, 3))
        last = reader.count(number, row, 3) if bounded else None
        price = reader.money(number, row, 4)
        if "currency" in columns:
            reader.sheet.currency = (
                reader.cell(row, columns.index("currency")) or reader.sheet.currency
            )
        complete = first is not None and price is not None and bounded == (last is not None)
        if market and category in CATEGORIES and complete:
            assert first is not None
            assert price is not None
            reader.sheet.rates.setdefault((market, category), []).append(Step(first, last, price))


def _read_rates(reader: _Reader, header: int) -> None:
    columns = {_label(cell): index for index, cell in enumerate(reader.rows[header][1])}
    for number, row in reader.rows[header + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        market = _market(reader, number, row)
        _check_currency(reader, number, row)
        for category in RATE_COLUMNS:
            column = columns.get(category)
            if column is None or reader.cell(row, column).lower() in EMPTY_CELLS:
                continue
            price = reader.money(number, row, column)
            if market and price is not None:
                _add(reader, number, (market, category), [Step(1, None, price)])


def _check_currency(reader: _Reader, number: int, row: list[str]) -> None:
    currency = reader.cell(row, 1)
    if not re.fullmatch(r"[A-Z]{3}", currency):
        reader.add_problem(number, 2, f"'{currency[:40]}' is not a currency code.")
    elif reader.sheet.currency and currency != reader.sheet.currency:
        reader.add_problem(number, 2, f"{currency} in a file of {reader.sheet.currency}.")
    else:
        reader.sheet.currency = currency


def _read_tiers(reader: _Reader, header: int) -> None:
    """Read Meta's tier sheet: five columns per category, the market only on its first row."""
    market, found = "", dict[Key, list[Step]]()
    for number, row in reader.rows[header + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        market = _market(reader, number, row) if reader.cell(row, 0) or not market else market
        _check_currency(reader, number, row)
        for group, category in enumerate(TIERED):
            step = _step(reader, number, row, 2 + group * TIER_WIDTH)
            if step and market:
                found.setdefault((market, category), []).append(step)
    reader.sheet.rates.update(found)


def _step(reader: _Reader, number: int, row: list[str], start: int) -> Step | None:
    if (
        reader.cell(row, start).lower() in EMPTY_CELLS
        and reader.cell(row, start + 3).lower() in EMPTY_CELLS
    ):
        return None
    first, price = reader.count(number, row, start), reader.money(number, row, start + 3)
    unbounded = reader.cell(row, start + 1) in EMPTY_CELLS
    last = None if unbounded else reader.count(number, row, start + 1)
    if first is None or price is None or (last is None and not unbounded):
        return None
    return Step(max(first, 1), last, price)


def _check_ladders(reader: _Reader) -> None:
    """Tiers must begin at 1, be contiguous and end unbounded, so that every position has one
    price.
    """
    for (market, category), steps in reader.sheet.rates.items():
        steps.sort(key=lambda step: step.first)
        edges = [1, *((step.last or 0) + 1 for step in steps[:-1])]
        if [step.first for step in steps] != edges or steps[-1].last is not None:
            reader.add_problem(
                0,
                0,
                f"{market}, {category}: the tiers leave a hole, overlap, or do not end unbounded.",
            )


def write_own(sheet: Sheet) -> str:
    """A sheet in our layout; reading it back gives an equal sheet."""
    rows: list[list[object]] = [
        [
            market,
            category,
            step.first,
            step.last or "",
            f"{money.micro_amount(step.price_micros):f}",
            sheet.currency,
        ]
        for (market, category), steps in sorted(sheet.rates.items())
        for step in steps
    ]
    header: list[object] = [*OWN_HEADER, "currency"]
    return _csv([header, *rows])


def write_rates(sheet: Sheet) -> str:
    """A sheet in Meta's layout of list rates: the first tier of everything."""
    rows = [
        [market, sheet.currency, *(_price(sheet, market, category) for category in RATE_COLUMNS)]
        for market in sheet.markets
    ]
    international = "Authentication-\nInternational"
    header = [
        "Market",
        "Currency",
        "Marketing",
        "Utility",
        "Authentication",
        international,
        "Service",
    ]
    return _csv([[f"Cost per message in {sheet.currency}", *[""] * 6], header, *rows])


def write_tiers(sheet: Sheet) -> str:
    """A sheet in Meta's layout of volume tiers; marketing and service are in the rate sheet
    only.
    """
    names = [name for category in TIERED for name in (category.title(), "", "", "", "")]
    steps_header = ["From", "To", "Rate type", "Rate", "vs. List rate"] * len(TIERED)
    body = [row for market in sheet.markets for row in _tier_rows(sheet, market)]
    return _csv([["", "", *names], ["Market\n(per rate card)", "Currency", *steps_header], *body])


def _tier_rows(sheet: Sheet, market: str) -> list[list[str]]:
    ladders = [sheet.rates.get((market, category), []) for category in TIERED]
    height = max((len(steps) for steps in ladders), default=0)
    return [
        [
            market if n == 0 else "",
            sheet.currency,
            *(cell for steps in ladders for cell in _tier_cells(steps, n)),
        ]
        for n in range(height)
    ]


def _tier_cells(steps: list[Step], n: int) -> list[str]:
    if n >= len(steps):
        return ["n/a"] * TIER_WIDTH
    step, list_price = steps[n], steps[0].price_micros
    percent = round(100 * (step.price_micros - list_price) / list_price) if list_price else 0
    return [
        "0" if step.first == 1 else f"{step.first:,}",
        "--" if step.last is None else f"{step.last:,}",
        "Tier rate" if n else "List rate",
        _decimal(step.price_micros),
        f"{percent}%",
    ]


def _price(sheet: Sheet, market: str, category: str) -> str:
    steps = sheet.rates.get((market, category))
    return _decimal(steps[0].price_micros) if steps else "n/a"


def _decimal(micros: int) -> str:
    """At least four decimals, as published, and more where the price needs them."""
    amount = money.micro_amount(micros)
    return f"{amount:f}" if -int(amount.as_tuple().exponent) > 4 else f"{amount:.4f}"


def _csv(rows: list[list[object]] | list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
