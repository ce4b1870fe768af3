"""Edits, revocations and reactions: messages that refer to another message."""

from collections.abc import Iterable, Sequence

from django.db import connection

from core.sql import statement
from hosting.cloudapi.updates import InboundMessage
from hosting.models import Message

Reactions = dict[str, dict[str, str]]


def amend(messages: Sequence[tuple[int, InboundMessage]]) -> None:
    """Apply edits and revocations among messages that were just written.

    `messages` holds (number id, message). Works in both arrival orders: a new edit changes a
    message that is stored already, and a new message takes on edits that came before it.
    """
    amend_by_wamid(
        [(number_id, one.wamid, one.kind, one.context_wamid) for number_id, one in messages]
    )


def amend_by_wamid(messages: Iterable[tuple[int, str, str, str]]) -> None:
    """Apply edits and revocations among messages (number id, wamid, kind, context wamid)."""
    pairs = set()
    for number_id, wamid, kind, context_wamid in messages:
        pairs.add((number_id, wamid))
        if kind in ("edit", "revoke"):
            pairs.add((number_id, context_wamid))
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "amend"),
            {
                "number_ids": [number_id for number_id, _ in pairs],
                "wamids": [wamid for _, wamid in pairs],
            },
        )


def reactions_to(*, number_id: int, wamids: Iterable[str]) -> Reactions:
    """Return the latest reaction of each side to each message.

    The result maps a wamid to {"in": emoji, "out": emoji}; removed reactions are left out. Runs one
    query; call inside the business's scope.
    """
    rows = (
        Message.objects.filter(number_id=number_id, context_wamid__in=list(wamids), kind="reaction")
        .exclude(status="failed")
        .order_by("created_at", "wamid")
        .values_list("context_wamid", "direction", "content__emoji")
    )
    found: Reactions = {}
    for wamid, direction, emoji in rows:
        found.setdefault(wamid, {})[direction] = emoji or ""
    # An empty emoji removes the reaction.
    return {
        wamid: kept
        for wamid, sides in found.items()
        if (kept := {d: e for d, e in sides.items() if e})
    }
