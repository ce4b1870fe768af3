"""Read receipts and typing indicators on their way to an upstream; said twice they do no harm, said late they help nobody."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from django.db import connection

from core.http import FetchFailed, fetch
from core.tenancy import system
from core.worker_pool import Crew
from hosting.cloudapi.upstreams import Outcome, verdict_on
from hosting.models import Receipt
from hosting.transports.cloudapi import TIMEOUT

AT_ONCE = 16
LEASE = 60
MAX_ATTEMPTS = 5
# The network itself lets a typing indicator go after 25 seconds.
TYPING_SECONDS = 25


@dataclass(frozen=True, slots=True)
class Due:
    """A receipt and what its POST needs."""

    id: int
    attempt: int
    url: str
    bearer: str
    body: bytes


def claim(under_way: "Sequence[Due]" = ()) -> list[Due]:
    """Claim receipts that may be passed on now."""
    with system("receipts of every business"), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE hosting_receipt
                  SET attempts = attempts + 1, not_before = statement_timestamp() + make_interval(secs => %s),
                      is_typing = is_typing AND created_at > statement_timestamp() - make_interval(secs => %s)
                WHERE id = ANY (ARRAY(SELECT id FROM hosting_receipt WHERE not_before <= statement_timestamp()
                                       ORDER BY not_before LIMIT %s FOR UPDATE SKIP LOCKED))
               RETURNING id""",
            [LEASE, TYPING_SECONDS, AT_ONCE - len(under_way)],
        )
        ids = [row[0] for row in cursor.fetchall()]
        rows = (
            Receipt.objects.filter(pk__in=ids)
            .select_related("number__account__upstream")
            .order_by("pk")
        )
        return [_due(row) for row in rows] if ids else []


def _due(row: Receipt) -> Due:
    upstream = getattr(row.number.account, "upstream", None)
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": row.wamid}
    return Due(
        id=row.pk,
        attempt=row.attempts,
        url=upstream.url_of(row.number.upstream_id, "messages") if upstream else "",
        bearer=upstream.token if upstream else "",
        body=orjson.dumps(body | ({"typing_indicator": {"type": "text"}} if row.is_typing else {})),
    )


def pass_on(due: Due) -> tuple[Due, bool]:
    """Make the POST; whether it is settled: taken, or refused for good."""
    headers = {"authorization": f"Bearer {due.bearer}", "content-type": "application/json"}
    try:
        found = fetch(due.url, method="POST", body=due.body, headers=headers, timeout=TIMEOUT)
    except FetchFailed:
        return due, False
    is_taken = 200 <= found.status < 300
    return due, is_taken or verdict_on(found.status, found.body).outcome == Outcome.REFUSED


def finish(results: Sequence[tuple[Due, bool]]) -> None:
    """Forget what is settled, and what was tried five times; the rest waits longer each time."""
    settled = [due.id for due, is_settled in results if is_settled or due.attempt >= MAX_ATTEMPTS]
    with system("receipts of every business"), connection.cursor() as cursor:
        # One that was asked for again meanwhile has no attempts, and stays.
        Receipt.objects.filter(pk__in=settled, attempts__gt=0).delete()
        cursor.execute(
            """UPDATE hosting_receipt SET not_before = statement_timestamp() + make_interval(secs => 2 ^ attempts)
                WHERE id = ANY (%s) AND attempts > 0""",
            [[due.id for due, _ in results]],
        )


crew: Crew[Due, tuple[Due, bool]] = Crew(
    "receipts", size=AT_ONCE, claim=claim, do=pass_on, finish=finish
)
# `pass_due()` passes on what is due and returns how many that were; `wake()` has a thread do it.
pass_due, wake = crew.run, crew.wake
