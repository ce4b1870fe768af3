"""Metering: deliveries become charges exactly once, one transaction per batch."""

from collections.abc import Iterable

import structlog
from django.db import connection
from django.db.backends.utils import CursorWrapper

from billing.models import Quarantine
from core.sql import execute_prepared, fetch_prepared, statement
from core.tenancy import system

log = structlog.get_logger(__name__)

BATCH = 10_000
_BATCH_TABLE = """
    CREATE TEMP TABLE IF NOT EXISTS meter_batch (
        message_id bigint, business_id bigint, number_id bigint, recipient text, category text,
        window_open boolean, free_entry boolean, free_entry_at timestamptz, kind text,
        accepted_at timestamptz, delivered_at timestamptz, failed boolean
    ) ON COMMIT DELETE ROWS
"""

# The planner cannot know how large a batch or a CTE is and takes one row: nested loops over
# thousands of rows would be a hundred times slower than the hash joins that fit any size.
_PLAN = "SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)"


def meter_due(limit: int = BATCH, *, shard: int = 0, shards: int = 1) -> int:
    """Price up to `limit` waiting deliveries in one transaction; returns how many left the queue.

    With `shards` > 1 only businesses whose id leaves remainder `shard` are taken, so that workers
    do not compete. What cannot be priced goes to the quarantine and does not block the queue.
    """
    with system("metering prices every business"), connection.cursor() as cursor:
        cursor.execute(_BATCH_TABLE)
        # Rows can only be left from a batch earlier in this transaction. TRUNCATE would invalidate
        # prepared plans.
        cursor.execute("DELETE FROM pg_temp.meter_batch")
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM hosting_delivery WHERE %s = 1 OR business_id %% "
            "%s = %s LIMIT 1) x",
            [shards, shards, shard],
        )
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(
            statement("billing", "claim_deliveries"),
            {"limit": limit, "shard": shard, "shards": shards},
        )
        claimed = int(cursor.rowcount)
        if claimed > 0:
            _price(cursor, claimed)
    return claimed


def _price(cursor: CursorWrapper, claimed: int) -> None:
    """Turn the batch into charges and quarantine rows.

    Raises RuntimeError when they do not add up to the batch, with failures that cost nothing taken
    off.
    """
    # A small batch is planned for longer than it takes.
    execute_prepared(statement("billing", "settle_commitments"))
    cursor.execute(_PLAN)
    execute_prepared(statement("billing", "lock_periods"))
    dropped = execute_prepared(statement("billing", "drop_failed"))
    execute_prepared(statement("billing", "open_periods"))
    charged, quarantined = fetch_prepared(statement("billing", "meter")) or (0, 0)
    # No claimed row may be lost: an error puts the batch back into the queue.
    if charged + quarantined + dropped != claimed:
        raise RuntimeError(
            f"{claimed} claimed, {charged} charged, {quarantined} quarantined, {dropped} failed"
        )
    if quarantined:
        log.warning("deliveries_quarantined", count=quarantined)


def requeue(quarantined: Iterable[int]) -> int:
    """Put quarantined deliveries (by id) back into the queue after the cause was corrected; returns
    how many.
    """
    with system("operators re-queue for any business"), connection.cursor() as cursor:
        cursor.execute(statement("billing", "requeue"), [list(quarantined)])
        return int(cursor.rowcount)


def waiting_in_quarantine() -> int:
    """Number of quarantined deliveries."""
    with system("the front page counts for all"):
        return Quarantine.objects.count()


def oldest_waiting_seconds() -> float:
    """Age of the oldest delivery waiting to be metered, in seconds; 0 without one."""
    with system("the queue belongs to every business"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM hosting_delivery"
        )
        return float(cursor.fetchone()[0])
