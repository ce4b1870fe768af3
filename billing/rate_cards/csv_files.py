"""Rate cards read from CSV, without a database: our own layout, and the two that Meta publishes.

Ours has one tier a row: market, category, first, last, price, and optionally currency. Meta's rate
sheet has one price a market and category; its tier sheet has tiers for utility and authentication,
which replace those of the rate sheet.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from billing.rate_cards.csv_cells import Reader, plain
from billing.rate_cards.versions import CATEGORIES, Key, Sheet, Step

OWN_HEADER = ["market", "category", "first", "last", "price"]
RATE_COLUMNS = ("marketing", "utility", "authentication", "authentication-international", "service")
TIERED = ("utility", "authentication", "authentication-international")
TIER_WIDTH = 5
EMPTY_CELLS = {"", "n/a", "--", "-"}
SEPARATORS = {"semicolons": ";", "tabs": "\t", "bars": "|"}
DEFAULT_CURRENCY = "USD"


def read(*files: tuple[str, str], markets: Iterable[str] = ()) -> Sheet:
    """Read (name, text) of one file in our layout, or of Meta's rate sheet, tier sheet, or both.

    `markets` are the names in use: another spelling of one (case, accents, spaces) is a problem.
    Never raises for a file's content: every problem is listed by row and column in the sheet.
    """
    sheet = Sheet()
    spellings, found_at = {plain(name): name for name in markets}, dict[Key, tuple[Reader, int]]()
    readers = [Reader(name, sheet, spellings, found_at) for name, _ in files]
    for reader, (_, text) in zip(readers, files, strict=True):
        reader.load(text)
    kinds = [(_kind(reader), reader) for reader in readers]
    for wanted, work in (("own", _read_own), ("rates", _read_rates), ("tiers", _read_tiers)):
        for (kind, header), reader in kinds:
            if kind == wanted:
                work(reader, header)
    for (kind, _), reader in kinds:
        if not kind:
            _explain_no_layout(reader)
    _check_ladders(sheet, found_at)
    return sheet


def _kind(reader: Reader) -> tuple[str, int]:
    for index, (_, row) in enumerate(reader.rows):
        cells = [_label(cell) for cell in row]
        if cells[: len(OWN_HEADER)] == OWN_HEADER:
            return "own", index
        if cells[:3] == ["market", "currency", "marketing"]:
            return "rates", index
        if cells[:4] == ["market", "currency", "from", "to"]:
            return "tiers", index
    return "", 0


def _explain_no_layout(reader: Reader) -> None:
    """Note why no header row was found: columns separated by something else, or none of the
    layouts.
    """
    for number, row in reader.rows:
        for name, separator in SEPARATORS.items():
            name_of_first, found, _ = (row[0] if row else "").partition(separator)
            if found and _label(name_of_first) == "market":
                reader.add_problem(
                    number, 1, f"The columns are separated by {name}: separate them by commas."
                )
                return
    reader.add_problem(1, 0, "No header row of a known layout was found.")


def _label(cell: str) -> str:
    """A header cell as we compare it: `Market\\n(per rate card)` is `market`."""
    text = re.sub(r"\(.*?\)", "", re.sub(r"-\s+", "-", cell))
    return " ".join(text.split()).lower()


def _add(reader: Reader, number: int, column: int, key: Key, step: Step) -> None:
    """Add a tier; one that begins where another of its market and category does is a problem."""
    steps = reader.sheet.rates.setdefault(key, [])
    reader.found_at.setdefault(key, (reader, number))
    if any(one.first == step.first for one in steps):
        where = f" from {step.first:,}" if step.first > 1 else ""
        reader.add_problem(number, column + 1, f"{key[0]}, {key[1]}{where} is there twice.")
    else:
        steps.append(step)


def _read_own(reader: Reader, header: int) -> None:
    columns = [_label(cell) for cell in reader.rows[header][1]]
    currency = columns.index("currency") if "currency" in columns else None
    for number, row in reader.below(header):
        market, category = reader.market(number, row), reader.cell(row, 1)
        if category not in CATEGORIES:
            known = ", ".join(sorted(CATEGORIES))
            reader.add_problem(number, 2, f"'{category[:40]}' is not a category: {known}.")
        if currency is not None:
            reader.currency(number, row, currency)
        step = _step(reader, number, row, (2, 3, 4))
        if step and market and category in CATEGORIES:
            _add(reader, number, 0, (market, category), step)
    reader.sheet.currency = reader.sheet.currency or DEFAULT_CURRENCY


def _step(
    reader: Reader, number: int, row: list[str], columns: tuple[int, int, int]
) -> Step | None:
    """First and last position and price of a tier, in these columns; None (and problems) where one
    is wrong.
    """
    first, price = reader.count(number, row, columns[0]), reader.price(number, row, columns[2])
    unbounded = reader.cell(row, columns[1]).lower() in EMPTY_CELLS
    last = None if unbounded else reader.count(number, row, columns[1])
    if first is None or price is None or (last is None and not unbounded):
        return None
    return Step(first, last, price)


def _read_rates(reader: Reader, header: int) -> None:
    columns = {_label(cell): index for index, cell in enumerate(reader.rows[header][1])}
    for number, row in reader.below(header):
        market = reader.market(number, row)
        reader.currency(number, row, 1)
        for category in RATE_COLUMNS:
            column = columns.get(category)
            if column is None or reader.cell(row, column).lower() in EMPTY_CELLS:
                continue
            price = reader.price(number, row, column)
            if market and price is not None:
                _add(reader, number, 0, (market, category), Step(1, None, price))


def _read_tiers(reader: Reader, header: int) -> None:
    """Each group of five columns is one category; a market is named on its first row only."""
    market, listed = "", set[Key]()
    for number, row in reader.below(header):
        if reader.cell(row, 0) or not market:
            market = reader.market(number, row)
        reader.currency(number, row, 1)
        for group, category in enumerate(TIERED):
            start, key = 2 + group * TIER_WIDTH, (market, category)
            if all(reader.cell(row, start + n).lower() in EMPTY_CELLS for n in (0, 3)):
                continue
            step = _step(reader, number, row, (start, start + 1, start + 3))
            if not step or not market:
                continue
            if key not in listed:
                # The tiers of a category take the place of its one price on the rate sheet.
                listed.add(key)
                reader.sheet.rates[key], reader.found_at[key] = [], (reader, number)
            _add(reader, number, start, key, replace(step, first=max(step.first, 1)))


def _check_ladders(sheet: Sheet, found_at: dict[Key, tuple[Reader, int]]) -> None:
    """Tiers must begin at 1, touch, and end unbounded: every position has exactly one price."""
    for (market, category), steps in sheet.rates.items():
        steps.sort(key=lambda step: step.first)
        touch = all(
            one.last is not None and after.first == one.last + 1 for one, after in pairwise(steps)
        )
        if not touch or steps[0].first != 1 or steps[-1].last is not None:
            reader, row = found_at[market, category]
            reason = "the tiers leave a hole, overlap, or do not end unbounded."
            reader.add_problem(row, 0, f"{market}, {category}: {reason}")
