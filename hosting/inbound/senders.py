"""Who sent this? Before inbound messages are written: number changes are followed, and the blocked stay outside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from hosting.cloudapi.json import as_text
from hosting.cloudapi.webhooks import InboundMessage
from hosting.contacts.number_changes import (
    change_number,
    changes_of,
    digits_of,
    id_at,
    learn_numbers,
)
from hosting.models import Block, Number

NEW_NUMBER = ("user_changed_number", "customer_changed_number")


class Received(Protocol):
    """The event a message came by."""

    @property
    def received_at(self) -> datetime:
        """When its bytes were stored."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A message ready to be written: its number, the digits its sender has now, its moment."""

    number: Number
    message: InboundMessage
    wa_id: str
    at: datetime


def settled(rows: Iterable[tuple[Number, InboundMessage, Received]]) -> list[Settled]:
    """The messages that are to be written, in their order; changes of numbers are carried out on the way."""
    found = [
        Settled(number, message, message.wa_id, message.at or event.received_at)
        for number, message, event in rows
    ]
    for row in sorted(found, key=lambda row: (row.at, row.message.wamid)):
        if row.message.kind == "system":
            _follow(row)
    learn_numbers(
        (row.number.business_id, row.message.user_id, row.wa_id)
        for row in found
        if row.wa_id.isdecimal()
    )
    return _without_blocked(_renamed(_numbered(found)))


def _follow(row: Settled) -> None:
    content: dict[str, Any] = row.message.content
    new = (as_text(content.get("wa_id")) or as_text(content.get("new_wa_id")))[:32]
    if as_text(content.get("type")) in NEW_NUMBER and new:
        change_number(business_id=row.number.business_id, old=row.wa_id, new=new, at=row.at)


def told_user_id(message: InboundMessage) -> str:
    """The user id that the network gave the sender with this message, or none; a new one is told by a system message."""
    new = as_text(message.content.get("user_id"))[:80] if message.kind == "system" else ""
    return new or message.user_id


def _numbered(rows: Sequence[Settled]) -> list[Settled]:
    """Who writes without a number is known by user id, if they have written with one before."""
    nameless = {
        (row.number.business_id, row.message.user_id) for row in rows if not row.wa_id.isdecimal()
    }
    known = digits_of(nameless) if nameless else {}
    if not known:
        return list(rows)
    return [
        replace(row, wa_id=known.get((row.number.business_id, row.message.user_id), row.wa_id))
        if not row.wa_id.isdecimal() else row
        for row in rows
    ]  # fmt: skip


def _renamed(rows: Sequence[Settled]) -> list[Settled]:
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


def _without_blocked(rows: Sequence[Settled]) -> list[Settled]:
    # By the number it came from and by the one they have now: neither is a way round a block.
    asked = {wa_id for row in rows for wa_id in (row.wa_id, row.message.wa_id)}
    found = Block.objects.filter(number__in={row.number.pk for row in rows}, wa_id__in=asked)
    blocked = set(found.values_list("number_id", "wa_id"))
    return [
        row for row in rows
        if (row.number.pk, row.wa_id) not in blocked and (row.number.pk, row.message.wa_id) not in blocked
    ]  # fmt: skip
