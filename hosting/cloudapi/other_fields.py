"""Webhook fields beside `messages`: customers' wishes, calls, groups and a phone's past."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from core import widths
from hosting.cloudapi.json import as_dict, as_list, as_text, parse_timestamp
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.texts import text_of, visible_name
from hosting.cloudapi.updates import InboundMessage, OtherUpdate

PREFERENCES, CALLS = "user_preferences", "calls"
ECHOES, HISTORY, ADDRESS_BOOK = "smb_message_echoes", "history", "smb_app_state_sync"
GROUPS = (
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
)
# Fields that the network documents and that are of interest only to the business's own programs.
PASSED_ON = frozenset({
    "account_alerts", "account_review_update", "account_update", "automatic_events",
    "business_capability_update", "business_status_update", "flows", "message_echoes",
    "message_template_components_update", "message_template_quality_update",
    "message_template_status_update", "messaging_handovers", "partner_solutions",
    "payment_configuration_update", "phone_number_name_update", "phone_number_quality_update",
    "security", "standby", "template_category_update", "template_correct_category_detection",
    "tracking_events",
})  # fmt: skip
KNOWN = PASSED_ON | {PREFERENCES, CALLS, ECHOES, HISTORY, ADDRESS_BOOK, "messages", *GROUPS}
MARKETING = ("marketing_messages", "marketing")
STATUS_WORDS = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read",
    "error": "failed", "failed": "failed", "pending": "sent",
}  # fmt: skip


class Preference(NamedTuple):
    """A customer's word about marketing; `at` is None if the webhook had no usable time."""

    wa_id: str
    user_id: str
    wants_marketing: bool
    at: datetime | None


class PastMessage(NamedTuple):
    """A message that a phone's app sent or received, told afterwards."""

    wamid: str
    customer: str
    is_own: bool
    at: datetime
    status: str
    raw: dict[str, Any]


class AddressBookEntry(NamedTuple):
    """A customer as the phone's address book names one."""

    wa_id: str
    name: str


def other_update(account: str, change: dict[str, Any]) -> OtherUpdate:
    """Parse a change of any field."""
    value = as_dict(change.get("value"))
    number = as_text(as_dict(value.get("metadata")).get("phone_number_id"))
    return OtherUpdate(account, as_text(change.get("field")), value, number[: widths.OBJECT_ID])


def entries_of_threads(update: OtherUpdate) -> list[InboundMessage]:
    """Return what threads show of a change: calls that ended, and events of groups."""
    if update.field == CALLS:
        names = _names(update.value)
        return [
            _entry(update, as_text(call["id"]), customer, "call", call, names.get(customer, ""))
            for customer, call in ended_calls(update.value)
        ]
    if update.field not in GROUPS:
        return []
    return [
        _entry(
            update,
            event_id(update.field, event),
            group,
            "system",
            event,
            visible_name(event["subject"])[: widths.PERSON_NAME],
        )
        for group, event in group_events(update.field, update.value)
    ]


def _names(value: dict[str, Any]) -> dict[str, str]:
    people = list(map(as_dict, as_list(value.get("contacts"))))
    return {
        _person(one.get(key)): visible_name(as_text(as_dict(one.get("profile")).get("name")))[
            : widths.PERSON_NAME
        ]
        for one in people
        for key in ("wa_id", "user_id")
    }


def _entry(
    update: OtherUpdate, wamid: str, wa_id: str, kind: str, content: dict[str, Any], name: str
) -> InboundMessage:
    event = as_dict(content.get("event")) or content
    return InboundMessage(
        phone_number_id=update.phone_number_id,
        wamid=wamid[: widths.WAMID],
        wa_id=wa_id,
        user_id="",
        name=name,
        username="",
        kind=kind,
        content=content,
        text=text_of(kind, content),
        context_wamid="",
        at=parse_timestamp(event.get("timestamp")),
        field=update.field,
        opens_window=False,
    )


