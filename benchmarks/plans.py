"""`python -m benchmarks.plans`: EXPLAIN (ANALYZE, BUFFERS) of the statements of a metering batch.

`BENCH_ROWS` sets how many charges the ledger has before (100,000); the batch is that of
`billing.metering`. The explained statements are rolled back.
"""

import os
from typing import Any

import psycopg

from benchmarks.servers import benchmark_servers

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
STEPS = ["settle_commitments", "lock_periods", "drop_failed", "open_periods", "meter"]


def main() -> None:
    """Fill a ledger and a queue, and print the plans of one batch."""
    with benchmark_servers() as servers:
        from benchmarks.ledger import BUSINESSES, PEOPLE
        from benchmarks.metering import BATCH, QUEUE
        from billing.metering import meter

        with psycopg.connect(
            servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True
        ) as database:
            database.execute(PEOPLE, [BUSINESSES])
            database.execute(QUEUE, {"base": 0, "businesses": BUSINESSES, "rows": ROWS + 2 * BATCH})
            database.execute("VACUUM ANALYZE hosting_delivery")
            for _ in range(ROWS // BATCH):
                meter.meter_due(BATCH)
            for table in ("hosting_delivery", "billing_charge", "billing_tally", "billing_usage"):
                database.execute(f"VACUUM ANALYZE {table}")
        _explain_batch(BATCH)


def _explain_batch(batch: int) -> None:
    from django.db import connection, transaction

    from billing.metering.meter import _BATCH_TABLE, _PLAN
    from core.sql import statement
    from core.tenancy import system

    with system("benchmark"), connection.cursor() as cursor:

        def explain(verb: str, parameters: dict[str, Any] | None = None) -> None:
            cursor.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement('billing', verb)}", parameters
            )
            print(f"\n== {verb}\n" + "\n".join(line for (line,) in cursor.fetchall()), flush=True)

        cursor.execute(_BATCH_TABLE)
        explain("choose_deliveries", {"limit": batch, "after": 0, "lease": 60.0})
        cursor.execute("SELECT max(id) FROM billing_meterbatch")
        explain("claim_deliveries", {"id": cursor.fetchone()[0], "attempts": 1})
        cursor.execute(_PLAN)
        for verb in STEPS:
            explain(verb)
        transaction.set_rollback(True)


if __name__ == "__main__":
    main()
