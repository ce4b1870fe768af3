"""How long the oldest row of each queue of hosting has waited, in seconds."""

from django.db import connection

from accounts.tenancy import system

_AGES = {
    "events": "SELECT min(received_at) FROM hosting_event WHERE applied_at IS NULL AND NOT is_dead",
    "outgoing": "SELECT min(not_before) FROM hosting_outgoing WHERE state = 'open' AND not_before <= now()",
    # Receivers that fail make their own queue, which says nothing about ours.
    "webhook_calls": """SELECT min(c.not_before)
                          FROM hosting_webhookcall c JOIN hosting_webhook w ON w.id = c.webhook_id
                         WHERE c.state = 'open' AND c.not_before <= now() AND w.is_active AND w.failures = 0""",
}


def age_of(queue: str) -> float:
    """Seconds since the oldest open row of `events`, `outgoing` or `webhook_calls` came; 0 when none waits."""
    with system("queues belong to every business"), connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(extract(epoch FROM now() - ({_AGES[queue]})), 0)")
        return float(cursor.fetchone()[0])
