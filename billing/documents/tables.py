"""CSV (RFC 4180) of invoice lines and of the messages behind them, safe to open in a
spreadsheet.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.db import connection
from psycopg import ClientCursor

from billing.documents.content import DocumentContent
from billing.models import Invoice, LineKind
from core import money
from core.csv import cell, csv_rows
from core.sql import statement
from core.tenancy import scope

LINE_COLUMNS = (
    "invoice",
    "line",
    "kind",
    "description",
    "month",
    "market",
    "category",
    "rule",
    "tier_first",
    "tier_last",
    "quantity",
    "unit_price",
    "amount",
    "currency",
    "exact_amount",
)
MESSAGE_COLUMNS = (
    "invoice",
    "line",
    "message_id",
    "wamid",
    "to",
    "delivered_at",
    "month",
    "market",
    "category",
    "rule",
    "position",
    "tier_first",
    "tier_last",
    "price",
    "currency",
)


# Cursor (position, charge) before the first message of a line, and an upper bound of both.
BEGINNING = (0, 0)
MAX_POSITION = 2**63 - 1
POSITIONS_PER_COPY = 25_000


class MessageRow(NamedTuple):
    """A charged message behind an invoice line; `id` is the charge's."""

    id: int
    line: int
    message_id: int
    wamid: str | None
    to: str | None
    delivered_at: datetime
    month: date
    market: str
    category: str
    rule: str
    position: int
    tier_first: int | None
    tier_last: int | None
    price_micros: int


def lines_csv(invoice: Invoice) -> Iterator[str]:
    """The invoice's lines as CSV text."""
    return csv_rows(
        LINE_COLUMNS,
        (
            (
                invoice.number,
                line.position,
                line.kind,
                line.description,
                f"{line.month:%Y-%m}",
                line.market,
                line.category,
                line.rule,
                line.tier_first,
                line.tier_last,
                line.quantity,
                "" if line.prices_differ else money.micro_amount(line.unit_price_micros),
                money.minor_amount(line.amount_minor, invoice.currency),
                invoice.currency,
                money.micro_amount(line.amount_micros),
            )
            for line in invoice.lines.all()
        ),
    )


def credit_note_csv(content: DocumentContent) -> bytes:
    """The lines of a credit note as CSV."""
    header = ("number", "line", "description", "month", "amount", "currency")
    rows = (
        (
            content.number,
            line.position,
            line.description,
            f"{line.month:%Y-%m}",
            money.minor_amount(line.amount_minor, content.currency),
            content.currency,
        )
        for line in content.lines
    )
    return "".join(csv_rows(header, rows)).encode()


def messages_csv(invoice: Invoice, *, line: int | None = None) -> Iterator[str]:
    """Messages behind the invoice, or behind one line (by position), as CSV text written by
    PostgreSQL.

    Reads a range of positions at a time, so that memory stays flat and no transaction waits for a
    slow reader.
    """
    yield from csv_rows(MESSAGE_COLUMNS, [])
    with scope(invoice.business_id), connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "positions_behind"), {"invoice_id": invoice.pk, "line": line}
        )
        lines = cursor.fetchall()
    for position, market, first, last in lines:
        for begin in range(first or 0, (last or -1) + 1, POSITIONS_PER_COPY):
            yield _copy_csv(
                invoice, position, market, begin, min(begin + POSITIONS_PER_COPY - 1, last)
            )


def _copy_csv(invoice: Invoice, line: int, market: str, first: int, last: int) -> str:
    values = {
        "invoice": cell(str(invoice)),
        "currency": invoice.currency,
        "market": cell(market),
        "invoice_id": invoice.pk,
        "line": line,
        "position": first - 1,
        "after": MAX_POSITION,
        "upto": last,
        "limit": None,
    }
    query = statement("billing", "copy_messages").replace(
        "/* behind */", statement("billing", "messages_behind")
    )
    with scope(invoice.business_id), connection.cursor() as cursor:
        # COPY takes no parameters: the driver quotes them into the text.
        text = ClientCursor(cursor.connection).mogrify(query, values)
        with cursor.copy(text) as rows:
            return b"".join(rows).decode().replace("\n", "\r\n")


def messages_page(
    invoice: Invoice, *, line: int, after: str = "", limit: int = 50
) -> tuple[list[dict[str, Any]], str]:
    """Messages behind one line from a cursor (`<position>.<charge>`) on, and the next cursor (empty
    at the end).

    An invalid cursor starts at the beginning.
    """
    position, _, charge = after.partition(".")
    known = position.isdecimal() and charge.isdecimal() and len(after) < 38
    found = _messages_of_line(
        invoice, line, (int(position), int(charge)) if known else BEGINNING, limit + 1
    )
    rows = [row._asdict() for row in found[:limit]]
    return rows, f"{rows[-1]['position']}.{rows[-1]['id']}" if len(found) > limit else ""


def message_rows(
    invoice: Invoice, line: int | None = None, chunk: int = 10_000
) -> Iterator[tuple[Any, ...]]:
    """Values of `MESSAGE_COLUMNS` for every message behind an invoice or one of its lines; one
    chunk in memory.
    """
    for position in [line] if line is not None else _message_lines(invoice):
        cursor, length = BEGINNING, chunk
        while length == chunk:
            # One scope per chunk, because a response streams after the view's transaction.
            with scope(invoice.business_id):
                rows = _messages_of_line(invoice, position, cursor, chunk)
            length = len(rows)
            for row in rows:
                cursor = (row.position, row.id)
                yield (
                    invoice.number,
                    row.line,
                    row.message_id,
                    row.wamid,
                    row.to,
                    _timestamp(row.delivered_at),
                    f"{row.month:%Y-%m}",
                    row.market,
                    row.category,
                    row.rule,
                    row.position,
                    row.tier_first,
                    row.tier_last,
                    money.micro_amount(row.price_micros),
                    invoice.currency,
                )


def _timestamp(at: datetime) -> str:
    """A timestamp as PostgreSQL writes it: without trailing zeros of the fraction."""
    whole, _, fraction = at.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
    return f"{whole}.{fraction.rstrip('0')}+00:00" if fraction else f"{whole}+00:00"


def _message_lines(invoice: Invoice) -> list[int]:
    with scope(invoice.business_id):
        return list(
            invoice.lines.filter(kind__in=[LineKind.MESSAGES, LineKind.LATE])
            .order_by("position")
            .values_list("position", flat=True)
        )


def _messages_of_line(
    invoice: Invoice, line: int, after: tuple[int, int], limit: int
) -> list[MessageRow]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("billing", "messages_behind"),
            {
                "invoice_id": invoice.pk,
                "line": line,
                "position": after[0],
                "after": after[1],
                "upto": MAX_POSITION,
                "limit": limit,
            },
        )
        return [MessageRow(*row) for row in cursor.fetchall()]
