"""Application of webhook events, as sets: messages, contacts, statuses, notices of upstreams."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import structlog
from django.db import connection, transaction

from core.sql import statement
from hosting.cloudapi.json import MalformedJson, dumped, storable
from hosting.cloudapi.updates import InboundMessage, StatusUpdate, Updates
from hosting.cloudapi.webhooks import parse
from hosting.contacts.identity import user_id_for
from hosting.inbound import (
    opt_outs,
    other_fields,
    payments,
    room,
    senders,
    upstream_ids,
    upstream_media,
)
from hosting.inbound.reach import Reach, StoredEvent, reach_of
from hosting.limits import locked_messages
from hosting.live import publish
from hosting.messages import edits
from hosting.models import Event, Number
from hosting.models.conversations import preview
from hosting.privacy.forgotten import without_forgotten
from hosting.signals import message_received
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)
# The planner takes a CTE for one row and would join them by nested loops: minutes for 5,000
# messages.
ANY_SIZE = "SET LOCAL enable_nestloop = off; SET LOCAL jit = off"
ANY_SIZE_NO_MORE = "SET LOCAL enable_nestloop = on"
# Kept in place of content that cannot be written as JSON; the raw event has it all.
TOO_DEEP = '{"_webhook": {"note": "nested too deep"}}'


def apply(events: Sequence[StoredEvent]) -> None:
    """Apply stored events as sets: messages, contacts, statuses. Call across businesses."""
    parsed: list[tuple[StoredEvent, Updates]] = []
    for event in events:
        try:
            parsed.append((event, parse(event.body)))
        except MalformedJson as error:
            Event.objects.filter(pk=event.id).update(last_error=f"not JSON: {error}"[:2000])
    reach = reach_of(parsed)
    messages = [
        (number, message, event)
        for event, updates in parsed
        for message in updates.messages
        if (number := reach.number_for_message(event, message.phone_number_id))
    ]
    statuses = [
        (number, reach.proven_status(event, status), event)
        for event, updates in parsed
        for status in updates.statuses
        if (number := reach.number_for_status(event, status.phone_number_id))
    ]
    _record_dropped(parsed, reach)
    messages, statuses = (
        without_forgotten(messages) if messages else [],
        without_forgotten(statuses) if statuses else [],
    )
    if messages:
        _apply_messages(upstream_ids.translate_messages(messages), reach)
    if statuses:
        _apply_statuses_and_payments(upstream_ids.translate_statuses(statuses))
    other_fields.apply_other([(event, one) for event, all in parsed for one in all.other], reach)


def _record_dropped(parsed: list[tuple[StoredEvent, Updates]], reach: Reach) -> None:
    """Note in each event which of its updates did not count, and log it once an account by ids."""
    notes: dict[int, str] = {}
    foreign: dict[int | None, set[str]] = {}
    for event, updates in parsed:
        named = {item.phone_number_id for item in updates.updates_of_numbers()}
        if unknown := {one for one in named if not reach.number(event, one)}:
            notes[event.id] = f"unknown phone_number_id: {sorted(unknown)}"[:2000]
            foreign.setdefault(event.account_id, set()).update(unknown)
        elif not all(
            [reach.number_for_status(event, one.phone_number_id) for one in updates.statuses]
            + [reach.number_for_message(event, one.phone_number_id) for one in updates.messages]
        ):
            notes[event.id] = f"what is signed by {event.source} does not count for these numbers"
            foreign.setdefault(event.account_id, set()).update(named)
    if not notes:
        return
    for account_id, names in foreign.items():
        log.warning("foreign_ids_dropped", account=account_id, numbers=sorted(names)[:20])
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE hosting_event e SET last_error = u.note
                 FROM unnest(%s::bigint[], %s::text[]) AS u (id, note) WHERE e.id = u.id""",
            [list(notes), list(notes.values())],
        )


