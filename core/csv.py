"""CSV that is safe to open in a spreadsheet."""

import csv
from io import StringIO

# A spreadsheet may run a cell that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: tuple[object, ...]) -> str:
    """One line of CSV; text that could run as a formula gets a leading apostrophe."""
    text = StringIO()
    csv.writer(text).writerow(
        f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in cells
    )
    return text.getvalue()
