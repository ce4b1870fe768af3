"""Queues of shops: rows that wait are claimed, done one by one in their tenant's scope, and put back with the reason."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import connection

from core.tenancy import scope, system
from shops.models import MAX_ATTEMPTS

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Queue:
    """A table whose open rows wait: its key column, and the condition that a row is open and its turn has come."""

    table: str
    key: str
    is_open: str = "true"

    def work(self, do: Callable[[int], None], *, limit: int = 50) -> int:
        """Claim up to `limit` rows and do each in a transaction of its own; returns how many were claimed.

        `do` gets the key, and removes the row or closes it in that transaction.
        """
        claimed = self._claim(limit)
        for key, business_id, attempts in claimed:
            try:
                with scope(business_id):
                    if self._is_mine(key, attempts):
                        do(key)
            except Exception as error:
                log.warning(
                    "row_not_done",
                    table=self.table,
                    key=key,
                    attempts=attempts,
                    error=repr(error)[:500],
                )
                self._put_back(key, attempts, repr(error)[:2000])
        return len(claimed)

    def _claim(self, limit: int) -> list[tuple[int, int, int]]:
        with system("queues belong to every business"), connection.cursor() as cursor:
            cursor.execute(
                f"""WITH due AS (
                        SELECT {self.key} FROM {self.table} q
                         WHERE attempts < %(most)s AND not_before <= statement_timestamp() AND {self.is_open}
                         ORDER BY {self.key} LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
                    UPDATE {self.table} q
                       SET attempts = attempts + 1, not_before = statement_timestamp() + make_interval(secs => %(lease)s)
                      FROM due WHERE q.{self.key} = due.{self.key}
                 RETURNING q.{self.key}, q.business_id, q.attempts""",
                {"most": MAX_ATTEMPTS, "limit": limit, "lease": LEASE_SECONDS},
            )
            return sorted(cursor.fetchall())

    def _is_mine(self, key: int, attempts: int) -> bool:
        # The attempt number is the fencing token: who slept past the lease finds another's here, or no row.
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT FROM {self.table} WHERE {self.key} = %s AND attempts = %s FOR UPDATE",
                [key, attempts],
            )
            return bool(cursor.rowcount == 1)

    def _put_back(self, key: int, attempts: int, reason: str) -> None:
        with system("queues belong to every business"), connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE {self.table} SET last_error = %s, not_before = statement_timestamp() + make_interval(secs => %s)
                     WHERE {self.key} = %s AND attempts = %s""",
                [reason, 2**attempts, key, attempts],
            )

    def oldest_waiting_seconds(self) -> float:
        """How long the oldest row has been due; 0 where none is."""
        with system("queues belong to every business"), connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT coalesce(extract(epoch FROM statement_timestamp() - min(not_before)), 0) FROM {self.table} q
                     WHERE attempts < %s AND not_before <= statement_timestamp() AND {self.is_open}""",
                [MAX_ATTEMPTS],
            )
            return float(cursor.fetchone()[0])


INCOMING = Queue("shops_incomingorder", "message_id")
# What happened to one order is told in its order: the next waits until the one before is told, or given up.
NEWS = Queue(
    "shops_ordernews",
    "id",
    """told_at IS NULL AND NOT EXISTS (SELECT FROM shops_ordernews e WHERE e.order_id = q.order_id AND e.id < q.id
        AND e.told_at IS NULL AND e.attempts < 5)""",
)
