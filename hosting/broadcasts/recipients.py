"""Parsing of recipient lists, pasted or uploaded, into numbers and template variables.

No database.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO

from django.utils.translation import gettext as _

from core.errors import BadInput
from hosting.cloudapi.phone_numbers import NoNumber, digits_of_number, looks_like_a_number

MAX_ROWS = 100_000
MAX_BYTES = 20 * 1024 * 1024
MAX_VALUE = 1024
MAX_INVALID_KEPT = 1000
NUMBER_HEADINGS = frozenset((
    "phone", "number", "to", "mobile", "cell", "whatsapp", "wa_id", "telephone", "phone_number",
    "phonenumber", "telefon", "nummer", "handy", "mobil", "telefonnummer", "rufnummer", "empfänger",
    "recipient",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListedRecipient:
    """One valid row of the list; `variables` are in the template's order."""

    row: int
    wa_id: str
    variables: list[str]


@dataclass
class RecipientList:
    """A parsed list: valid rows, invalid rows with their reasons, and the number of duplicates."""

    found: list[ListedRecipient] = field(default_factory=list)
    invalid: list[tuple[int, str]] = field(default_factory=list)
    invalid_count: int = 0
    duplicates: int = 0

    def add_invalid(self, row: int, reason: str) -> None:
        """Count an invalid row; the first thousand are kept with their reason."""
        self.invalid_count += 1
        if len(self.invalid) < MAX_INVALID_KEPT:
            self.invalid.append((row, reason))


@dataclass(frozen=True, slots=True)
class Columns:
    """The index of the column with the number, those of the variables in their order, and how many
    columns the first row has.
    """

    number: int
    variables: tuple[int, ...]
    width: int


def decoded(content: bytes) -> str:
    """Decode an uploaded list: UTF-8, UTF-16 with a byte order mark, else Windows-1252."""
    if len(content) > MAX_BYTES:
        raise BadInput(_("The file is larger than 20 MB."), field="file")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def parse_list(
    text: str, *, names: Sequence[str] = (), max_length: int = MAX_VALUE
) -> RecipientList:
    """Parse a list for a template with the variables `names`, at most `max_length` characters in
    all. Headings are optional; cells are separated by commas, semicolons or tabs. Raises BadInput
    for more than 100,000 rows or a list without any number.
    """
    parsed, seen = RecipientList(), set[str]()
    for n, (row, address) in enumerate(_rows(text, names), 1):
        if n > MAX_ROWS:
            raise BadInput(_("A list has 100,000 rows at most."), field="list")
        if isinstance(address, str):
            parsed.add_invalid(row, address)
        elif sum(map(len, address.variables)) > max_length:
            parsed.add_invalid(row, _("The text would grow too long."))
        elif address.wa_id in seen:
            parsed.duplicates += 1
        else:
            seen.add(address.wa_id)
            parsed.found.append(address)
    if not (parsed.found or parsed.invalid_count):
        raise BadInput(_("Paste numbers, or choose a file: there is none in it."), field="list")
    return parsed


def _rows(text: str, names: Sequence[str]) -> Iterator[tuple[int, ListedRecipient | str]]:
    columns: Columns | None = None
    for row, cells in _cells(text, names):
        if columns is None:
            columns, is_heading = _columns(cells, names)
            if is_heading:
                continue
        yield row, _recipient(row, cells, columns)


def _cells(text: str, names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of every row that is not blank.

    A single line of numbers is a row for each.
    """
    lines = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text))
    first: tuple[int, list[str]] | None = None
    alone = True
    try:
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if first is None:
                first = (lines.line_num, cells)
                continue
            if alone:
                alone = False
                yield first
            yield lines.line_num, cells
    except csv.Error as error:
        raise BadInput(
            _("Line %(line)d cannot be read: %(error)s.")
            % {"line": lines.line_num, "error": error},
            field="list",
        ) from None
    if first is not None and alone:
        yield from ((n, [cell]) for n, cell in enumerate(first[1], 1)) if not names else [first]


def _delimiter(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=line.count)


def _columns(cells: list[str], names: Sequence[str]) -> tuple[Columns, bool]:
    """Return the columns according to the first row, and whether it holds headings."""
    width = len(_filled(cells))
    others = tuple(range(1, len(names) + 1))
    # A number that cannot be read is a wrong row, not a heading.
    if any(map(looks_like_a_number, cells)):
        return Columns(0, others, max(width, len(names) + 1)), False
    heads = [cell.strip().strip("{}").strip().lower() for cell in cells]
    number = next(
        (n for n, head in enumerate(heads) if head.replace(" ", "_") in NUMBER_HEADINGS), 0
    )
    width = max(width, len(names) + 1)
    if names and all(name.lower() in heads for name in names):
        return Columns(number, tuple(heads.index(name.lower()) for name in names), width), True
    rest = [n for n in range(max(len(heads), len(names) + 1)) if n != number]
    return Columns(number, tuple(rest[: len(names)]), width), True


def _filled(cells: list[str]) -> list[str]:
    """Return the cells without the empty ones at the end."""
    count = max((n for n, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return cells[:count]


def _recipient(row: int, cells: list[str], columns: Columns) -> ListedRecipient | str:
    cell = cells[columns.number] if columns.number < len(cells) else ""
    if (count := len(_filled(cells))) > columns.width:
        return _(
            "The row has %(count)d cells, the first one %(width)d. Put quotes around a cell that "
            "holds the separator."
        ) % {"count": count, "width": columns.width}
    if not columns.variables and sum(map(looks_like_a_number, cells)) > 1:
        return _("There is more than one number in the row.")
    try:
        wa_id = digits_of_number(cell)
    except NoNumber as wrong:
        return _invalid_number(cell, wrong.reason)
    variables = []
    for n, column in enumerate(columns.variables, 1):
        # A template variable may hold neither line breaks nor more than four spaces in a row.
        value = " ".join(cells[column].split()) if column < len(cells) else ""
        if not value:
            return _("Variable %(n)d is empty.") % {"n": n}
        if "\0" in value or len(value) > MAX_VALUE:
            return _("Variable %(n)d is longer than 1,024 characters or cannot be written.") % {
                "n": n
            }
        variables.append(value)
    return ListedRecipient(row, wa_id, variables)


def _invalid_number(cell: str, reason: str) -> str:
    shown = cell.strip()[:30].replace("\0", "")
    if reason == NoNumber.EMPTY:
        return _("There is no number.")
    if reason == NoNumber.NATIONAL:
        return _("“%(number)s” has no country code.") % {"number": shown}
    if reason == NoNumber.SHORTENED:
        return _("A spreadsheet has shortened “%(number)s”: its last digits are lost.") % {
            "number": shown
        }
    return _("“%(number)s” is not a phone number of 7 to 15 digits.") % {"number": shown}
