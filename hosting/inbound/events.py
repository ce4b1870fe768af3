"""Receiving: raw webhook events are stored first, then applied as sets: messages, contacts,
statuses.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from django.db import connection, transaction
from django.utils import timezone

from core.sql import statement
from core.tenancy import system
from hosting.cloudapi.json import MalformedJson, dumped, storable
from hosting.cloudapi.webhooks import InboundMessage, StatusUpdate, Updates, parse
from hosting.contacts.identity import user_id_for
from hosting.inbound import opt_outs, senders, upstream_ids, upstream_media
from hosting.limits import locked_messages
from hosting.live import publish
from hosting.message_templates import upstream_sync
from hosting.messages import edits
from hosting.models import Account, Event, Number, ParkedStatus
from hosting.models.conversations import preview
from hosting.signals import message_received
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
BATCH = 500
LINES = Number.objects.only("id", "business_id", "account_id", "phone_number_id", "upstream_id")
# The planner takes a CTE for one row and would join them by nested loops: minutes for 5,000
# messages.
ANY_SIZE = "SET LOCAL enable_nestloop = off; SET LOCAL jit = off"
ANY_SIZE_NO_MORE = "SET LOCAL enable_nestloop = on"
# Kept in place of content that cannot be written as JSON; the raw event has it all.
TOO_DEEP = '{"_webhook": {"note": "nested too deep"}}'


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event of which this worker is the only one to apply it, until its lease ends."""

    id: int
    attempts: int
    account_id: int | None
    body: bytes
    received_at: datetime


def store_event(*, body: bytes, account_id: int | None) -> None:
    """Keep a webhook's raw bytes.

    Durable when the surrounding transaction commits, one row per content.
    """
    digest = hashlib.sha256(f"{account_id or 0}:".encode() + body).digest()
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "store_event"), [digest, account_id, body])


def apply_due(limit: int = BATCH) -> int:
    """Apply up to `limit` waiting events in one transaction; returns how many were claimed (0:

    nothing is due).
    """
    events = _claim(limit)
    if not events:
        return 0
    try:
        with system("webhook events name numbers of any business"):
            _apply(events)
            _mark_applied(events)
    except Exception as error:
        _put_back(events, error)
    return len(events)


def _claim(limit: int) -> list[Claimed]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "claim_events"), {"limit": limit, "lease": LEASE.total_seconds()}
        )
        rows = sorted(cursor.fetchall())
    return [Claimed(row[0], row[1], row[2], bytes(row[3]), row[4]) for row in rows]


