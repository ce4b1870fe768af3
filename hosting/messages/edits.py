"""Messages about messages: edits and revocations change the message they name; reactions stand beside it."""

from collections.abc import Iterable, Sequence

from django.db import connection

from core.sql import statement
from hosting.cloudapi.webhooks import InboundMessage
from hosting.models import Message

Reactions = dict[str, dict[str, str]]


def amend(messages: Sequence[tuple[int, InboundMessage]]) -> None:
    """Let messages (number id, message) that were just written show their edits, and the edits their messages."""
    amend_again(
        [(number_id, one.wamid, one.kind, one.context_wamid) for number_id, one in messages]
    )


def amend_again(messages: Iterable[tuple[int, str, str, str]]) -> None:
    """The same for messages known by number id, wamid, kind and the wamid that they are about."""
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
    """Emoji by message and direction ("in", "out"), each side's latest; one query, within the business's scope."""
    rows = (
        Message.objects.filter(number_id=number_id, context_wamid__in=list(wamids), kind="reaction")
        .exclude(status="failed")
        .order_by("created_at", "wamid")
        .values_list("context_wamid", "direction", "content__emoji")
    )
    found: Reactions = {}
    for wamid, direction, emoji in rows:
        found.setdefault(wamid, {})[direction] = emoji or ""
    # An empty emoji took the reaction back.
    return {
        wamid: kept
        for wamid, sides in found.items()
        if (kept := {d: e for d, e in sides.items() if e})
    }