def preferences(value: dict[str, Any]) -> list[Preference]:
    """Return what customers said about marketing, oldest first."""
    found = []
    for one in map(as_dict, as_list(value.get("user_preferences"))):
        said = as_text(one.get("value")).lower()
        if as_text(one.get("category")) not in MARKETING or said not in ("stop", "resume"):
            continue
        wa_id, user_id = _person(one.get("wa_id")), _person(one.get("user_id"))
        if wa_id or user_id:
            at = parse_timestamp(one.get("timestamp"))
            found.append(Preference(wa_id or user_id, user_id, said == "resume", at))
    return sorted(found, key=lambda one: one.at.timestamp() if one.at else 0)


def ended_calls(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield customer and object of each call that ended; one that only rings is none yet."""
    for one in map(as_dict, as_list(value.get("calls"))):
        by_us = as_text(one.get("direction")) == "BUSINESS_INITIATED"
        customer = _person(one.get("to" if by_us else "from"))
        customer = customer or _person(one.get("to_user_id" if by_us else "from_user_id"))
        if as_text(one.get("event")) == "terminate" and as_text(one.get("id")) and customer:
            yield customer, one


def is_missed(call: dict[str, Any]) -> bool:
    """Return whether nobody answered a customer's call."""
    has_lasted = as_text(call.get("duration")) not in ("", "0")
    return as_text(call.get("direction")) != "BUSINESS_INITIATED" and not has_lasted


def group_events(field: str, value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the group and a `system` object of each event of a group."""
    for one in map(as_dict, as_list(value.get("groups"))):
        group = as_text(one.get("group_id"))[: widths.PERSON_ID]
        if group:
            kind = as_text(one.get("type")) or field
            subject = as_text(one.get("subject"))
            body = ": ".join(filter(None, (kind.replace("_", " "), subject)))
            yield group, {"body": body, "type": kind, "subject": subject, "event": one}


def event_id(field: str, value: Any) -> str:
    """Return a message id for an event that has none: the same for the same content."""
    digest = hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{field}.{digest[:48]}"


def echoes(value: dict[str, Any]) -> Iterator[PastMessage]:
    """Yield the messages that were sent from the phone's app."""
    for one in map(as_dict, as_list(value.get("message_echoes"))):
        customer = _person(one.get("to")) or _person(one.get("to_user_id"))
        if found := _past(one, customer, is_own=True, status="sent"):
            yield found


def history(value: dict[str, Any]) -> Iterator[PastMessage]:
    """Yield the messages of the threads that a phone had before it was connected."""
    own = one_form("".join(filter(str.isdigit, _display(value))))
    for part in map(as_dict, as_list(value.get("history"))):
        for thread in map(as_dict, as_list(part.get("threads"))):
            customer = _person(thread.get("id"))
            for one in map(as_dict, as_list(thread.get("messages"))):
                sender = _person(one.get("from"))
                is_own = bool(own) and sender == own
                said = as_text(as_dict(one.get("history_context")).get("status")).lower()
                status = STATUS_WORDS.get(said, "sent") if is_own else "received"
                if found := _past(one, customer, is_own=is_own, status=status):
                    yield found


def _display(value: dict[str, Any]) -> str:
    return as_text(as_dict(value.get("metadata")).get("display_phone_number"))


def _past(raw: dict[str, Any], customer: str, *, is_own: bool, status: str) -> PastMessage | None:
    wamid, at = as_text(raw.get("id")), parse_timestamp(raw.get("timestamp"))
    if not (wamid and customer and at) or len(wamid) > widths.WAMID:
        return None
    return PastMessage(wamid, customer, is_own, at, status, raw)


def address_book(value: dict[str, Any]) -> Iterator[AddressBookEntry]:
    """Yield the customers that the phone's address book got or renamed."""
    for one in map(as_dict, as_list(value.get("state_sync"))):
        contact = as_dict(one.get("contact"))
        number = "".join(filter(str.isdigit, as_text(contact.get("phone_number"))))
        name = as_text(contact.get("full_name")) or as_text(contact.get("first_name"))
        if as_text(one.get("action")) != "remove" and 7 <= len(number) <= 15:
            yield AddressBookEntry(one_form(number), name.strip()[: widths.PERSON_NAME])


def _person(raw: Any) -> str:
    text = as_text(raw).removeprefix("+")
    return one_form(text) if len(text) <= widths.PERSON_ID else ""
