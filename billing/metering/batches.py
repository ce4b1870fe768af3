"""Batches of deliveries: chosen and committed before they are priced, split where that fails.

A batch names its deliveries, the session that prices it, and how often that was tried. It is
deleted in the transaction that prices them. So a batch that raised, or that killed its worker, is
known afterwards: it is split into smaller ones, each in a transaction of its own, until the
delivery at fault is alone and goes to the quarantine. Other deliveries never wait for it.
"""

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper

from billing.models import Quarantine
from core.queue.settle import reason_of
from core.sql import fetch_prepared, statement
from core.tenancy import system

REASON = "metering prices every business"
LEASE_SECONDS = 60.0
# How many batches one becomes: fewer parts make fewer batches for each delivery at fault, more
# parts fewer workers lost to it.
PARTS_AFTER_ERROR, PARTS_AFTER_LOSS = 4, 16
# How often a delivery is tried alone that takes its worker with it.
MAX_LOSSES = 5
# How often a batch, and a delivery alone, is tried as it is after an error that is no fault of its
# rows; after 0.5, 1, 2 … seconds, at most five minutes.
MAX_ATTEMPTS_OF_MANY, MAX_ATTEMPTS_ALONE = 4, 10
LONGEST_DELAY = 300.0
# Classes of SQLSTATE that tell of rows: data, integrity, what a function raised, internal.
ROWS_AT_FAULT = ("22", "23", "P0", "XX")
_LOCK = "SELECT pg_advisory_xact_lock(7290002)"
_IS_ANY_DUE = """SELECT EXISTS (SELECT FROM hosting_delivery),
                        EXISTS (SELECT FROM billing_meterbatch)"""
# After whom this process's next batch begins, where not every business fits into one.
_served = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that this session may price: attempt number and session are the fencing token."""

    id: int
    attempts: int
    was_lost: bool = False  # its last worker ended without a word


def choose(limit: int) -> Batch | None:
    """A batch of up to `limit` deliveries that nobody has, a share for each business; None: none.

    Commits.
    """
    global _served
    with system(REASON), connection.cursor() as cursor:
        cursor.execute(_IS_ANY_DUE)
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_LOCK)
        values = {"limit": limit, "after": _served, "lease": LEASE_SECONDS}
        found = fetch_prepared(statement("billing", "choose_deliveries"), values)
    if found is None:
        return None
    batch_id, attempts, _served = found
    return Batch(batch_id, attempts)


def choose_failed() -> Batch | None:
    """A batch that failed or lost its worker, now of this session; None where none is due.

    Commits.
    """
    with system(REASON), connection.cursor() as cursor:
        cursor.execute(_IS_ANY_DUE)
        if not cursor.fetchone()[1]:
            return None
        cursor.execute(_LOCK)
        cursor.execute(statement("billing", "choose_failed_batch"), {"lease": LEASE_SECONDS})
        found = cursor.fetchone()
    return Batch(*found) if found else None


def claim(cursor: CursorWrapper, batch: Batch) -> int:
    """Take the batch's deliveries out of the queue, in the transaction that prices them.

    Returns how many are to be priced. The session, and with it the batch, is lost where the
    transaction is left idle for longer than the lease.
    """
    cursor.execute(
        "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
        [str(int(LEASE_SECONDS * 1000))],
    )
    cursor.execute(statement("billing", "claim_deliveries"), _token(batch))
    return int(cursor.rowcount)


def fail(batch: Batch, error: Exception) -> None:
    """Split the batch, or let it wait, or put its only delivery into quarantine."""
    of_the_moment = is_of_the_moment(error)
    with system(REASON), connection.cursor() as cursor:
        is_many = _is_many(cursor, batch)
        most = MAX_ATTEMPTS_OF_MANY if is_many else MAX_ATTEMPTS_ALONE
        if of_the_moment and batch.attempts < most:
            delay = min(0.25 * 2.0**batch.attempts, LONGEST_DELAY)
            cursor.execute(statement("billing", "put_back_batch"), {"delay": delay} | _token(batch))
        elif is_many:
            _split(cursor, batch, PARTS_AFTER_LOSS if of_the_moment else PARTS_AFTER_ERROR)
        else:
            _quarantine(cursor, batch, Quarantine.Reason.ERROR, reason_of(error))


def is_of_the_moment(error: Exception) -> bool:
    """Whether an error tells nothing of the rows, such as a deadlock or a missing right."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, DatabaseError) and str(state)[:2] not in ROWS_AT_FAULT


def is_any_failed() -> bool:
    """Whether batches wait that failed before, or are being priced."""
    with system(REASON), connection.cursor() as cursor:
        cursor.execute(_IS_ANY_DUE)
        return bool(cursor.fetchone()[1])


def set_aside(batch: Batch) -> bool:
    """Whether a batch whose worker vanished is not to be priced as it is: it is split, or in
    quarantine.
    """
    if batch.attempts == 1 or not batch.was_lost:
        return False
    with system(REASON), connection.cursor() as cursor:
        if _is_many(cursor, batch):
            _split(cursor, batch, PARTS_AFTER_LOSS)
            return True
        if batch.attempts > MAX_LOSSES:
            error = f"Its worker ended without a word {MAX_LOSSES} times."
            _quarantine(cursor, batch, Quarantine.Reason.WORKER_LOST, error)
            return True
    return False


def _is_many(cursor: CursorWrapper, batch: Batch) -> bool:
    cursor.execute(statement("billing", "batch_size"), {"id": batch.id})
    return int(cursor.fetchone()[0]) > 1


def _split(cursor: CursorWrapper, batch: Batch, parts: int) -> None:
    cursor.execute(statement("billing", "split_batch"), {"parts": parts} | _token(batch))


def _quarantine(cursor: CursorWrapper, batch: Batch, reason: str, error: str) -> None:
    values = {"reason": str(reason), "error": error} | _token(batch)
    cursor.execute(statement("billing", "quarantine_batch"), values)
    gone, kept = cursor.fetchone()
    if gone != kept:
        raise RuntimeError(f"{gone} deliveries left the queue, {kept} are kept")


def _token(batch: Batch) -> dict[str, Any]:
    return {"id": batch.id, "attempts": batch.attempts}
