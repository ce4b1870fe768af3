"""Lines of CSV that a spreadsheet may open."""

import csv
from io import StringIO

# A cell that begins so could run as a formula where it is opened.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: tuple[object, ...]) -> str:
    """One line of CSV; what could run as a formula is quoted."""
    text = StringIO()
    csv.writer(text).writerow(
        f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in cells
    )
    return text.getvalue()