def _mark_applied(events: Sequence[Claimed]) -> None:
    # The attempt number is the fencing token: a worker that slept past its lease finds another's
    # number here.
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE hosting_event e SET applied_at = now()
                 FROM unnest(%s::bigint[], %s::int[]) AS mine (id, attempts)
                WHERE e.id = mine.id AND e.attempts = mine.attempts AND e.applied_at IS NULL""",
            [[event.id for event in events], [event.attempts for event in events]],
        )
        if cursor.rowcount != len(events):
            raise LeaseLost(
                f"{len(events) - cursor.rowcount} of {len(events)} events were taken over"
            )


class LeaseLost(Exception):
    """Another worker took the events over; this transaction must not commit."""


def _put_back(events: Sequence[Claimed], error: Exception) -> None:
    reason = f"{type(error).__name__}: {error.args[0] if error.args else ''}"[:2000]
    log.warning("events_not_applied", events=len(events), first=events[0].id, error=reason[:500])
    mine = Event.objects.filter(pk__in=[event.id for event in events], applied_at=None)
    mine.filter(attempts__gte=MAX_ATTEMPTS).update(is_dead=True, last_error=reason)
    # Tried again at once, each alone: only the one at fault waits longer.
    alone = len(events) == 1
    delay = timedelta(seconds=2 ** events[0].attempts if alone else 0)
    mine.filter(is_dead=False).update(not_before=timezone.now() + delay, last_error=reason)


def rerun(events: "Sequence[int]") -> int:
    """Open dead events again; returns how many."""
    return Event.objects.filter(pk__in=events, is_dead=True).update(
        is_dead=False, attempts=0, not_before=timezone.now(), last_error=""
    )


def _apply(events: Sequence[Claimed]) -> None:
    parsed: list[tuple[Claimed, Updates]] = []
    for event in events:
        try:
            parsed.append((event, parse(event.body)))
        except MalformedJson as error:
            Event.objects.filter(pk=event.id).update(last_error=f"not JSON: {error}"[:2000])
    numbers = _numbers_of(parsed)
    messages = [
        (number, message, event)
        for event, updates in parsed
        for message in updates.messages
        if (number := _reachable(numbers, message.phone_number_id, event))
    ]
    statuses = [
        (_reachable(numbers, status.phone_number_id, event), status, event)
        for event, updates in parsed
        for status in updates.statuses
    ]
    _note_unknown(parsed, numbers)
    if messages:
        _apply_messages(upstream_ids.translate_messages(messages))
    if statuses:
        _apply_statuses(upstream_ids.translate_statuses(statuses))
    _apply_other(parsed)


def _apply_other(parsed: list[tuple[Claimed, Updates]]) -> None:
    """What came by the door of an account that has an upstream is that upstream's word about the
    account.
    """
    told = [
        (event.account_id, news)
        for event, updates in parsed
        for news in updates.other
        if event.account_id
    ]
    if not told:
        return
    accounts = {
        row.pk: row
        for row in Account.objects.filter(pk__in={pk for pk, _ in told}, upstream__isnull=False)
    }
    for account_id, (_, field, value) in told:
        if account_id in accounts:
            upstream_sync.apply_event(accounts[account_id], field=field, value=value)


Numbers = dict[
    str | tuple[int, str], Number
]  # by phone_number_id, or account id and id at its upstream


def _numbers_of(parsed: list[tuple[Claimed, Updates]]) -> Numbers:
    wanted = {item.phone_number_id for _, updates in parsed for item in updates.about_numbers()}
    numbers: Numbers = {
        number.phone_number_id: number for number in LINES.filter(phone_number_id__in=wanted)
    }
    foreign = {
        (event.account_id, item.phone_number_id)
        for event, updates in parsed
        for item in updates.about_numbers()
        if event.account_id and not _reachable(numbers, item.phone_number_id, event)
    }
    if foreign:
        accounts, ids = {account for account, _ in foreign}, {name for _, name in foreign if name}
        for number in LINES.filter(account__in=accounts, upstream_id__in=ids):
            numbers[number.account_id, number.upstream_id] = number
    return numbers


def _reachable(numbers: Numbers, phone_number_id: str, event: Claimed) -> Number | None:
    number = numbers.get(phone_number_id)
    # A door signed with one account's secret speaks for that account's numbers only; its upstream
    # has its own names.
    if event.account_id is not None and (number is None or number.account_id != event.account_id):
        return numbers.get((event.account_id, phone_number_id))
    return number


def _note_unknown(parsed: list[tuple[Claimed, Updates]], numbers: Numbers) -> None:
    for event, updates in parsed:
        unknown = {
            item.phone_number_id
            for item in updates.about_numbers()
            if not _reachable(numbers, item.phone_number_id, event)
        }
        if unknown:
            Event.objects.filter(pk=event.id).update(
                last_error=f"unknown phone_number_id: {sorted(unknown)}"[:2000]
            )


def _apply_messages(rows: list[tuple[Number, InboundMessage, Claimed]]) -> None:
    settled = senders.resolve_senders(rows)
    changed, locked = _write_messages(settled)
    edits.amend([(number.pk, message) for number, message, _ in rows])
    if changed:
        new = {position for row in changed for position in row[-1]}
        opt_outs.apply_keywords([row for n, row in enumerate(settled, 1) if n in new])
        _note_messages(settled, changed, locked)
        _announce({(row[0], row[2]) for row in changed}, kind="message")
        business_ids = {row[0] for row in changed}
        transaction.on_commit(lambda: _tell(business_ids), robust=True)


def _write_messages(
    rows: "Sequence[senders.ResolvedMessage]",
) -> tuple[list[tuple[Any, ...]], locked_messages.Locked]:
    """What changed, a row a conversation, and what of it is over the plan and locked."""
    if not rows:
        return [], locked_messages.Locked()
    with connection.cursor() as cursor:
        cursor.execute(ANY_SIZE)
        cursor.execute(statement("hosting", "apply_messages"), [_as_json(rows)])
        changed: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.execute(ANY_SIZE_NO_MORE)
    if not changed:
        return [], locked_messages.Locked()
    new = {position for row in changed for position in row[-1]}
    over = orjson.loads(changed[0][-2]) if isinstance(changed[0][-2], str) else changed[0][-2]
    locked = locked_messages.lock_new(
        over or [],
        [(row.number.pk, row.message.wamid) for n, row in enumerate(rows, 1) if n in new],
    )
    _show(changed, locked)
    return changed, locked


def _as_json(rows: "Sequence[senders.ResolvedMessage]") -> str:
    # One JSON text is written and sent several times faster than a dozen arrays.
    return orjson.dumps(
        [
            {
                "n": n,
                "business_id": row.number.business_id,
                "number_id": row.number.pk,
                "wamid": row.message.wamid,
                "wa_id": row.wa_id,
                "user_id": senders.network_user_id(row.message),
                "stand_in": user_id_for(row.wa_id),
                "name": row.message.name,
                "username": row.message.username,
                "kind": row.message.kind,
                "text": row.message.text,
                "preview": preview(row.message.kind, row.message.text),
                "content": orjson.Fragment(dumped(row.message.content) or TOO_DEEP),
                "context_wamid": row.message.context_wamid,
                "created_at": row.at,
                "is_referred": row.message.is_referred,
            }
            for n, row in enumerate(rows, 1)
        ]
    ).decode()


def _show(changed: list[tuple[Any, ...]], locked: locked_messages.Locked) -> None:
    _, ids, _, counts, latest, said, referred, _, _ = zip(*changed, strict=True)
    previews = [
        locked_messages.PREVIEW if id in locked.conversations else text
        for id, text in zip(ids, said, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "show_inbound"),
            {
                "ids": list(ids),
                "messages": list(counts),
                "latest": list(latest),
                "previews": previews,
                "referred": list(referred),
            },
        )


def _note_messages(
    rows: "Sequence[senders.ResolvedMessage]",
    changed: list[tuple[Any, ...]],
    locked: locked_messages.Locked,
) -> None:
    """Tell the business's webhooks about the rows that were new.

    The last column of `changed` counts them from 1.
    """
    threads = {position: row[1] for row in changed for position in row[-1]}
    new = [(row, threads[n]) for n, row in enumerate(rows, 1) if n in threads]
    arrived = [
        outbox.NewMessage(row.number.pk, thread, _told(row, locked), row.at) for row, thread in new
    ]
    outbox.write_message_calls(arrived)
    upstream_media.await_media(new)


def _told(row: "senders.ResolvedMessage", locked: locked_messages.Locked) -> InboundMessage:
    """The message as webhooks tell of it: under the number it counts as, and of a locked one only
    that it came.
    """
    message = (
        row.message if row.message.wa_id == row.wa_id else replace(row.message, wa_id=row.wa_id)
    )
    if (row.number.pk, message.wamid) in locked.messages:
        return replace(
            message,
            kind="unsupported",
            text="",
            context_wamid="",
            content={"_webhook": locked_messages.WEBHOOK_ERROR},
        )
    return message


def _tell(business_ids: set[int]) -> None:
    message_received.send_robust(sender=None, business_ids=business_ids)


def _apply_statuses(rows: "list[tuple[Number | None, StatusUpdate, Claimed]]") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "apply_statuses"),
            {
                "number_ids": [number.pk if number else None for number, _, _ in rows],
                "phone_number_ids": [status.phone_number_id for _, status, _ in rows],
                "wamids": [status.wamid for _, status, _ in rows],
                "statuses": [status.status for _, status, _ in rows],
                "times": [status.at or event.received_at for _, status, event in rows],
                "errors": [_json(status.errors) for _, status, _ in rows],
            },
        )
        changed = cursor.fetchall()
    if changed:
        outbox.write_status_calls({row[3]: row[4] for row in changed if row[4]})
        _announce({(row[0], row[2]) for row in changed}, kind="status")


def _json(errors: list[dict[str, Any]] | None) -> str | None:
    return orjson.dumps(storable(errors)).decode() if errors else None


def _announce(conversations: set[tuple[int, str]], *, kind: str) -> None:
    """Tell open dashboards after commit; conversations are (business id, public id)."""
    transaction.on_commit(lambda: publish.publish_events(conversations, kind=kind), robust=True)


def unpark(limit: int = 1000) -> int:
    """Apply parked statuses whose message has come since; returns how many left the car park."""
    with system("a parked status may belong to any business"):
        found = list(
            ParkedStatus.objects.extra(
                where=[
                    """EXISTS (SELECT FROM hosting_number n JOIN hosting_message m ON m.number_id = n.id
                        WHERE n.phone_number_id = hosting_parkedstatus.phone_number_id
                          AND hosting_parkedstatus.wamid IN (m.wamid, m.upstream_wamid))"""
                ]
            )
            .select_for_update(skip_locked=True)
            .order_by("id")[:limit]
        )
        if not found:
            return 0
        numbers = {
            number.phone_number_id: number
            for number in Number.objects.filter(
                phone_number_id__in={row.phone_number_id for row in found}
            )
        }
        rows = [
            (
                numbers.get(row.phone_number_id),
                StatusUpdate(
                    row.phone_number_id, row.wamid, row.status, row.occurred_at, row.errors
                ),
                Claimed(0, 0, None, b"", row.received_at),
            )
            for row in found
        ]
        _apply_statuses(upstream_ids.translate_statuses(rows))
        ParkedStatus.objects.filter(pk__in=[row.pk for row in found]).delete()
        return len(found)