def _apply_messages(rows: list[tuple[Number, InboundMessage, StoredEvent]], reach: Reach) -> None:
    settled, over = room.within_room(senders.resolve_senders(rows, reach))
    if over:
        # The word that ends marketing works whatever is kept.
        opt_outs.apply_keywords(over)
    changed, locked = _write_messages(settled)
    edits.amend([(number.pk, message) for number, message, _ in rows])
    if changed:
        new = {position for row in changed for position in row[-1]}
        opt_outs.apply_keywords([row for n, row in enumerate(settled, 1) if n in new])
        _notify_webhooks(settled, changed, locked)
        _notify_dashboards({(row[0], row[2]) for row in changed}, kind="message")
        business_ids = {row[0] for row in changed}
        transaction.on_commit(lambda: _send_signal(business_ids), robust=True)


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
                # Not known of a sender named by user id, or whose number has changed since.
                "network_wa_id": row.message.network_wa_id
                if row.message.wa_id == row.wa_id
                else None,
                "kind": row.message.kind,
                "text": row.message.text,
                "preview": preview(row.message.kind, row.message.text),
                "content": orjson.Fragment(dumped(row.message.content) or TOO_DEEP),
                "context_wamid": row.message.context_wamid,
                "created_at": row.at,
                "is_referred": row.message.is_referred and row.is_proven,
                "opens_window": row.opens_window,
                "is_proven": row.is_proven,
            }
            for n, row in enumerate(rows, 1)
        ]
    ).decode()


def _show(changed: list[tuple[Any, ...]], locked: locked_messages.Locked) -> None:
    columns = zip(*changed, strict=True)
    business_ids, ids, _, counts, latest, texts, referred, opened, proven, _, _ = columns
    previews = [
        locked_messages.PREVIEW if id in locked.conversations else text
        for id, text in zip(ids, texts, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "show_inbound"),
            {
                "business_ids": list(business_ids),
                "ids": list(ids),
                "messages": list(counts),
                "latest": list(latest),
                "previews": previews,
                "referred": list(referred),
                "opened": list(opened),
                "proven": list(proven),
            },
        )


def _notify_webhooks(
    rows: "Sequence[senders.ResolvedMessage]",
    changed: list[tuple[Any, ...]],
    locked: locked_messages.Locked,
) -> None:
    """Write webhook calls about the rows that were new.

    The last column of `changed` counts them from 1.
    """
    threads = {position: row[1] for row in changed for position in row[-1]}
    # What came by another field is passed on as that.
    new = [
        (row, threads[n])
        for n, row in enumerate(rows, 1)
        if n in threads and row.message.field == outbox.MESSAGES
    ]
    arrived = [
        outbox.NewMessage(row.number.pk, thread, _as_notified(row, locked), row.at)
        for row, thread in new
    ]
    outbox.write_message_calls(arrived)
    upstream_media.await_media(new)


def _as_notified(row: "senders.ResolvedMessage", locked: locked_messages.Locked) -> InboundMessage:
    """The message as webhooks have it: under the number it counts as, a locked one without
    content.
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


def _send_signal(business_ids: set[int]) -> None:
    message_received.send_robust(sender=None, business_ids=business_ids)


def _apply_statuses_and_payments(
    rows: "list[tuple[Number, StatusUpdate, StoredEvent]]",
) -> None:
    if plain := [row for row in rows if row[1].payment is None]:
        apply_statuses(plain)
    paid = [(number, status) for number, status, _ in rows if status.payment is not None]
    if changed := payments.apply_payments(paid):
        _notify_dashboards(changed, kind="status")


def apply_statuses(rows: "list[tuple[Number, StatusUpdate, StoredEvent]]") -> None:
    """Apply statuses of numbers; one whose message is not known is parked."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "apply_statuses"),
            {
                "number_ids": [number.pk for number, _, _ in rows],
                "wamids": [status.wamid for _, status, _ in rows],
                "statuses": [status.status for _, status, _ in rows],
                "times": [status.at or event.received_at for _, status, event in rows],
                "errors": [_json(status.errors) for _, status, _ in rows],
                "recipients": [status.recipient.removeprefix("+") for _, status, _ in rows],
                "prices": [status.price and status.price.micros for _, status, _ in rows],
                "currencies": [status.price and status.price.currency for _, status, _ in rows],
            },
        )
        changed = cursor.fetchall()
    if changed:
        outbox.write_status_calls({row[3]: row[4] for row in changed if row[4]})
        _notify_dashboards({(row[0], row[2]) for row in changed}, kind="status")


def _json(errors: list[dict[str, Any]] | None) -> str | None:
    return orjson.dumps(storable(errors)).decode() if errors else None


def _notify_dashboards(conversations: set[tuple[int, str]], *, kind: str) -> None:
    """Notify open dashboards after commit; conversations are (business id, public id)."""
    transaction.on_commit(lambda: publish.publish_events(conversations, kind=kind), robust=True)
