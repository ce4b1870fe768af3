"""Who sent this? Before inbound messages are written: number changes are followed, and the blocked stay outside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from hosting.cloudapi.reading import as_text
from hosting.cloudapi.webhooks import InboundMessage
from hosting.models import Block, Contact, Number
from hosting.renumbering import change_number, changes_of, id_at

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
        Settled(number, message, message.wa_id, message.at or event.received_at) for number, message, event in rows
    ]
    for row in sorted(found, key=lambda row: (row.at, row.message.wamid)):
        if row.message.kind == "system":
            _follow(row)
    return _without_blocked(_renamed(found))


def _follow(row: Settled) -> None:
    content: dict[str, Any] = row.message.content
    kind, business_id = as_text(content.get("type")), row.number.business_id
    new = (as_text(content.get("wa_id")) or as_text(content.get("new_wa_id")))[:32]
    user_id = as_text(content.get("user_id"))[:80]
    if kind in NEW_NUMBER and new:
        change_number(business_id=business_id, old=row.wa_id, new=new, at=row.at, user_id=user_id)
    elif kind == "user_changed_user_id" and user_id:
        Contact.objects.filter(business_id=business_id, wa_id=row.wa_id).update(user_id=user_id)


def _renamed(rows: Sequence[Settled]) -> list[Settled]:
    changes = changes_of({(row.number.business_id, row.wa_id) for row in rows})
    if not changes:
        return list(rows)
    return [
        replace(row, wa_id=id_at(changes.get((row.number.business_id, row.wa_id), ()), row.at) or row.wa_id)
        for row in rows
    ]


def _without_blocked(rows: Sequence[Settled]) -> list[Settled]:
    blocked = set(
        Block.objects.filter(
            number__in={row.number.pk for row in rows}, wa_id__in={row.wa_id for row in rows}
        ).values_list("number_id", "wa_id")
    )
    return [row for row in rows if (row.number.pk, row.wa_id) not in blocked]
