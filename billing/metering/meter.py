"""Metering: deliveries become charges exactly once, one transaction per batch."""

from collections.abc import Iterable

import structlog
from django.db import connection
from django.db.backends.utils import CursorWrapper
from prometheus_client import Counter

from billing.metering import batches
from billing.metering.batches import Batch
from billing.models import Quarantine
from core.metrics import Figure
from core.queue.settle import place_of, reason_of
from core.sql import fetch_prepared, statement
from core.tenancy import system

log = structlog.get_logger(__name__)

BATCH = 10_000
METERED = Counter("parley_metered", "Deliveries that left the queue of metering.")
_BATCH_TABLE = """
    CREATE TEMP TABLE IF NOT EXISTS meter_batch (
        message_id bigint, business_id bigint, number_id bigint, recipient text, category text,
        window_open boolean, free_entry boolean, free_entry_at timestamptz, kind text,
        accepted_at timestamptz, delivered_at timestamptz, failed boolean,
        reported bigint, reported_in text
    ) ON COMMIT DELETE ROWS
"""

# The planner cannot know how large a batch or a CTE is and takes one row: nested loops over
# thousands of rows would be a hundred times slower than the hash joins that fit any size.
_PLAN = "SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)"


def meter_due(limit: int = BATCH) -> int:
    """Price up to `limit` waiting deliveries, then one batch that failed before.

    Each is a transaction of its own. Returns how many deliveries were dealt with; 0: none is due.
    What cannot be priced goes to the quarantine, and nothing else waits for it: a batch that raises
    is split. Raises what a lost connection raises.
    """
    return _meter(batches.choose(limit)) + _meter(batches.choose_failed())


def _meter(batch: Batch | None) -> int:
    if batch is None:
        return 0
    if batches.set_aside(batch):
        return 1
    try:
        return _price_batch(batch)
    except Exception as error:
        if connection.connection is None or connection.connection.closed:
            raise
        log.warning(
            "batch_failed", batch=batch.id, attempts=batch.attempts, error=reason_of(error),
            place=place_of(error),
        )  # fmt: skip
        batches.fail(batch, error)
        return 1


def _price_batch(batch: Batch) -> int:
    with system(batches.REASON), connection.cursor() as cursor:
        cursor.execute(_BATCH_TABLE)
        # Rows can only be left from a batch earlier in this transaction. TRUNCATE would invalidate
        # prepared plans.
        cursor.execute("DELETE FROM pg_temp.meter_batch")
        claimed = batches.claim(cursor, batch)
        if claimed:
            _price(cursor, claimed)
    METERED.inc(claimed)
    return claimed


def _price(cursor: CursorWrapper, claimed: int) -> None:
    """Turn the batch into charges and quarantine rows.

    Raises RuntimeError when they do not add up to the batch, with failures that cost nothing taken
    off.
    """
    cursor.execute(statement("billing", "settle_commitments"))
    cursor.execute(_PLAN)
    cursor.execute(statement("billing", "lock_periods"))
    cursor.execute(statement("billing", "drop_failed"))
    dropped = int(cursor.rowcount)
    cursor.execute(statement("billing", "open_periods"))
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
            """SELECT coalesce(extract(epoch FROM now() - (
                          SELECT created_at FROM hosting_delivery ORDER BY id LIMIT 1)), 0)"""
        )
        return float(cursor.fetchone()[0])


def figures() -> list[Figure]:
    """What /metrics reads of metering from the database."""
    return [
        Figure(
            "parley_metering_lag_seconds",
            "Age of the oldest delivery without a charge.",
            lambda: [((), oldest_waiting_seconds())],
        ),
        Figure(
            "parley_quarantine_rows",
            "Deliveries that could not be priced.",
            lambda: [((), waiting_in_quarantine())],
        ),
    ]
