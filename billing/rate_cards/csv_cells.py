"""Cells of a rate card's CSV file: prices, counts, currencies and names, each refused by row and
column.
"""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal

from billing.rate_cards.versions import Key, Problem, Sheet
from core import money

MAX_CHARACTERS = 5_000_000
MAX_MARKET_LETTERS = 60
MAX_MICROS = 10**15
_PRICE = re.compile(r"[0-9]*\.[0-9]+|[0-9]+|[0-9]{1,3}(,[0-9]{3})+\.[0-9]+", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,3}(,[0-9]{3}){1,5}|[0-9]{1,18}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(slots=True)
class Reader:
    """One file's rows (number, cells), and the sheet that its prices and problems go to.

    `spellings` has every market's name known so far under its plain form, `found_at` the row on
    which a market and category began; both are shared by the files of one card.
    """

    name: str
    sheet: Sheet
    spellings: dict[str, str]
    found_at: dict[Key, tuple["Reader", int]]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)

    def load(self, text: str) -> None:
        """Split the text into rows; what cannot be read to its end is a problem."""
        if len(text) > MAX_CHARACTERS:
            self.add_problem(
                0, 0, f"The file has {len(text):,} characters; {MAX_CHARACTERS:,} is the most."
            )
            return
        clean = text.replace("\x00", "").lstrip("\ufeff")
        try:
            for number, row in enumerate(csv.reader(io.StringIO(clean, newline="")), start=1):
                self.rows.append((number, row))
        except csv.Error as error:
            self.add_problem(len(self.rows) + 1, 0, f"It cannot be read as CSV: {error}.")

    def below(self, header: int) -> list[tuple[int, list[str]]]:
        """Rows under a header row that are not blank; cells beyond the header's last are
        problems.
        """
        width = len(self.rows[header][1])
        filled = [
            (number, row) for number, row in self.rows[header + 1 :] if any(map(str.strip, row))
        ]
        for number, row in filled:
            for column, cell in enumerate(row[width:], start=width + 1):
                if cell.strip():
                    self.add_problem(
                        number, column, f"'{cell[:40]}' stands in a column without a header."
                    )
        return filled

    def add_problem(self, row: int, column: int, reason: str) -> None:
        """Note a problem; row and column as a spreadsheet numbers them, 0 for all of them."""
        self.sheet.problems.append(Problem(self.name, row, column, reason))

    def cell(self, row: list[str], column: int) -> str:
        """A cell without the spaces around it; empty where the row is shorter."""
        return row[column].strip() if column < len(row) else ""

    def price(self, number: int, row: list[str], column: int) -> int | None:
        """A price in micro-units; None (and a problem) for what is no price."""
        text = self.cell(row, column)
        if not _PRICE.fullmatch(text):
            self.add_problem(number, column + 1, _no_price(text[:40]))
            return None
        micros = Decimal(text.replace(",", "")) * money.MICROS
        if micros > MAX_MICROS or micros != micros.to_integral_value():
            reason = f"'{text[:40]}' is negative, too large or finer than a millionth."
            self.add_problem(number, column + 1, reason)
            return None
        return int(micros)

    def count(self, number: int, row: list[str], column: int) -> int | None:
        """A whole number with or without thousands commas; None (and a problem) otherwise."""
        text = self.cell(row, column)
        if not _COUNT.fullmatch(text):
            self.add_problem(number, column + 1, f"'{text[:40]}' is not a whole number.")
            return None
        return int(text.replace(",", ""))

    def market(self, number: int, row: list[str]) -> str:
        """The market in the first column; empty (and a problem) for none, or one known by another
        spelling.
        """
        market = self.cell(row, 0)
        if not market or len(market) > MAX_MARKET_LETTERS:
            reason = f"A market's name has 1 to {MAX_MARKET_LETTERS} characters."
            self.add_problem(number, 1, reason)
            return ""
        known = self.spellings.setdefault(plain(market), market)
        if known != market:
            self.add_problem(number, 1, f"'{market}' is spelled '{known}' elsewhere.")
            return ""
        return market

    def currency(self, number: int, row: list[str], column: int) -> None:
        """Take the currency of a row; a problem where it is none, or another than the rows before
        have.
        """
        code = self.cell(row, column)
        if not _CURRENCY.fullmatch(code):
            self.add_problem(number, column + 1, f"'{code[:40]}' is not a currency code.")
        elif self.sheet.currency and code != self.sheet.currency:
            self.add_problem(number, column + 1, f"{code} in a file of {self.sheet.currency}.")
        else:
            self.sheet.currency = code


def plain(name: str) -> str:
    """A name without case, accents, spaces and punctuation, to compare spellings: `Côte d'Ivoire`
    is `cotedivoire`.
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def _no_price(text: str) -> str:
    if "%" in text:
        return f"'{text}' is a percentage, not a price."
    if re.fullmatch(r"-[0-9.,]+", text):
        return f"'{text}' is negative, too large or finer than a millionth."
    if re.fullmatch(r"[0-9.]*,[0-9.,]*", text):
        return f"'{text}' has a decimal comma, or could have: write 1234.50."
    return f"'{text}' is not a price."
