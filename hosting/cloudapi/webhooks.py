"""Webhook bodies of the Cloud API, parsed into dataclasses and built from them."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from core import widths
from hosting.cloudapi.json import as_dict, as_list, as_text, parse_timestamp, read_json
from hosting.cloudapi.texts import text_of

# Members of a message with columns of their own; all others are kept in its content.
COLUMN_MEMBERS = frozenset({"from", "from_user_id", "id", "timestamp", "type"})
STATUSES = ("sent", "delivered", "read", "failed", "played")


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message; `at` is None if the webhook had no usable time.

    `upstream_media_id` is the network's id of a file still to be fetched, whose id in `content` is
    ours.
    """

    phone_number_id: str
    wamid: str
    wa_id: str
    user_id: str
    name: str
    username: str
    kind: str
    content: dict[str, Any]
    text: str
    context_wamid: str
    at: datetime | None
    is_referred: bool = False
    upstream_media_id: str = ""


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A status of one outbound message."""

    phone_number_id: str
    wamid: str
    status: str
    at: datetime | None
    errors: list[dict[str, Any]] | None
    tracker: str = ""


@dataclass(slots=True)
class Updates:
    """The contents of one webhook body, in order."""

    messages: list[InboundMessage] = field(default_factory=list)
    statuses: list[StatusUpdate] = field(default_factory=list)
    other: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def updates_of_numbers(self) -> "list[InboundMessage | StatusUpdate]":
        """Return all updates that name a number."""
        return [*self.messages, *self.statuses]


def sign(body: bytes, secret: str) -> str:
    """Return the value of `X-Hub-Signature-256` for these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed_by(body: bytes, secret: str, header: str) -> bool:
    """Return whether the header signs these bytes with the secret, compared in constant time."""
    return hmac.compare_digest(sign(body, secret).encode(), header.encode("utf-8", "replace"))


def parse(body: bytes) -> Updates:
    """Parse a webhook body; unknown fields go to `other`. Raises MalformedJson."""
    updates = Updates()
    for entry in as_list(as_dict(read_json(body)).get("entry")):
        for change in as_list(as_dict(entry).get("changes")):
            _read_change(as_text(as_dict(entry).get("id")), as_dict(change), updates)
    return updates


def _read_change(account: str, change: dict[str, Any], updates: Updates) -> None:
    value = as_dict(change.get("value"))
    if change.get("field") != "messages":
        updates.other.append((account, as_text(change.get("field")), value))
        return
    number = as_text(as_dict(value.get("metadata")).get("phone_number_id"))
    people = _people(value)
    for message in as_list(value.get("messages")):
        if parsed := _message(number, as_dict(message), people):
            updates.messages.append(parsed)
    for status in as_list(value.get("statuses")):
        if update := _status(number, as_dict(status)):
            updates.statuses.append(update)


