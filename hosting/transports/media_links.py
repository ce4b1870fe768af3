"""Media links of messages to send: fetched after acceptance; a failed fetch fails the message."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone

from core.http import Fetched, FetchFailed, fetch
from core.tenancy import scope, system
from hosting.cloudapi import files, sends, webhooks
from hosting.errors import CloudApiError
from hosting.inbound.events import store_event
from hosting.media.store import store_media
from hosting.models import Message, Outgoing

log = structlog.get_logger(__name__)

BATCH = 16
SECONDS = 10.0
LEASE = 120
Result = Fetched | CloudApiError


def fetch_due(limit: int = BATCH) -> int:
    """Fetch the links of up to `limit` waiting messages; return how many messages were claimed."""
    claimed = _claim(limit)
    if not claimed:
        return 0
    with system("links are fetched for every business"):
        messages = list(
            Message.objects.filter(pk__in=claimed).select_related(
                "number__account", "contact", "business__plan"
            )
        )
    wanted = [
        (m, kind, held)
        for m in messages
        for kind, held in sends.media_of(m.kind, m.content)
        if "link" in held
    ]
    # Requests run outside of transactions and in parallel, so one slow host delays no other.
    with ThreadPoolExecutor(max_workers=8) as pool:
        results = list(pool.map(lambda one: _ask(one[1], one[2]), wanted))
    for message in messages:
        mine = [
            (k, h, r) for (m, k, h), r in zip(wanted, results, strict=True) if m.pk == message.pk
        ]
        _finish(message, mine, attempts=claimed[message.pk])
    return len(claimed)


def _claim(limit: int) -> dict[int, int]:
    with system("links are fetched for every business"), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE hosting_outgoing
                  SET attempts = attempts + 1, not_before = now() + make_interval(secs => %s)
                WHERE message_id = ANY (ARRAY(
                    SELECT message_id FROM hosting_outgoing
                     WHERE state = 'fetching' AND not_before <= now()
                     ORDER BY not_before LIMIT %s FOR UPDATE SKIP LOCKED))
               RETURNING message_id, attempts""",
            [LEASE, limit],
        )
        return dict(cursor.fetchall())


def _ask(kind: str, held: dict[str, Any]) -> Result:
    try:
        found = fetch(held["link"], max_bytes=files.LIMITS[kind].most + 1, timeout=SECONDS)
    except FetchFailed as error:
        return CloudApiError(
            131052, f"The {kind} could not be downloaded: {error}.", field=f"{kind}.link"
        )
    if found.status != 200:
        return CloudApiError(
            131052, f"The {kind}'s link answered HTTP {found.status}.", field=f"{kind}.link"
        )
    if found.truncated:
        most = files.LIMITS[kind].most
        return CloudApiError(
            131053, f"The {kind} is larger than {most:,} bytes.", field=f"{kind}.link"
        )
    return found


def _finish(
    message: Message, results: "Sequence[tuple[str, dict[str, Any], Result]]", *, attempts: int
) -> None:
    try:
        with scope(message.business_id):
            for kind, held, result in results:
                held["id"] = _stored(message, kind, held, result)
            # A worker that took over after the lease has another attempt number and finishes it.
            mine = Outgoing.objects.filter(
                pk=message.pk, state=Outgoing.State.FETCHING, attempts=attempts
            )
            if mine.update(state=Outgoing.State.OPEN, attempts=0, not_before=timezone.now()):
                Message.objects.filter(pk=message.pk).update(content=message.content)
    except CloudApiError as error:
        fail(message, error)


def _stored(message: Message, kind: str, held: dict[str, Any], result: Result) -> str:
    if isinstance(result, CloudApiError):
        raise result
    claimed = result.headers.get("content-type", "")
    media = store_media(
        business=message.business,
        content=result.body,
        mime_type=claimed,
        filename=str(held.get("filename", "")),
    )
    files.check_kind(kind, media.mime_type, f"{kind}.link")
    return media.media_id


def fail(message: Message, error: CloudApiError) -> None:
    """Remove a message from the queue and store a `failed` status event for it."""
    number, contact = message.number, message.contact
    status = webhooks.status_object(
        wamid=message.wamid,
        status="failed",
        at=message.business.now(),
        wa_id=contact.wa_id,
        category=message.category,
        in_window=message.window_open,
        tracker=message.tracker,
    )
    body = webhooks.body_of(
        webhooks.NumberMetadata(number.account.waba_id, number.phone_number_id, number.digits),
        contacts=[webhooks.contact_object(contact.wa_id, contact.name, contact.user_id)],
        statuses=[status | {"errors": [error.as_status_error()]}],
    )
    with transaction.atomic(), system("a failed message leaves the queue"):
        if Outgoing.objects.filter(pk=message.pk).delete()[0]:
            store_event(body=body, account_id=number.account_id)
