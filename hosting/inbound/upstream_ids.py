"""Translation of an upstream's message, file and catalogue ids into our own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from hosting import extensions
from hosting.cloudapi.json import as_dict, as_text
from hosting.cloudapi.sends import MEDIA_KINDS
from hosting.cloudapi.updates import InboundMessage, StatusUpdate
from hosting.cloudapi.upstreams import message_id_of
from hosting.models import Message, Number, Outgoing
from hosting.models.numbers import new_graph_id

Origin = TypeVar("Origin")
Key = tuple[int, str]  # number id, the upstream's wamid


def translate_statuses(
    rows: "Sequence[tuple[Number, StatusUpdate, Origin]]",
) -> "list[tuple[Number, StatusUpdate, Origin]]":
    """Return the statuses with our wamids and phone_number_ids.

    A status for a send of unknown result, named by our tracker, confirms that send.
    """
    foreign = [(number, status) for number, status, _ in rows if number.upstream_id]
    if not foreign:
        return list(rows)
    known = _wamids_of((number.pk, status.wamid) for number, status in foreign)
    named = [
        (number.pk, status) for number, status in foreign if (number.pk, status.wamid) not in known
    ]
    known |= _match_unknown_sends(named)
    return [
        (number, _translated_status(number, status, known), origin)
        for number, status, origin in rows
    ]


def _translated_status(number: Number, status: StatusUpdate, known: dict[Key, str]) -> StatusUpdate:
    if not number.upstream_id:
        return status
    wamid = known.get((number.pk, status.wamid), status.wamid)
    return replace(status, wamid=wamid, phone_number_id=number.phone_number_id)


def _wamids_of(keys: Iterable[Key]) -> dict[Key, str]:
    wanted = set(keys)
    found = Message.objects.filter(
        number__in={number for number, _ in wanted},
        upstream_wamid__in={wamid for _, wamid in wanted},
    )
    return {
        (row[0], str(row[1])): row[2]
        for row in found.values_list("number_id", "upstream_wamid", "wamid")
    }


def _match_unknown_sends(named: "list[tuple[int, StatusUpdate]]") -> dict[Key, str]:
    """Match statuses to sends of unknown result by our tracker, and record their upstream ids.

    The sends leave the queue, so nothing sends them again.
    """
    # By number too: a tracker that somebody else names must not take the place of the number's own.
    wanted = {
        (number, message_id): status.wamid
        for number, status in named
        if (message_id := message_id_of(status.tracker))
    }
    settled: dict[Key, str] = {}
    for message in (
        Message.objects.filter(
            number__in={number for number, _ in wanted},
            pk__in={message_id for _, message_id in wanted},
            upstream_wamid=None,
        )
        .order_by("pk")
        .only("number_id", "wamid")
    ):
        upstream_wamid = wanted.get((message.number_id, message.pk))
        if upstream_wamid and (message.number_id, upstream_wamid) not in settled:
            Message.objects.filter(pk=message.pk, upstream_wamid=None).update(
                upstream_wamid=upstream_wamid
            )
            Outgoing.objects.filter(pk=message.pk).delete()
            settled[message.number_id, upstream_wamid] = message.wamid
    return settled


def translate_messages(
    rows: "Sequence[tuple[Number, InboundMessage, Origin]]",
) -> "list[tuple[Number, InboundMessage, Origin]]":
    """Return the inbound messages with our ids for files, catalogues and the messages they refer
    to.
    """
    rows = [(number, _with_own_file(number, message), origin) for number, message, origin in rows]
    rows = _with_own_catalogs(rows)
    about = {
        (number.pk, message.context_wamid) for number, message, _ in rows if number.upstream_id
    }
    known = _wamids_of(key for key in about if key[1]) if about else {}
    if not known:
        return rows
    return [
        (number, _with_own_context(message, known.get((number.pk, message.context_wamid))), origin)
        for number, message, origin in rows
    ]


def _with_own_file(number: Number, message: InboundMessage) -> InboundMessage:
    theirs = (
        as_text(message.content.get("id"))
        if number.upstream_id and message.kind in MEDIA_KINDS
        else ""
    )
    if not theirs or len(theirs) > 64:
        return message
    return replace(
        message, upstream_media_id=theirs, content=message.content | {"id": new_graph_id()}
    )


def _with_own_catalogs(
    rows: "list[tuple[Number, InboundMessage, Origin]]",
) -> "list[tuple[Number, InboundMessage, Origin]]":
    named = {
        (number.business_id, name)
        for number, message, _ in rows
        if number.upstream_id and (name := _catalog_of(message.content))
    }
    here = extensions.own_catalog_ids(named)
    if not here:
        return rows
    return [
        (
            number,
            _with_catalog_id(message, here.get((number.business_id, _catalog_of(message.content)))),
            origin,
        )
        for number, message, origin in rows
    ]


def _catalog_of(content: dict[str, Any]) -> str:
    """Return the catalogue id of an order or of the product asked about; "" without one."""
    return as_text(content.get("catalog_id")) or as_text(
        _referred_product(content).get("catalog_id")
    )


def _referred_product(content: dict[str, Any]) -> dict[str, Any]:
    return as_dict(as_dict(as_dict(content.get("_webhook")).get("context")).get("referred_product"))


def _with_catalog_id(message: InboundMessage, name: str | None) -> InboundMessage:
    if name is None:
        return message
    content = dict(message.content)
    if "catalog_id" in content:
        content["catalog_id"] = name
    if product := _referred_product(content):
        beside = content["_webhook"]
        context = beside["context"] | {"referred_product": product | {"catalog_id": name}}
        content["_webhook"] = beside | {"context": context}
    return replace(message, content=content)


def _with_own_context(message: InboundMessage, wamid: str | None) -> InboundMessage:
    if wamid is None:
        return message
    return replace(
        message,
        context_wamid=wamid,
        content=_with_own_message_ids(message.content, old=message.context_wamid, new=wamid),
    )


def _with_own_message_ids(content: dict[str, Any], *, old: str, new: str) -> dict[str, Any]:
    content = {
        key: new if key == "message_id" and as_text(value) == old else value
        for key, value in content.items()
    }
    beside = as_dict(content.get("_webhook"))
    if as_text(as_dict(beside.get("context")).get("id")) == old:
        content["_webhook"] = beside | {"context": beside["context"] | {"id": new}}
    return content
