"""Broadcast reports: counts of results, and each recipient as CSV."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from core.csv import csv_line
from hosting.models import Broadcast, BroadcastRecipient, Message

MAX_COUNTED_LIVE = 5_000
MAX_REASONS = 10
CHUNK = 5_000
COLUMNS = (
    "row",
    "number",
    "result",
    "reason",
    "message_id",
    "status",
    "sent_at",
    "delivered_at",
    "read_at",
    "error",
)


def now() -> datetime:
    """Return the real time, by which the sending rate is measured even on a test clock."""
    return timezone.now()


def status_counts(broadcast: Broadcast) -> dict[str, int]:
    """Return how many messages have each status now; `gone` counts deleted ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(m.status, 'gone'), count(*)
                 FROM hosting_broadcastrecipient r
                 LEFT JOIN hosting_message m
                   ON m.id = r.message_id AND m.business_id = r.business_id
                WHERE r.broadcast_id = %s AND r.state = 'sent' GROUP BY 1""",
            [broadcast.pk],
        )
        counts: dict[str, int] = dict(cursor.fetchall())
    delivered = counts.get("delivered", 0) + counts.get("read", 0)
    return counts | {
        "reached": delivered,
        "under_way": counts.get("accepted", 0) + counts.get("sent", 0),
    }


def failure_reasons(broadcast: Broadcast) -> list[tuple[str, int]]:
    """Return (reason, count) of failed and skipped recipients, the most frequent first."""
    if not (broadcast.failed or broadcast.skipped):
        return []
    rows = broadcast.recipients.filter(
        state__in=[BroadcastRecipient.State.FAILED, BroadcastRecipient.State.SKIPPED]
    )
    return list(
        rows.values_list("reason").annotate(n=Count("id")).order_by("-n", "reason")[:MAX_REASONS]
    )


def as_csv(broadcast: Broadcast) -> Iterator[str]:
    """Yield each recipient as a line of CSV in the list's order, then the invalid rows."""
    yield csv_line(COLUMNS)
    after = 0
    while rows := list(broadcast.recipients.filter(row__gt=after).order_by("row")[:CHUNK]):
        messages = Message.objects.filter(
            business_id=broadcast.business_id,
            pk__in=[row.message_id for row in rows if row.message_id],
        ).in_bulk()
        for row in rows:
            yield csv_line(_cells(row, messages.get(row.message_id or 0)))
        after = rows[-1].row
    for number, reason in broadcast.invalid:
        yield csv_line((number, "", "invalid", reason, "", "", "", "", "", ""))


def _cells(row: BroadcastRecipient, message: Message | None) -> tuple[object, ...]:
    if message is None:
        return (row.row, row.wa_id, row.state, row.reason, "", "", "", "", "", "")
    times = (message.created_at, message.delivered_at, message.read_at)
    return (
        row.row,
        row.wa_id,
        row.state,
        row.reason,
        message.wamid,
        message.status,
        *(at.isoformat() if at else "" for at in times),
        message.error_reason,
    )
