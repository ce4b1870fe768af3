"""Locked messages: inbound ones over the plan's limit, hidden until the plan allows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection, transaction

from core.models import Email
from core.sql import statement
from core.tenancy import system
from hosting.cloudapi import sends
from hosting.live import publish
from hosting.media import references
from hosting.messages import edits
from hosting.models import Conversation, Message
from hosting.models.conversations import preview
from hosting.models.limits import LOCKED

# Shown in lists in place of a locked text, in every language.
PREVIEW = "🔒"
# Sent to webhooks in place of the message, in the Cloud API's shape for unsupported ones.
WEBHOOK_ERROR = {
    "errors": [
        {
            "code": 131042,
            "title": "Message locked",
            "message": "Message locked",
            "error_data": {
                "details": "The plan's limit of hosted messages is reached; a larger plan shows "
                "the message."
            },
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Locked:
    """Messages just locked, by (number id, wamid), and the ids of their conversations."""

    messages: frozenset[tuple[int, str]] = frozenset()
    conversations: frozenset[int] = frozenset()


def lock_new(over: Sequence[Sequence[Any]], messages: Sequence[tuple[int, str]]) -> Locked:
    """Lock the newest of `messages` (number id, wamid), all new, that are over a plan.

    `over` has one row for each business and month: business id, month (ISO), the count now, and how
    many of the new messages are over the limit. Call in the transaction that wrote and counted
    them.
    """
    if not over:
        return Locked()
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "lock_messages"),
            {
                "business_ids": [row[0] for row in over],
                "months": [row[1] for row in over],
                "totals": [row[2] for row in over],
                "overs": [row[3] for row in over],
                "number_ids": [number_id for number_id, _ in messages],
                "wamids": [wamid for _, wamid in messages],
            },
        )
        rows = cursor.fetchall()
    return Locked(frozenset((row[0], row[1]) for row in rows), frozenset(row[2] for row in rows))


def unlock(business_id: int | None = None) -> int:
    """Unlock what the plan allows now, of one business or all; return the number of messages.

    Call across businesses.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "unlock_messages"), {"business_id": business_id})
        rows = cursor.fetchall()
    if rows:
        edits.amend_by_wamid(
            [(number_id, wamid, kind, context) for _, number_id, wamid, kind, context in rows]
        )
        _update_previews({row[0] for row in rows})
    return len(rows)


def unlock_due() -> int:
    """Unlock for all businesses in one transaction; return the number of messages.

    Covers plans that were changed without `unlock`, such as in the admin.
    """
    with system("plans may have grown for any business"):
        return unlock()


def _update_previews(conversation_ids: set[int]) -> None:
    """Set the previews of unlocked conversations, and publish an event for open dashboards."""
    latest = (
        Message.objects.filter(conversation__in=conversation_ids)
        .exclude(kind__in=["edit", "revoke", "reaction"])
        .order_by("conversation", "-created_at", "-id")
        .distinct("conversation")
        .select_related("conversation")
    )
    changed = []
    for message in latest:
        if message.conversation.last_message_text == PREVIEW and message.kind != LOCKED:
            message.conversation.last_message_text = preview(message.kind, message.text)
            changed.append(message.conversation)
    Conversation.objects.bulk_update(changed, ["last_message_text"], batch_size=1000)
    shown = set(
        Conversation.objects.filter(pk__in=conversation_ids).values_list("business_id", "public_id")
    )
    events = {(business_id, str(public_id)) for business_id, public_id in shown}
    transaction.on_commit(lambda: publish.publish_events(events, kind="message"), robust=True)


def purge_due(limit: int = 1000) -> int:
    """Delete up to `limit` locked messages past their last day; return how many."""
    with system("locked messages of every business"), connection.cursor() as cursor:
        values: dict[str, Any] = {
            "limit": limit,
            "without_notice": Email.objects.businesses_without_notice(
                kind="limit", key_prefix="100-"
            ),
        }
        cursor.execute(statement("hosting", "purge_locked"), values)
        rows = cursor.fetchall()
        for business_id in {row[0] for row in rows}:
            files = {
                str(one["id"])
                for owner, kind, content in rows
                if owner == business_id
                for _kind, one in sends.media_of(
                    kind, orjson.loads(content) if isinstance(content, str) else content
                )
                if one.get("id")
            }
            references.mark_deleted(business_id=business_id, media_ids=files)
        return len(rows)