def _people(value: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    people: dict[str, tuple[str, str, str]] = {}
    for raw in as_list(value.get("contacts")):
        contact = as_dict(raw)
        profile = as_dict(contact.get("profile"))
        name = as_text(profile.get("name"))[: widths.PERSON_NAME]
        username = as_text(profile.get("username"))[: widths.USERNAME]
        user_id = _person_id(contact.get("user_id"))
        for key in (as_text(contact.get("wa_id")), user_id):
            if key:
                people[key] = (name, username, user_id)
    return people


def _person_id(raw: Any) -> str:
    """Who somebody is; "" for an id that is too long, because cut it would be somebody else's."""
    text = as_text(raw)
    return text if len(text) <= widths.PERSON_ID else ""


def _message(
    number: str, raw: dict[str, Any], people: dict[str, tuple[str, str, str]]
) -> InboundMessage | None:
    wamid, sender = as_text(raw.get("id")), _person_id(raw.get("from"))
    user_id = _person_id(raw.get("from_user_id"))
    # Customers without a number are identified by user id.
    wa_id = sender or user_id
    if not (wamid and wa_id and len(wamid) <= widths.WAMID):
        return None
    name, username, known_user_id = people.get(wa_id) or people.get(user_id) or ("", "", "")
    kind = (as_text(raw.get("type")) or "unknown")[: widths.MESSAGE_KIND]
    content = stored_content(kind, raw)
    return InboundMessage(
        phone_number_id=number[: widths.OBJECT_ID],
        wamid=wamid,
        wa_id=wa_id,
        user_id=user_id or known_user_id,
        name=name,
        username=username,
        kind=kind,
        content=content,
        text=text_of(kind, content),
        context_wamid=_context_wamid(kind, content, raw),
        at=parse_timestamp(raw.get("timestamp")),
        is_referred=bool(as_dict(raw.get("referral"))),
    )


def stored_content(kind: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return the content stored of an inbound message: the object of its kind, and other members in
    `_webhook`. An array is stored under the kind's name; a kind without an object of its name is
    stored whole.
    """
    held = raw.get(kind)
    content = held if isinstance(held, dict) else {kind: held} if kind in raw else {}
    extras = {key: value for key, value in raw.items() if key not in COLUMN_MEMBERS and key != kind}
    return content | ({"_webhook": extras} if extras else {})


def wire_object(kind: str, content: dict[str, Any]) -> Any:
    """Return the value under the kind's name in a body; the reverse of `stored_content`."""
    plain = {key: value for key, value in content.items() if key != "_webhook"}
    return plain[kind] if list(plain) == [kind] and not isinstance(plain[kind], dict) else plain


def _context_wamid(kind: str, content: dict[str, Any], raw: dict[str, Any]) -> str:
    """Return the wamid of the message that this one replies to, reacts to, edits or revokes."""
    named = {
        "reaction": "message_id",
        "edit": "original_message_id",
        "revoke": "original_message_id",
    }.get(kind)
    if named:
        return as_text(content.get(named))[: widths.WAMID]
    return as_text(as_dict(raw.get("context")).get("id"))[: widths.WAMID]


def _status(number: str, raw: dict[str, Any]) -> StatusUpdate | None:
    wamid, status = as_text(raw.get("id")), as_text(raw.get("status"))
    if not wamid or len(wamid) > widths.WAMID or status not in STATUSES:
        return None
    errors = [as_dict(error) for error in as_list(raw.get("errors"))]
    return StatusUpdate(
        phone_number_id=number[: widths.OBJECT_ID],
        wamid=wamid,
        # A played voice message counts as read.
        status="read" if status == "played" else status,
        at=parse_timestamp(raw.get("timestamp")),
        errors=errors or None,
        tracker=as_text(raw.get("biz_opaque_callback_data")),
    )


@dataclass(frozen=True, slots=True)
class NumberMetadata:
    """A number as webhook bodies identify it."""

    waba_id: str
    phone_number_id: str
    display_phone_number: str


def body_of(
    metadata: NumberMetadata, *, contacts: Iterable[dict[str, Any]], **members: list[dict[str, Any]]
) -> bytes:
    """Build a `messages` webhook body with `messages=[…]` or `statuses=[…]`."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": metadata.display_phone_number,
            "phone_number_id": metadata.phone_number_id,
        },
        "contacts": list(contacts),
        **members,
    }
    change = {"field": "messages", "value": value}
    return orjson.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": metadata.waba_id, "changes": [change]}],
        }
    )


def contact_object(wa_id: str, name: str, user_id: str, username: str = "") -> dict[str, Any]:
    """Return a customer as webhooks carry one."""
    profile = {"name": name or wa_id} | ({"username": username} if username else {})
    return {"profile": profile, "wa_id": wa_id, "user_id": user_id}


def status_object(
    *,
    wamid: str,
    status: str,
    at: datetime,
    wa_id: str,
    category: str,
    in_window: bool,
    tracker: str = "",
    is_first_delivery_proof: bool = False,
) -> dict[str, Any]:
    """Return a status as webhooks carry it.

    Pricing is added to `sent` and to the first proof of delivery: `delivered`, or a `read` without
    it.
    """
    body: dict[str, Any] = {
        "id": wamid,
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": wa_id,
    }
    if status in ("sent", "delivered") or is_first_delivery_proof:
        body["conversation"] = {"id": conversation_id(wamid), "origin": {"type": category}}
        if status == "sent":
            body["conversation"]["expiration_timestamp"] = str(int(at.timestamp()) + 24 * 3600)
        body["pricing"] = {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": category,
        }
    if tracker:
        body["biz_opaque_callback_data"] = tracker
    return body


def conversation_id(wamid: str) -> str:
    """Return the protocol's per-message conversation id: 32 hex digits."""
    return hashlib.blake2s(wamid.encode(), digest_size=16).hexdigest()


def message_object(message: InboundMessage, at: datetime) -> dict[str, Any]:
    """Return an inbound message as webhooks carry it, with its other members; `at` is its time."""
    held = wire_object(message.kind, message.content)
    named = {"from": message.wa_id} if message.wa_id.isdigit() else {}
    return {
        **named,
        "from_user_id": message.user_id,
        "id": message.wamid,
        "timestamp": str(int(at.timestamp())),
        "type": message.kind,
        **({message.kind: held} if held else {}),
        **as_dict(message.content.get("_webhook")),
    }
