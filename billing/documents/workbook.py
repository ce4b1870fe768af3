"""Messages behind invoices as XLSX, written row by row in constant memory."""

from collections.abc import Iterable
from typing import IO

import xlsxwriter

from billing.documents.tables import MESSAGE_COLUMNS, message_rows
from billing.models import Invoice

# Rows a sheet can hold, without its header.
ROWS_A_SHEET = 1_048_575
NUMBERS = frozenset({"line", "position", "tier_first", "tier_last", "price"})


def write(file: IO[bytes], invoices: Iterable[Invoice]) -> None:
    """Write a workbook; text is never a formula or a link."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        row, sheet = ROWS_A_SHEET + 1, None
        for invoice in invoices:
            for values in message_rows(invoice):
                if row > ROWS_A_SHEET:
                    sheet, row = book.add_worksheet(), 1
                    sheet.write_row(0, 0, MESSAGE_COLUMNS)
                _write_row(sheet, row, values)
                row += 1
        if sheet is None:
            book.add_worksheet().write_row(0, 0, MESSAGE_COLUMNS)


def _write_row(sheet: xlsxwriter.worksheet.Worksheet, row: int, values: tuple[object, ...]) -> None:
    for column, (name, value) in enumerate(zip(MESSAGE_COLUMNS, values, strict=True)):
        if value is None:
            continue
        if name in NUMBERS:
            sheet.write_number(row, column, value)
        else:
            sheet.write_string(row, column, str(value))
