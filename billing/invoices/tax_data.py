"""Loading the rules of tax from the data files of the repository, and exchange rates from files of
the European Central Bank.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from core.errors import BadInput

DATA = Path(__file__).resolve().parent.parent / "data"
FILES = {
    "TaxCountry": "tax_countries.csv",
    "TaxTerritory": "tax_territories.csv",
    "TaxRegion": "tax_regions.csv",
    "TaxRate": "tax_rates.csv",
}


def load(rows_of: Callable[[str], Any]) -> dict[str, int]:
    """Insert the rules of the data files that are not there; returns how many of each model.

    `rows_of` gives the queryset of a model by its name. Rows that operators have changed, and
    dates for which they have rows of their own, stay as they are.
    """
    added = {}
    for name, file in FILES.items():
        rows = rows_of(name)
        before = rows.count()
        rows.bulk_create(
            (rows.model(**_values(row)) for row in _rows(DATA / file)), ignore_conflicts=True
        )
        added[name] = rows.count() - before
    return added


def _values(row: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = dict(row)
    for name in ("valid_from", "valid_to"):
        if name in row:
            values[name] = date.fromisoformat(row[name]) if row[name] else None
    if "percent" in row:
        values["percent"] = Decimal(row["percent"])
    if "charges_businesses" in row:
        values["charges_businesses"] = bool(row["charges_businesses"])
    return values


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def exchange_rates(lines: Iterable[str]) -> Iterator[tuple[date, str, Decimal]]:
    """(day, currency, units for a euro) of the bank's CSV: a column a currency, a row a day.

    Raises BadInput naming line and column of what is no rate.
    """
    reader = csv.DictReader(lines, skipinitialspace=True)
    for number, row in enumerate(reader, 2):
        try:
            day = date.fromisoformat((row.pop("Date", None) or "").strip())
        except ValueError:
            raise BadInput(f"Line {number}, Date: not a date like 2026-05-29.") from None
        for name, text in row.items():
            currency = (name or "").strip()
            if not currency or text is None or text.strip() in ("", "N/A"):
                continue
            yield day, currency, _rate(text.strip(), f"Line {number}, {currency}")


def _rate(text: str, where: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise BadInput(f"{where}: {text!r} is no rate.")
    return rate
