"""Senders of inbound messages: changed numbers, known user ids, blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from core import widths
from hosting.cloudapi.json import as_text
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.updates import InboundMessage
from hosting.contacts.identity_locks import lock_identities
from hosting.contacts.number_changes import (
    attach_numbers,
    change_number,
    changes_of,
    contacts_known_by_user_id,
    digits_of,
    id_at,
)
from hosting.inbound.reach import Reach, StoredEvent
from hosting.models import Block, Number

MESSAGES = "messages"
NEW_NUMBER = ("user_changed_number", "customer_changed_number")


@dataclass(frozen=True, slots=True)
class ResolvedMessage:
    """A message ready to be written: its number, its sender's present digits, its time.

    `opens_window` says whether free-form messages may follow, `is_proven` whether prices go by it.
    """

    number: Number
    message: InboundMessage
    wa_id: str
    at: datetime
    opens_window: bool = True
    is_proven: bool = True


def resolve_senders(
    rows: Sequence[tuple[Number, InboundMessage, StoredEvent]], reach: Reach
) -> list[ResolvedMessage]:
    """Return the messages to write, in order, without those of blocked senders.

    Number changes that the messages announce are applied first. Who somebody is, the network says:
    what the business signed itself changes no number.
    """
    found = [
        ResolvedMessage(
            number,
            message,
            message.wa_id,
            message.at or event.received_at,
            reach.opens_window(event) and message.opens_window,
            reach.is_proven(event) and message.opens_window,
        )
        for number, message, event in rows
    ]
    by_network = [
        row
        for row, (_, message, event) in zip(found, rows, strict=True)
        if reach.opens_window(event) and message.field == MESSAGES and not message.author
    ]
    _lock(found, by_network)
    for row in sorted(by_network, key=lambda row: (row.at, row.message.wamid)):
        if row.message.kind == "system":
            _apply_number_change(row)
    attach_numbers(
        (row.number.business_id, row.message.user_id, row.wa_id)
        for row in by_network
        if row.wa_id.isdecimal()
    )
    return _without_blocked(_with_current_numbers(_with_known_numbers(found)))


class _MoreToChangeError(Exception):
    """What was read before the lock was not all."""


def _lock(rows: Sequence[ResolvedMessage], by_network: Sequence[ResolvedMessage]) -> None:
    """Lock who is who in the businesses of these messages: alone where they change it."""
    businesses = {row.number.business_id for row in rows}
    changing: set[int] = set()
    while True:
        changing |= _businesses_changed_by(by_network)
        try:
            with transaction.atomic():
                lock_identities(changing=changing, reading=businesses - changing)
                # Others may have written while we waited. Locks of a savepoint go with it.
                if not _businesses_changed_by(by_network) <= changing:
                    raise _MoreToChangeError
                return
        except _MoreToChangeError:
            continue


def _businesses_changed_by(rows: Sequence[ResolvedMessage]) -> set[int]:
    """Return the businesses in which these messages merge contacts, change numbers, or make a
    contact that is known by user id alone.
    """
    changed = {row.number.business_id for row in rows if row.message.kind == "system"}
    by_user_id = {
        (row.number.business_id, row.message.user_id)
        for row in rows
        if row.message.user_id and row.number.business_id not in changed
    }
    nameless = {(row.number.business_id, row.wa_id) for row in rows if not row.wa_id.isdecimal()}
    known = contacts_known_by_user_id(by_user_id | nameless)
    changed |= {
        row.number.business_id
        for row in rows
        if row.wa_id.isdecimal() and (row.number.business_id, row.message.user_id) in known
    }
    return changed | {business_id for business_id, _ in nameless - known}


def _apply_number_change(row: ResolvedMessage) -> None:
    content: dict[str, Any] = row.message.content
    new = one_form(as_text(content.get("wa_id")) or as_text(content.get("new_wa_id")))
    if as_text(content.get("type")) in NEW_NUMBER and 0 < len(new) <= widths.PERSON_ID:
        change_number(business_id=row.number.business_id, old=row.wa_id, new=new, at=row.at)


def network_user_id(message: InboundMessage) -> str:
    """Return the sender's user id as the network gave it, or "".

    A system message announces a new one.
    """
    new = as_text(message.content.get("user_id")) if message.kind == "system" else ""
    return new if 0 < len(new) <= widths.PERSON_ID else message.user_id


def _with_known_numbers(rows: Sequence[ResolvedMessage]) -> list[ResolvedMessage]:
    """Give senders without a number the digits known for their user id."""
    nameless = {
        (row.number.business_id, row.message.user_id)
        for row in rows
        if row.message.user_id and not row.wa_id.isdecimal()
    }
    known = digits_of(nameless) if nameless else {}
    if not known:
        return list(rows)
    return [
        replace(row, wa_id=known.get((row.number.business_id, row.message.user_id), row.wa_id))
        if row.message.user_id and not row.wa_id.isdecimal()
        else row
        for row in rows
    ]


def _with_current_numbers(rows: Sequence[ResolvedMessage]) -> list[ResolvedMessage]:
    changes = changes_of({(row.number.business_id, row.wa_id) for row in rows})
    if not changes:
        return list(rows)
    return [
        replace(
            row,
            wa_id=id_at(changes.get((row.number.business_id, row.wa_id), ()), row.at) or row.wa_id,
        )
        for row in rows
    ]


def _without_blocked(rows: Sequence[ResolvedMessage]) -> list[ResolvedMessage]:
    # Both the number it came from and the present one are checked, so a change evades no block.
    asked = {wa_id for row in rows for wa_id in (row.wa_id, row.message.wa_id)}
    found = Block.objects.filter(number__in={row.number.pk for row in rows}, wa_id__in=asked)
    blocked = set(found.values_list("number_id", "wa_id"))
    return [
        row
        for row in rows
        if (row.number.pk, row.wa_id) not in blocked
        and (row.number.pk, row.message.wa_id) not in blocked
    ]
