"""Webhook bodies of the Cloud API: parsed into our dataclasses, and built from ours."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from hosting.cloudapi.json import as_dict, as_list, as_text, moment, read_json
from hosting.cloudapi.texts import text_of

# Members of a message that have columns of their own; all others are kept beside its content.
NAMED = frozenset({"from", "from_user_id", "id", "timestamp", "type"})
STATUSES = ("sent", "delivered", "read", "failed", "played")


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message; `at` is None where the webhook gave no usable time."""

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
    # The network's own id of the file it holds, where that is still to be fetched; `content` has
    # ours then.
    foreign_media: str = ""


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What became of one outbound message."""

    phone_number_id: str
    wamid: str
    status: str
    at: datetime | None
    errors: list[dict[str, Any]] | None
    tracker: str = ""


@dataclass(slots=True)
class Updates:
    """All that one webhook body says, in its order."""

    messages: list[InboundMessage] = field(default_factory=list)
    statuses: list[StatusUpdate] = field(default_factory=list)
    other: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def about_numbers(self) -> "list[InboundMessage | StatusUpdate]":
        """All that names a number."""
        return [*self.messages, *self.statuses]


def sign(body: bytes, secret: str) -> str:
    """Value of `X-Hub-Signature-256` for these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signature_fits(body: bytes, secret: str, header: str) -> bool:
    """Whether the header signs exactly these bytes, compared in constant time."""
    return hmac.compare_digest(sign(body, secret).encode(), header.encode("utf-8", "replace"))


def parse(body: bytes) -> Updates:
    """Read a webhook body; unknown fields are kept in `other`. Raises MalformedJson."""
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
        name, username = as_text(profile.get("name"))[:200], as_text(profile.get("username"))[:100]
        user_id = as_text(contact.get("user_id"))[:80]
        for key in (as_text(contact.get("wa_id")), user_id):
            if key:
                people[key] = (name, username, user_id)
    return people


def _message(
    number: str, raw: dict[str, Any], people: dict[str, tuple[str, str, str]]
) -> InboundMessage | None:
    wamid, sender = as_text(raw.get("id")), as_text(raw.get("from"))
    user_id = as_text(raw.get("from_user_id"))[:80]
    # A customer without a number is known by user id alone.
    wa_id = sender or user_id
    if not (wamid and wa_id and len(wamid) <= 256):
        return None
    name, username, known_user_id = people.get(wa_id) or people.get(user_id) or ("", "", "")
    kind = (as_text(raw.get("type")) or "unknown")[:20]
    content = stored_content(kind, raw)
    return InboundMessage(
        phone_number_id=number[:32],
        wamid=wamid,
        wa_id=wa_id[:32],
        user_id=user_id or known_user_id,
        name=name,
        username=username,
        kind=kind,
        content=content,
        text=text_of(kind, content),
        context_wamid=_about(kind, content, raw),
        at=moment(raw.get("timestamp")),
        is_referred=bool(as_dict(raw.get("referral"))),
    )


def stored_content(kind: str, raw: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an inbound message's JSON: its kind's object, and under `_webhook` what
    stands beside it.

    An array is kept under its kind's name; a kind that carries nothing of its own name is kept
    whole.
    """
    held = raw.get(kind)
    content = held if isinstance(held, dict) else {kind: held} if kind in raw else {}
    extras = {key: value for key, value in raw.items() if key not in NAMED and key != kind}
    return content | ({"_webhook": extras} if extras else {})


def wire_object(kind: str, content: dict[str, Any]) -> Any:
    """The reverse: what stands under the kind's name in a body."""
    plain = {key: value for key, value in content.items() if key != "_webhook"}
    return plain[kind] if list(plain) == [kind] and not isinstance(plain[kind], dict) else plain


def _about(kind: str, content: dict[str, Any], raw: dict[str, Any]) -> str:
    """The message that this one answers, or for a reaction, an edit or a revocation: changes."""
    named = {
        "reaction": "message_id",
        "edit": "original_message_id",
        "revoke": "original_message_id",
    }.get(kind)
    if named:
        return as_text(content.get(named))[:256]
    return as_text(as_dict(raw.get("context")).get("id"))[:256]


def _status(number: str, raw: dict[str, Any]) -> StatusUpdate | None:
    wamid, status = as_text(raw.get("id")), as_text(raw.get("status"))
    if not wamid or len(wamid) > 256 or status not in STATUSES:
        return None
    errors = [as_dict(error) for error in as_list(raw.get("errors"))]
    return StatusUpdate(
        phone_number_id=number[:32],
        wamid=wamid,
        # A voice message that was played was read.
        status="read" if status == "played" else status,
        at=moment(raw.get("timestamp")),
        errors=errors or None,
        tracker=as_text(raw.get("biz_opaque_callback_data")),
    )


@dataclass(frozen=True, slots=True)
class NumberMetadata:
    """A number as webhooks name it."""

    waba_id: str
    phone_number_id: str
    display_phone_number: str


def body_of(
    line: NumberMetadata, *, contacts: Iterable[dict[str, Any]], **members: list[dict[str, Any]]
) -> bytes:
    """A `messages` webhook body with `messages=[…]` or `statuses=[…]`; contacts always carry name
    and user id.
    """
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": line.display_phone_number,
            "phone_number_id": line.phone_number_id,
        },
        "contacts": list(contacts),
        **members,
    }
    change = {"field": "messages", "value": value}
    return orjson.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": line.waba_id, "changes": [change]}],
        }
    )


def contact_object(wa_id: str, name: str, user_id: str, username: str = "") -> dict[str, Any]:
    """A customer as webhooks name one."""
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
    is_first_proof: bool = False,
) -> dict[str, Any]:
    """A status as webhooks carry it; pricing goes with `sent` and the first proof of delivery:
    `delivered`, or a `read` without it.
    """
    body: dict[str, Any] = {
        "id": wamid,
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": wa_id,
    }
    if status in ("sent", "delivered") or is_first_proof:
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
    """The per-message conversation id of the protocol: 32 hex digits."""
    return hashlib.blake2s(wamid.encode(), digest_size=16).hexdigest()


def message_object(message: InboundMessage, at: datetime) -> dict[str, Any]:
    """An inbound message as webhooks carry it, with all that came beside its content; `at` is its
    moment.
    """
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
