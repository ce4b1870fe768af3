"""The recount of the books: all checks over a ledger of a million charges.

`BENCH_CHARGES` sets how many (1,000,000), of 100 businesses in five months. Messages, charges,
tallies and usage are written by SQL; the months are closed and their invoices issued by the
product, and a tenth of the charges is reversed.
"""

import os
import resource
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

CHARGES = int(os.environ.get("BENCH_CHARGES", "1000000"))
BUSINESSES = int(os.environ.get("BENCH_BUSINESSES", "100"))
MONTHS = [date(2026, month, 1) for month in (1, 2, 3, 4, 5)]
GOAL = 60.0

PHONES = ["1415", "9198", "4915", "5511", "999"]
MESSAGES = """
INSERT INTO hosting_message (id, business_id, conversation_id, number_id, contact_id, wamid,
    direction, kind, text, content, context_wamid, tracker, category, window_open,
    status, created_at, delivered_at)
SELECT n, 1 + n %% %(businesses)s, c.id, 1 + n %% %(businesses)s, c.id, 'wamid.' || n, 'out',
       'text', 'x', '{}', '', '', (ARRAY['utility', 'marketing'])[1 + (n / 7) %% 2], false,
       'delivered',
       d.at, d.at
  FROM generate_series(1, %(charges)s) n
 CROSS JOIN LATERAL (SELECT (1 + n %% %(businesses)s) * 100 + (n / %(businesses)s) %% 20 AS id) c
 CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01+00'
                            + n * (interval '150 days' / %(charges)s) AS at) d
"""
# Positions are dense, prices those of the tiers in force.
LEDGER = """
INSERT INTO billing_charge (message_id, business_id, month, billed_month, market, category, rule,
    position, tier_id, version_id, price_micros, delivered_at, charged_at)
SELECT x.id, x.business_id, x.month, x.month, x.market, x.category, 'tier', x.position, t.id, v.id,
       t.price_micros, x.delivered_at, now()
  FROM (SELECT m.*, z.month, k.market,
               row_number() OVER (PARTITION BY m.business_id, z.month, k.market, m.category
                                  ORDER BY m.id) AS position
          FROM hosting_message m
         CROSS JOIN LATERAL (
                SELECT date_trunc('month', m.delivered_at AT TIME ZONE 'UTC')::date AS month) z
          JOIN hosting_contact p ON p.id = m.contact_id
          JOIN (SELECT DISTINCT left(wa_id, 4) AS digits, b.market FROM hosting_contact
                 CROSS JOIN LATERAL billing_market(wa_id, '2026-01-01') b) k
            ON k.digits = left(p.wa_id, 4)) x
  JOIN billing_cardversion v ON v.id = (SELECT min(id) FROM billing_cardversion)
  JOIN billing_rate r ON r.version_id = v.id AND r.market_id = x.market AND r.category = x.category
  JOIN billing_tier t ON t.rate_id = r.id AND x.position >= t.first
   AND (t.last IS NULL OR x.position <= t.last)
 ORDER BY x.id
"""
REVERSED = """
INSERT INTO billing_charge (message_id, business_id, month, billed_month, market, category, rule,
    position, tier_id, version_id, price_micros, delivered_at, charged_at, reverses_id, note)
SELECT message_id, business_id, month, billed_month, market, category, rule, position, tier_id,
       version_id, -price_micros, delivered_at, now(), id, 'benchmark'
  FROM billing_charge WHERE message_id %% 10 = 3
"""
ROLLUP = [
    """INSERT INTO billing_tally (business_id, month, market, category, rule, positions)
       SELECT business_id, month, market, category, rule, count(*) FROM billing_charge
        WHERE reverses_id IS NULL GROUP BY 1, 2, 3, 4, 5""",
    """INSERT INTO billing_usage (business_id, billed_month, month, market, category, rule,
           version_id, tier_id, price_micros, messages, amount_micros)
       SELECT business_id, billed_month, month, market, category, rule, version_id, tier_id,
              max(price_micros), sum(CASE WHEN reverses_id IS NULL THEN 1 ELSE -1 END),
              sum(price_micros)
         FROM billing_charge GROUP BY 1, 2, 3, 4, 5, 6, 7, 8""",
]


def main() -> None:
    """Fill, close the months, recount, print."""
    with benchmark_servers() as servers:
        _people()
        _fill(servers.environment["DATABASE_SUPERUSER_URL"])
        _close()
        with psycopg.connect(
            servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True
        ) as database:
            database.execute("VACUUM ANALYZE")
            figures = [*_recount(database)]
    show(f"A recount of {CHARGES:,} charges, {BUSINESSES:,} businesses", figures)


