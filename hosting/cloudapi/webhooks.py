"""Webhook bodies of the Cloud API, parsed into dataclasses and built from them."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, NamedTuple

import orjson

from core import widths
from hosting.cloudapi import other_fields, payments
from hosting.cloudapi.json import as_dict, as_list, as_text, parse_timestamp, read_json
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.texts import text_of, visible_name
from hosting.cloudapi.updates import InboundMessage, ReportedCost, StatusUpdate, Updates

# Members of a message with columns of their own; all others are kept in its content.
COLUMN_MEMBERS = frozenset({"from", "from_user_id", "id", "timestamp", "type"})
# The kinds of messages that customers send; each has an object of its name.
KINDS = (
    "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive",
    "button", "order", "reaction", "system", "edit", "revoke",
)  # fmt: skip
# The first version whose statuses have a conversation only in free-entry windows.
CONVERSATIONS_UNTIL = 24
# From here on the network charges utility templates in the customer's window as well.
UTILITY_CHARGED_FROM = datetime(2026, 10, 1, tzinfo=UTC)
# The most that one message is taken to cost, in any currency: what is above it is no price.
MAX_REPORTED = 100_000
STATUSES = ("sent", "delivered", "read", "failed", "played")


def sign(body: bytes, secret: str) -> str:
    """Return the value of `X-Hub-Signature-256` for these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed_by(body: bytes, secret: str, header: str) -> bool:
    """Return whether the header signs these bytes with the secret, compared in constant time."""
    return hmac.compare_digest(sign(body, secret).encode(), header.encode("utf-8", "replace"))


def parse(body: bytes) -> Updates:
    """Parse a webhook body. Raises MalformedJson."""
    updates = Updates()
    for entry in as_list(as_dict(read_json(body)).get("entry")):
        for change in as_list(as_dict(entry).get("changes")):
            _read_change(as_text(as_dict(entry).get("id")), as_dict(change), updates)
    return updates


def _read_change(account: str, change: dict[str, Any], updates: Updates) -> None:
    value = as_dict(change.get("value"))
    if change.get("field") != "messages":
        other = other_fields.other_update(account, change)
        updates.other.append(other)
        updates.messages += other_fields.entries_of_threads(other)
        return
    number = as_text(as_dict(value.get("metadata")).get("phone_number_id"))
    messages = [as_dict(message) for message in as_list(value.get("messages"))]
    people = _people(value, messages)
    for message in messages:
        if parsed := _message(number, message, people):
            updates.messages.append(parsed)
    for status in as_list(value.get("statuses")):
        if update := _status(number, as_dict(status)):
            updates.statuses.append(update)


class _Person(NamedTuple):
    """A customer as `contacts` of a webhook names him."""

    name: str = ""
    username: str = ""
    wa_id: str = ""
    user_id: str = ""


NOBODY = _Person()


@dataclass(frozen=True, slots=True)
class _People:
    """The customers of a webhook by number and user id; `only` is the one of all its messages."""

    known: dict[str, _Person]
    only: _Person

    def sender_of(self, wa_id: str, user_id: str) -> _Person:
        """Return the person of a message's sender."""
        found = self.known.get(wa_id) or self.known.get(user_id)
        if found is None and (not user_id or self.only.user_id in ("", user_id)):
            # The number of a contact may be written another way than that of the sender.
            return self.only
        return found or NOBODY


def _people(value: dict[str, Any], messages: list[dict[str, Any]]) -> _People:
    known: dict[str, _Person] = {}
    people = []
    for raw in as_list(value.get("contacts")):
        contact = as_dict(raw)
        profile = as_dict(contact.get("profile"))
        person = _Person(
            visible_name(as_text(profile.get("name")))[: widths.PERSON_NAME],
            visible_name(as_text(profile.get("username")))[: widths.USERNAME],
            _person_id(contact.get("wa_id")),
            _person_id(contact.get("user_id")),
        )
        people.append(person)
        known |= {key: person for key in (person.wa_id, person.user_id) if key}
    senders = {(as_text(m.get("from")), as_text(m.get("from_user_id"))) for m in messages}
    return _People(known, people[0] if len(people) == len(senders) == 1 else NOBODY)


def _person_id(raw: Any) -> str:
    """Who somebody is, a number in its one form.

    "" for an id that is too long, because cut it would be somebody else's.
    """
    text = as_text(raw)
    return one_form(text) if len(text) <= widths.PERSON_ID else ""


def _message(number: str, raw: dict[str, Any], people: _People) -> InboundMessage | None:
    wamid, written = as_text(raw.get("id")), as_text(raw.get("from"))
    person, wa_id, user_id = _sender(raw, people)
    if not (wamid and wa_id and len(wamid) <= widths.WAMID):
        return None
    kind = (as_text(raw.get("type")) or _kind_by_object(raw))[: widths.MESSAGE_KIND]
    content = stored_content(kind, raw)
    message = InboundMessage(
        phone_number_id=number[: widths.OBJECT_ID],
        wamid=wamid,
        wa_id=wa_id,
        user_id=user_id or person.user_id,
        name=person.name,
        username=person.username,
        author="",
        author_name="",
        opens_window=True,
        kind=kind,
        content=content,
        text=text_of(kind, content),
        context_wamid=_context_wamid(kind, content, raw),
        at=parse_timestamp(raw.get("timestamp")),
        is_referred=bool(as_dict(raw.get("referral"))),
        network_wa_id=written if one_form(written) != written else "",
    )
    group = as_text(raw.get("group_id"))[: widths.PERSON_ID]
    return _in_group(message, group) if group else message


