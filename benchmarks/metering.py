"""Metering: deliveries charged per second, beside INSERT … SELECT of the same ledger rows."""

import multiprocessing
import os
import time

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

ROWS = int(os.environ.get("BENCH_ROWS", "200000"))
BUSINESSES = 1_000
BATCH = 10_000  # as billing.metering's

QUEUE = """
INSERT INTO hosting_delivery (message_id, business_id, number_id, recipient, category, window_open,
    free_entry,
                              delivered_at, created_at)
SELECT %(base)s + n, 1 + n %% %(businesses)s, 1,
       (ARRAY['14155550100', '919820012345', '5511987654321', '4915112345678', '447400123456',
           '525512345678'])[1 + n %% 6],
       (ARRAY['utility', 'marketing', 'service', 'authentication'])[1 + (n / 7) %% 4], false, false,
       timestamptz '2026-05-01' + (n %% 40000) * interval '1 minute', now()
  FROM generate_series(1, %(rows)s) n
"""
LEDGER = """message_id, business_id, month, billed_month, market, category, rule, position,
            tier_id, version_id,
            price_micros, delivered_at, charged_at"""


def main() -> None:
    """Measure and print."""
    with benchmark_servers() as servers:
        figures = [
            _against_plain(servers, workers=1, hot=False),
            _against_plain(servers, workers=2, hot=False),
            _against_plain(servers, workers=4, hot=False),
            _against_plain(servers, workers=1, hot=True),
            _against_orm(),
        ]
    show(f"Metering, {ROWS:,} deliveries, batches of {BATCH:,}", figures)


def _superuser(servers):
    import psycopg

    return psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True)


def _prepare(servers, *, businesses: int, base: int, rows: int) -> None:
    with _superuser(servers) as db:
        db.execute(
            """INSERT INTO accounts_business (id, name, plan_id, country, timezone, currency,
                created_at, suspended_reason)
               SELECT n, 'b' || n, 'business', 'US', 'UTC', 'USD', now(), ''
                   FROM generate_series(1, %s) n
               ON CONFLICT DO NOTHING""",
            [BUSINESSES],
        )
        db.execute(QUEUE, {"base": base, "businesses": businesses, "rows": rows})
        db.execute("VACUUM ANALYZE hosting_delivery")
        db.execute("ANALYZE billing_charge")
        db.execute("CHECKPOINT")


_base = 0


def _against_plain(servers, *, workers: int, hot: bool) -> Figure:
    """Meter the queue, then copy its rows into an equal table on as many connections."""
    global _base
    _prepare(servers, businesses=1 if hot else BUSINESSES, base=_base, rows=ROWS)
    seconds = _run(_meter, workers)
    first, _base = _base, _base + ROWS
    with _superuser(servers) as db:
        written = db.execute(
            "SELECT count(*) FROM billing_charge WHERE message_id > %s", [first]
        ).fetchone()[0]
        assert written == ROWS, f"{written} of {ROWS} were charged"
        db.execute("DROP TABLE IF EXISTS plain_rows, plain_ledger")
        db.execute(
            f"""CREATE TABLE plain_rows AS SELECT row_number() OVER (ORDER BY id) AS n, {LEDGER}
                  FROM billing_charge WHERE message_id > {first}"""
        )
        db.execute("CREATE UNIQUE INDEX ON plain_rows (n)")
        db.execute("CREATE TABLE plain_ledger (LIKE billing_charge INCLUDING ALL)")
        db.execute("GRANT ALL ON plain_rows, plain_ledger TO parley_app, parley_system")
        db.execute("VACUUM ANALYZE plain_rows")
        db.execute("CHECKPOINT")
    plain = _run(_insert_plain, workers)
    over = "1 hot business" if hot else f"{BUSINESSES:,} businesses"
    return Figure(
        "metering", f"{workers} worker(s), {over}", ROWS / seconds, ROWS / plain, "deliveries/s"
    )


def _run(work, workers: int) -> float:
    """Seconds that `workers` processes take together, without their start."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Semaphore(0), context.Event()
    processes = [
        context.Process(target=_worker, args=(work, n, workers, ready, go)) for n in range(workers)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    start = time.perf_counter()
    go.set()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - start


def _worker(work, shard: int, shards: int, ready, go) -> None:
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    ready.release()
    go.wait()
    work(shard, shards)


def _meter(shard: int, shards: int) -> None:
    from billing.metering import meter

    while meter.meter_due(BATCH):
        pass


def _insert_plain(shard: int, shards: int) -> None:
    from django.db import connection

    from core.tenancy import system

    for start in range(shard * BATCH, ROWS, BATCH * shards):
        with system("benchmark"), connection.cursor() as cursor:
            cursor.execute(
                f"""INSERT INTO plain_ledger ({LEDGER}, id) SELECT {LEDGER}, n FROM plain_rows
                     WHERE n > {start} AND n <= {start + BATCH}"""
            )


def _against_orm() -> Figure:
    """One ORM transaction per message, for comparison."""
    from datetime import UTC, date, datetime

    from billing.models import Charge, Tally
    from core.tenancy import system

    rows, month = 400, date(2025, 3, 1)
    start = time.perf_counter()
    for n in range(rows):
        with system("benchmark"):
            key = {
                "business_id": 1 + n % 50,
                "month": month,
                "market": "India",
                "category": "utility",
                "rule": "tier",
            }
            tally, _ = Tally.objects.select_for_update().get_or_create(
                **key, defaults={"positions": 0}
            )
            tally.positions += 1
            tally.save(update_fields=["positions"])
            Charge.objects.create(
                **key,
                message_id=-1 - n,
                billed_month=month,
                position=tally.positions,
                version_id=1,
                price_micros=6_100,
                delivered_at=datetime(2025, 3, 5, tzinfo=UTC),
            )
    seconds = time.perf_counter() - start
    return Figure(
        "metering",
        "one ORM transaction a message, 1 worker (for scale)",
        rows / seconds,
        None,
        "messages/s",
    )