def _people() -> None:
    """Businesses on a plan with a fee since January, each with a number and twenty customers."""
    from accounts.models import Business, PlanTerm
    from core.tenancy import system
    from hosting.models import Account, Contact, Conversation, Number

    now, began = datetime(2026, 6, 20, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    everyone = range(1, BUSINESSES + 1)
    with system("benchmark"):
        for n in everyone:
            Business.objects.create(
                id=n, name=f"b{n}", plan_id="team", timezone="UTC", clock_at=now, created_at=began
            )
        PlanTerm.objects.update(started_at=began)
        Account.objects.bulk_create(Account(id=n, business_id=n, name=f"b{n}") for n in everyone)
        Number.objects.bulk_create(
            Number(id=n, business_id=n, account_id=n, digits=f"1555{n:07}", is_test=False)
            for n in everyone
        )
        people = [
            Contact(id=n * 100 + i, business_id=n, wa_id=f"{PHONES[i % 5]}{i:07}")
            for n in everyone
            for i in range(20)
        ]
        Contact.objects.bulk_create(people)
        Conversation.objects.bulk_create(
            Conversation(
                id=one.pk, business_id=one.business_id, number_id=one.business_id, contact=one
            )
            for one in people
        )


def _fill(address: str) -> None:
    began = time.perf_counter()
    size = {"businesses": BUSINESSES, "charges": CHARGES}
    with psycopg.connect(address, autocommit=True) as database:
        database.execute("SET session_replication_role = replica")
        for statement in (MESSAGES, "ANALYZE hosting_message", LEDGER, REVERSED, *ROLLUP):
            database.execute(statement, size)
        database.execute("RESET session_replication_role")
        for table in ("hosting_contact", "hosting_message", "hosting_number", "accounts_business"):
            database.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100000000)")
        database.execute("VACUUM ANALYZE")
    print(f"  {CHARGES:,} charges written in {time.perf_counter() - began:.0f} s", flush=True)


def _close() -> None:
    from accounts.models import Business
    from billing.invoices import close
    from billing.models import Seller
    from core.tenancy import system

    began = time.perf_counter()
    with system("benchmark"):
        Seller.objects.update(address="1 Main St", country="US", vat_id="")
        businesses = list(Business.objects.order_by("id"))
    made = [
        close.close_period(business=business, month=month)
        for business in businesses
        for month in MONTHS
    ]
    count = sum(invoice is not None for invoice in made)
    print(f"  {count:,} invoices issued in {time.perf_counter() - began:.0f} s", flush=True)


def _recount(database: "psycopg.Connection[Any]") -> list[Figure]:
    """Seconds of each check, and of all, with the processor time of PostgreSQL and this process."""
    from billing.metering import reconciliation
    from core.sql import statement

    found = reconciliation.reconcile()
    if found:
        print(f"  {len(found)} differences, the first: {found[0]}")
    figures = []
    for check in reconciliation.CHECKS:
        began = time.perf_counter()
        database.execute(statement("billing", check), {"month": None}).fetchall()
        figures.append(Figure("reconcile", check, time.perf_counter() - began, None, "s"))
    load = os.getloadavg()[0]
    own = resource.getrusage(resource.RUSAGE_SELF)
    began, busy = time.perf_counter(), _busy_seconds()
    reconciliation.reconcile()
    taken, used = time.perf_counter() - began, _busy_seconds() - busy
    after = resource.getrusage(resource.RUSAGE_SELF)
    figures += [
        Figure("reconcile", "all checks", taken, GOAL, "s"),
        Figure("reconcile", "all checks, processor time of PostgreSQL", used, GOAL, "s"),
        Figure(
            "reconcile", "all checks, processor time of Python",
            after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime, None, "s",
        ),
        Figure("reconcile", "load of the machine before", load, None, "processes"),
    ]  # fmt: skip
    return figures


def _busy_seconds() -> float:
    """Processor seconds of the whole server so far: of its running processes and those that ended,
    such as parallel workers.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = int(_process(str(cursor.fetchone()[0]))[1])
    running = [_process(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    mine = [fields for fields in running if fields and int(fields[1]) == server]
    ended = _process(str(server))
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in mine)
    ticks += sum(int(ended[n]) for n in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


def _process(pid: str) -> list[str]:
    """Fields of a process's state, its parent second; none where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
