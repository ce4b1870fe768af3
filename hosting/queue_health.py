"""How long the oldest row of each queue of hosting has waited, and letting rows that gave up try again."""

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from core.tenancy import system
from hosting.models import Outgoing

_AGES = {
    "events": "SELECT min(received_at) FROM hosting_event WHERE applied_at IS NULL AND NOT is_dead",
    # A number that its upstream told to rest waits for that, not for us.
    "outgoing": """SELECT min(o.not_before) FROM hosting_outgoing o JOIN hosting_number n ON n.id = o.number_id
                    WHERE o.state = 'open' AND o.not_before <= now() AND coalesce(n.paused_until, now()) <= now()""",
    # Receivers that fail make their own queue, which says nothing about ours.
    "webhook_calls": """SELECT min(c.not_before)
                          FROM hosting_webhookcall c JOIN hosting_webhook w ON w.id = c.webhook_id
                         WHERE c.state = 'open' AND c.not_before <= now() AND w.is_active AND w.failures = 0""",
    # An upstream that does not answer says nothing about us either.
    "media_fetches": """SELECT min(not_before) FROM hosting_mediafetch
                         WHERE NOT is_dead AND attempts = 0 AND not_before <= now()""",
    # A long import is no fault; one that nobody takes up is.
    "imports": """SELECT min(turn_at) FROM hosting_chatimport
                   WHERE state IN ('reading', 'running', 'undoing') AND coalesce(lease_until, turn_at) <= now()""",
    "exports": """SELECT min(turn_at) FROM hosting_chatexport
                   WHERE state = 'running' AND coalesce(lease_until, turn_at) <= now()""",
    "broadcasts": """SELECT min(greatest(b.turn_at, b.starts_at)) FROM hosting_broadcast b
                       JOIN accounts_business z ON z.id = b.business_id
                      WHERE b.state IN ('scheduled', 'running') AND b.turn_at <= now()
                        AND b.starts_at <= coalesce(z.clock_at, now())""",
}


def age_of(queue: str) -> float:
    """Seconds since the oldest open row of a queue came; 0 when none waits."""
    with system("queues belong to every business"), connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(extract(epoch FROM now() - ({_AGES[queue]})), 0)")
        return float(cursor.fetchone()[0])


def send_again(message_ids: Sequence[int]) -> int:
    """Open dead letters again; returns how many. Rows whose result is unknown stay: their message may have left."""
    return Outgoing.objects.filter(pk__in=message_ids, state=Outgoing.State.DEAD).update(
        state=Outgoing.State.OPEN,
        attempts=0,
        not_before=timezone.now(),
        lease_token=None,
        last_error="",
    )