def _sender(raw: dict[str, Any], people: _People) -> tuple[_Person, str, str]:
    """Who sent it, by what id the customer is known, and the user id that the message names."""
    sender, user_id = _person_id(raw.get("from")), _person_id(raw.get("from_user_id"))
    person = people.sender_of(sender, user_id)
    if raw.get("from") or raw.get("from_user_id"):
        # Customers without a number are identified by user id.
        return person, sender or user_id, user_id
    return person, person.wa_id or person.user_id, user_id


def _in_group(message: InboundMessage, group: str) -> InboundMessage:
    """The message in the group's thread: it names its author and opens no window for anybody."""
    author = {"wa_id": message.wa_id, "name": message.name}
    return replace(
        message,
        wa_id=group,
        user_id="",
        name="",
        username="",
        author=message.wa_id,
        author_name=message.name,
        opens_window=False,
        is_referred=False,
        content=message.content | {"_author": author},
    )


def _kind_by_object(raw: dict[str, Any]) -> str:
    """Return the kind of a message without a type by the object that it has, else "unknown"."""
    return next((kind for kind in KINDS if isinstance(raw.get(kind), dict | list)), "unknown")


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
    plain = {key: value for key, value in content.items() if not key.startswith("_")}
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
    payment = as_dict(raw.get("payment")) if raw.get("type") == "payment" else None
    known = STATUSES if payment is None else payments.STATUSES
    if not wamid or len(wamid) > widths.WAMID or status not in known:
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
        recipient=_person_id(raw.get("recipient_id")) or _person_id(raw.get("recipient_user_id")),
        price=_reported_cost(as_dict(raw.get("pricing"))),
        payment=payment,
    )


def _reported_cost(pricing: dict[str, Any]) -> ReportedCost | None:
    """The price of a message in its `pricing`: an `amount` of a `currency`, as in "0.0415" and
    "USD", rounded half-even to a micro-unit. None where there is none, or none that is one.
    """
    currency, given = as_text(pricing.get("currency")).upper(), pricing.get("amount")
    if not isinstance(given, str | int | float) or isinstance(given, bool):
        return None
    if len(currency) != widths.CURRENCY or not (currency.isascii() and currency.isalpha()):
        return None
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= MAX_REPORTED:
        return None
    return ReportedCost(int((amount * 1_000_000).to_integral_value(ROUND_HALF_EVEN)), currency)


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


def payment_object(
    *, wamid: str, status: str, at: datetime, wa_id: str, payment: dict[str, Any]
) -> dict[str, Any]:
    """Return the status of a payment as webhooks carry it."""
    return {
        "id": wamid,
        "type": "payment",
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": wa_id,
        "payment": payment,
    }


def status_object(
    *,
    wamid: str,
    status: str,
    at: datetime,
    wa_id: str,
    category: str,
    in_window: bool,
    free_entry_until: datetime | None = None,
    tracker: str = "",
    is_first_delivery_proof: bool = False,
    version: int = 23,
) -> dict[str, Any]:
    """Return a status as webhooks of an API version carry it.

    `in_window`: the customer's 24-hour window was open when the message was accepted;
    `free_entry_until`: when the free-entry window ends in which it was accepted. Pricing is added
    to `sent` and to the first proof of delivery: `delivered`, or a `read` without it.
    """
    body: dict[str, Any] = {
        "id": wamid,
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": wa_id,
    }
    if status in ("sent", "delivered") or is_first_delivery_proof:
        is_free_entry = free_entry_until is not None
        pricing = pricing_object(category, in_window=in_window, is_free_entry=is_free_entry, at=at)
        if is_free_entry or version < CONVERSATIONS_UNTIL:
            origin = pricing["category"]
            body["conversation"] = {"id": conversation_id(wamid), "origin": {"type": origin}}
            if status == "sent":
                until = free_entry_until or at + timedelta(hours=24)
                body["conversation"]["expiration_timestamp"] = str(int(until.timestamp()))
        body["pricing"] = pricing
    if tracker:
        body["biz_opaque_callback_data"] = tracker
    return body


def pricing_object(
    category: str, *, in_window: bool, is_free_entry: bool, at: datetime
) -> dict[str, Any]:
    """Return the pricing of a message in webhooks, by the model per message.

    Free are all messages of a free-entry window; those that are no templates; and in the
    customer's 24-hour window utility templates, until UTILITY_CHARGED_FROM.
    """
    kind = "regular"
    if is_free_entry:
        kind, category = "free_entry_point", "referral_conversion"
    elif category == "service" or (
        category == "utility" and in_window and at < UTILITY_CHARGED_FROM
    ):
        kind = "free_customer_service"
    return {
        "billable": kind == "regular",
        "pricing_model": "PMP",
        "type": kind,
        "category": category,
    }


def conversation_id(wamid: str) -> str:
    """Return the protocol's per-message conversation id: 32 hex digits."""
    return hashlib.blake2s(wamid.encode(), digest_size=16).hexdigest()


def message_object(message: InboundMessage, at: datetime) -> dict[str, Any]:
    """Return an inbound message as webhooks carry it, with its other members; `at` is its time."""
    held = wire_object(message.kind, message.content)
    sender = message.author or message.wa_id
    named = {"from": sender} if sender.isdigit() else {}
    return {
        **named,
        **({"from_user_id": message.user_id} if message.user_id or not message.author else {}),
        "id": message.wamid,
        "timestamp": str(int(at.timestamp())),
        "type": message.kind,
        **({message.kind: held} if held else {}),
        **as_dict(message.content.get("_webhook")),
    }
