"""Room for inbound messages: what a plan hosts and keeps locked; beyond, they are counted only."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, timedelta

import structlog
from django.db import connection

from core.sql import select, statement
from hosting.inbound.senders import ResolvedMessage

log = structlog.get_logger(__name__)


class Room:
    """How many more messages of one business are written: hosted ones by month, and locked ones."""

    def __init__(
        self, month: date, this_month: int, month_before: int, older: int, locked: int
    ) -> None:
        self.month, self.locked = month, locked
        self.hosted = {"this": this_month, "before": month_before, "older": older}

    def take(self, row: ResolvedMessage) -> bool:
        """Whether the message is written; if so, it takes up room."""
        # By the time that it bears: months long past have one room together, so that made-up
        # times open no further ones.
        day = row.at.astimezone(UTC).date()
        before = (self.month - timedelta(days=1)).replace(day=1)
        which = "this" if day >= self.month else "before" if day >= before else "older"
        if self.hosted[which] > 0:
            self.hosted[which] -= 1
            return True
        self.locked -= 1
        return self.locked >= 0


def within_room(
    rows: Sequence[ResolvedMessage],
) -> tuple[list[ResolvedMessage], list[ResolvedMessage]]:
    """Split messages into those that are written and those that plans keep no more; these are
    counted. Call across businesses, in the transaction that writes them.
    """
    rooms = _rooms(sorted({row.number.business_id for row in rows}))
    kept: list[ResolvedMessage] = []
    dropped: list[ResolvedMessage] = []
    for row in rows:
        room = rooms.get(row.number.business_id)
        (kept if room is None or room.take(row) else dropped).append(row)
    if dropped:
        _count(Counter(row.number.business_id for row in dropped))
    return kept, dropped


def _rooms(business_ids: list[int]) -> dict[int, Room]:
    found = select("hosting", "inbound_room", {"business_ids": business_ids})
    return {
        row["business_id"]: Room(
            row["month"],
            int(row["this_month"]),
            int(row["month_before"]),
            int(row["older"]),
            int(row["locked"]),
        )
        for row in found
    }


def _count(dropped: Counter[int]) -> None:
    log.warning("messages_over_plan_dropped", businesses=dict(dropped))
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "count_dropped"),
            {"business_ids": list(dropped), "messages": list(dropped.values())},
        )
