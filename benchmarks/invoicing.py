"""Invoicing: closing months, PDFs, and exporting the messages of an invoice, with limits."""

import os
import resource
import time
from datetime import date

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

ROWS = int(os.environ.get("BENCH_ROWS", "200000"))
MONTHS = int(os.environ.get("BENCH_MONTHS", "50"))
PDFS = int(os.environ.get("BENCH_PDFS", "60"))
MAY = date(2026, 5, 1)
MARKETS = [
    "14155550100",
    "919820012345",
    "5511987654321",
    "4915112345678",
    "447400123456",
    "525512345678",
]

BUSINESS = """
INSERT INTO accounts_business (id, name, plan_id, country, timezone, currency, created_at,
    suspended_reason, clock_at)
SELECT n, 'b' || n, 'business', 'US', 'UTC', 'USD', '2026-05-01', '', '2026-06-03'
    FROM generate_series(%(first)s::int, %(last)s::int) n
"""
DELIVERIES = """
INSERT INTO hosting_delivery (message_id, business_id, number_id, recipient, category, window_open,
    free_entry,
                              delivered_at, created_at)
SELECT %(base)s::bigint + n, %(first)s::int + n / %(each)s::int, 1,
    (%(markets)s::text[])[1 + n %% 6],
       (ARRAY['utility', 'marketing', 'authentication'])[1 + (n / 7) %% 3], false, false,
       timestamptz '2026-05-01' + (n %% 40000) * interval '1 minute', now()
  FROM generate_series(0, %(each)s::int * (%(last)s::int - %(first)s::int + 1) - 1) n
"""


def main() -> None:
    """Measure and print."""
    with benchmark_servers() as servers:
        figures = [_closing(servers), *_documents(), *_export(servers)]
    show(
        f"Invoicing, {MONTHS} months, {PDFS} documents of 60 lines,"
        f" {ROWS:,} messages behind one invoice",
        figures,
    )


def _superuser(servers):
    import psycopg

    return psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True)


_base = 0


def _businesses(servers, *, first: int, count: int, each: int) -> None:
    """Create businesses with `each` metered messages of May."""
    global _base
    from billing.metering import meter

    values = {
        "first": first,
        "last": first + count - 1,
        "each": each,
        "base": _base,
        "markets": MARKETS,
    }
    with _superuser(servers) as db:
        db.execute(BUSINESS, values)
        db.execute(DELIVERIES, values)
        db.execute("ANALYZE hosting_delivery")
    _base += count * each
    while meter.meter_due(10_000):
        pass
    with _superuser(servers) as db:
        db.execute("VACUUM ANALYZE billing_charge")


def _closing(servers) -> Figure:
    """Months closed per second, beside months with ten times the messages."""
    _businesses(servers, first=1, count=MONTHS, each=200)
    _businesses(servers, first=1001, count=MONTHS, each=2000)
    _close(range(1, 3))
    few, many = _close(range(3, MONTHS + 1)), _close(range(1003, 1001 + MONTHS))
    return Figure(
        "invoicing", "months closed, 2,000 messages each; limit: 200 each", many, few, "months/s"
    )


def _close(ids) -> float:
    from accounts.models import Business
    from billing.invoices import close
    from billing.models import Seller
    from core.tenancy import system

    with system("benchmark"):
        Seller.objects.filter(address="").update(address="1 Main Street, Springfield")
        businesses = list(Business.objects.filter(pk__in=ids).select_related("plan"))
    start = time.perf_counter()
    for business in businesses:
        assert close.close_period(business=business, month=MAY)
    return len(businesses) / (time.perf_counter() - start)


def _documents() -> list[Figure]:
    """PDFs of 60 lines per second, beside an empty page by typst to the same standard."""
    from billing.documents import pdf

    contents = _contents()
    pdf.render(contents[0])
    start = time.perf_counter()
    for content in contents:
        pdf.render(content)
    ours = PDFS / (time.perf_counter() - start)
    return [
        Figure(
            "invoicing",
            "PDF/A-3 documents of 60 lines, one core; goal: 20",
            ours,
            20.0,
            "documents/s",
        )
    ]


def _contents():
    """Contents of `PDFS` invoices of 60 lines."""
    from decimal import Decimal

    from billing.documents.content import DocumentContent, DocumentLine

    lines = [
        DocumentLine(
            n,
            "messages",
            f"Utility messages to market {n}",
            MAY,
            f"market {n}",
            (1, 1000),
            10 * n,
            9_100,
            91_000 * n,
            9 * n,
            "O",
            Decimal(0),
        )
        for n in range(1, 61)
    ]
    party = {"name": "Bakery", "address": "1 Main Street", "country": "US"}
    taxes = [{"category": "O", "percent": "0", "base_minor": 1, "tax_minor": 0, "note": ""}]
    issued, due = date(2026, 6, 2), date(2026, 6, 16)
    return [
        DocumentContent(f"INV-{n}", issued, due, MAY, "USD", party, party, lines, taxes, 1, 0, 1)
        for n in range(PDFS)
    ]


def _export(servers) -> list[Figure]:
    """All messages of an invoice as CSV, beside COPY TO of the same columns, and memory."""
    from accounts.models import Business
    from billing.documents.tables import messages_csv
    from billing.invoices import close
    from core.tenancy import system

    _businesses(servers, first=5001, count=1, each=ROWS)
    with system("benchmark"):
        business = Business.objects.get(pk=5001)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    copied, start = 0, time.perf_counter()
    with _superuser(servers) as db, db.cursor() as cursor, cursor.copy(COPY) as rows:
        for part in rows:
            copied += bytes(part).count(b"\n")
    limit = copied / (time.perf_counter() - start)
    before, start, written = _resident(), time.perf_counter(), 0
    peak = before
    for stretch in messages_csv(invoice):
        written += stretch.count("\n")
        peak = max(peak, _resident())
    ours = written / (time.perf_counter() - start)
    assert written == copied + 1 == ROWS + 1, (written, copied)
    return [
        Figure(
            "invoicing", "messages behind an invoice as CSV; limit: COPY TO", ours, limit, "rows/s"
        ),
        Figure(
            "invoicing",
            "memory above the start meanwhile; goal: 100",
            (peak - before) / 2**20,
            100.0,
            "MB",
        ),
    ]


COPY = """
COPY (SELECT c.id, c.message_id, m.wamid, p.wa_id, c.delivered_at, c.month, c.market, c.category,
    c.rule, c.position,
             c.price_micros
        FROM billing_charge c
        LEFT JOIN hosting_message m ON m.id = c.message_id AND m.business_id = c.business_id
        LEFT JOIN hosting_contact p ON p.id = m.contact_id
       WHERE c.business_id = 5001 ORDER BY c.id) TO STDOUT WITH (FORMAT csv)
"""


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
