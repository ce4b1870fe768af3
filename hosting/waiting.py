"""How long the oldest row of each queue of hosting has waited, in seconds."""

from django.db import connection

from accounts.tenancy import system

_AGES = {
    "events": "SELECT min(received_at) FROM hosting_event WHERE applied_at IS NULL AND NOT is_dead",
    "outgoing": "SELECT min(not_before) FROM hosting_outgoing WHERE state = 'open' AND not_before <= now()",
}


def age_of(queue: str) -> float:
    """Seconds since the oldest open row of `events` or `outgoing` came; 0 when none waits."""
    with system("queues belong to every business"), connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(extract(epoch FROM now() - ({_AGES[queue]})), 0)")
        return float(cursor.fetchone()[0])
