"""CSV that is safe to open in a spreadsheet: the one guard against cells that run as formulas."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.http import HttpResponse

# A spreadsheet may run a cell that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "|", "%", "\x00")


class _Echo:
    def write(self, text: str) -> str:
        return text


def cell(value: Any) -> Any:
    """A cell: numbers stay numbers, None is empty, text that could run as a formula is prefixed
    with an apostrophe.
    """
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value.lstrip(" \"'").startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def guarded(text: str) -> str:
    """A cell that no spreadsheet runs as a formula, and that `plain` gives back exactly."""
    is_risky = text.lstrip(" \"'").startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if is_risky or text.startswith("'") else text


def plain(cell: str) -> str:
    """The text of a guarded cell."""
    return cell[1:] if cell.startswith("'") and guarded(cell[1:]) == cell else cell


def csv_line(cells: Iterable[Any]) -> str:
    """One line of CSV (RFC 4180) with safe cells."""
    line: str = csv.writer(_Echo()).writerow([cell(value) for value in cells])
    return line


def csv_rows(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """CSV text, row by row: the header as it is, then safe cells."""
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def csv_response(name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> HttpResponse:
    """A download of a page's table, as `csv_download`."""
    return csv_download(name, csv_rows(header, rows))


def csv_download(name: str, lines: Iterable[str]) -> HttpResponse:
    """A download of lines of CSV: `<name>.csv` in UTF-8, marked so that spreadsheets know it."""
    return HttpResponse(
        "".join(lines).encode("utf-8-sig"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
