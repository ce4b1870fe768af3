"""The one guard against CSV cells that a spreadsheet would run as formulas."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from core.csv import cell, csv_line, csv_rows

ROOT = Path(settings.BASE_DIR)
# Files that are read back as they were written, so that a cell must stay as it is, or has an
# escape of its own that reading takes away.
UNGUARDED = {
    "billing/rate_cards/csv_export.py": "rate cards, of market names and numbers",
    "core/csv.py": "the guard",
    "demo/shop.py": "a feed made by the demo",
    "hosting/imports/formats/records.py": "its own escape, which reading takes away",
    "shops/catalog/imports.py": "product feeds, which read back as they were",
}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+491701234567", "'+491701234567"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (' "=cmd', "' \"=cmd"),
        ("'=cmd", "''=cmd"),
        ("＝1", "'＝1"),
        ("\t=1", "'\t=1"),
        ("|calc", "'|calc"),
        ("\x00=1", "'\x00=1"),
        ("plain = text", "plain = text"),
        ("", ""),
        (None, ""),
        (-2, -2),
        (Decimal("-0.0050"), "-0.0050"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_text_never_runs_and_numbers_stay_numbers(value: Any, written: Any) -> None:
    assert cell(value) == written


def test_lines_are_rfc_4180() -> None:
    assert csv_line(('say "hi"', "=1", 2)) == '"say ""hi""",\'=1,2\r\n'
    assert "".join(csv_rows(["a", "b"], [["x,y", None]])) == 'a,b\r\n"x,y",\r\n'


def test_nobody_else_writes_csv() -> None:
    apps = ("core", "accounts", "hosting", "billing", "shops", "demo")
    writers = {
        str(file.relative_to(ROOT))
        for app in apps
        for file in (ROOT / app).rglob("*.py")
        if re.search(r"\bcsv\.(writer|DictWriter)\(", file.read_text(encoding="utf-8"))
    }
    assert writers == set(UNGUARDED)
