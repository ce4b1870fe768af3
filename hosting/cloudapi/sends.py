"""Bodies of `POST /{phone_number_id}/messages`, checked against the protocol's limits.

Unknown members are ignored.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from core import widths
from hosting.cloudapi import fields, interactive, template_shapes
from hosting.cloudapi.json import as_dict, as_text
from hosting.cloudapi.number_forms import one_form
from hosting.cloudapi.phone_numbers import NoNumber, written_digits
from hosting.errors import CloudApiError

MAX_TEXT = 4096
MAX_TRACKER = 512
MAX_CAPTION = 1024
MAX_FILENAME = 240
MEDIA_KINDS = ("image", "audio", "video", "document", "sticker")
# What a member holds that names a file; a GIF is a film without sound.
FILES = {**{kind: kind for kind in MEDIA_KINDS}, "gif": "video"}
# A business-scoped user id: country, a dot, and what the network adds.
USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,128}")


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message to send; `content` is the Cloud API's object for `kind`.

    Exactly one of `to` (digits) and `user_id` is set; `input` is the recipient as the client wrote
    it.
    """

    to: str
    user_id: str
    kind: str
    content: dict[str, Any]
    context_wamid: str
    tracker: str
    input: str


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A read receipt for an inbound message, optionally with a typing indicator."""

    wamid: str
    typing: bool


def parse(body: Any) -> SendRequest | ReadRequest:
    """Parse and check a send body; raise CloudApiError naming field and limit."""
    if not isinstance(body, dict):
        raise CloudApiError(100, "The request body must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        raise CloudApiError(100, "messaging_product must be 'whatsapp'.", field="messaging_product")
    if body.get("status") is not None:
        return _read_request(body)
    kind = as_text(body.get("type") or "text").lower()
    if kind not in CHECKS:
        raise CloudApiError(131051, f"type '{kind[:40]}' is not supported.", field="type")
    content = _content(body, kind)
    CHECKS[kind](content)
    to, user_id, written = _recipient(body)
    return SendRequest(
        to=to,
        user_id=user_id,
        kind=kind,
        content=content,
        context_wamid=_context(body, kind, content),
        tracker=_tracker(body.get("biz_opaque_callback_data")),
        input=written,
    )


def _content(body: dict[str, Any], kind: str) -> dict[str, Any]:
    held = fields.without_nulls(body.get(kind))
    if kind == "contacts":
        # One client sends this array as a JSON string.
        if isinstance(held, str):
            try:
                held = fields.without_nulls(orjson.loads(held))
            except orjson.JSONDecodeError:
                raise CloudApiError(
                    131009, "contacts must be an array.", field="contacts"
                ) from None
        held = {"contacts": held}
    if not isinstance(held, dict):
        raise CloudApiError(131008, f"{kind} is required and must be an object.", field=kind)
    return held


def _recipient(body: dict[str, Any]) -> tuple[str, str, str]:
    if as_text(body.get("recipient_type") or "individual").lower() != "individual":
        raise CloudApiError(131009, "recipient_type must be 'individual'.", field="recipient_type")
    user_id = as_text(body.get("recipient"))
    # Where both are given, the number wins.
    if user_id and not as_text(body.get("to")):
        if not USER_ID.fullmatch(user_id):
            raise CloudApiError(
                131009, "recipient must be a user id such as 'US.1349…'.", field="recipient"
            )
        return "", user_id, user_id
    return _written_digits(body.get("to"), field="to"), "", as_text(body.get("to"))


def digits_of(raw: Any, *, field: str) -> str:
    """Return the digits of an international phone number, as people write it, in their one form.

    Raises CloudApiError 131008 if there is none, 131009 if it cannot be one.
    """
    return one_form(_written_digits(raw, field=field))


def _written_digits(raw: Any, *, field: str) -> str:
    try:
        return written_digits(as_text(raw))
    except NoNumber as wrong:
        if wrong.reason == NoNumber.EMPTY:
            raise CloudApiError(
                131008, f"{field} is required: the customer's phone number in digits.", field=field
            ) from None
        raise CloudApiError(
            131009, f"{field} must be a phone number of 7 to 15 digits.", field=field
        ) from None


def _context(body: dict[str, Any], kind: str, content: dict[str, Any]) -> str:
    # A reaction refers to its message as a reply does.
    if kind == "reaction":
        return str(content["message_id"])
    return as_text(as_dict(body.get("context")).get("message_id"))[: widths.WAMID]


def _tracker(raw: Any) -> str:
    tracker = as_text(raw)
    if len(tracker) > MAX_TRACKER:
        field = "biz_opaque_callback_data"
        raise CloudApiError(
            131009, f"{field} is longer than {MAX_TRACKER} characters.", field=field
        )
    return tracker


def _read_request(body: dict[str, Any]) -> ReadRequest:
    if body.get("status") != "read":
        raise CloudApiError(131009, "status must be 'read'.", field="status")
    wamid = as_text(body.get("message_id"))
    if not wamid:
        raise CloudApiError(131008, "message_id is required.", field="message_id")
    typing = body.get("typing_indicator")
    if typing is not None and as_dict(typing).get("type") != "text":
        raise CloudApiError(
            131009, "typing_indicator.type must be 'text'.", field="typing_indicator.type"
        )
    return ReadRequest(wamid=wamid, typing=typing is not None)


def _check_text(content: dict[str, Any]) -> None:
    body = content.get("body")
    if not isinstance(body, str) or not body.strip():
        raise CloudApiError(131008, "text.body is required.", field="text.body")
    if len(body) > MAX_TEXT:
        raise CloudApiError(
            100, f"text.body is longer than {MAX_TEXT} characters ({len(body)}).", field="text.body"
        )


def _media_check(kind: str) -> Callable[[dict[str, Any]], None]:
    def check(content: dict[str, Any]) -> None:
        fields.media(content, kind)
        fields.text(content, "caption", kind, limit=MAX_CAPTION, required=False)
        fields.text(content, "filename", kind, limit=MAX_FILENAME, required=False)

    return check


def _check_location(content: dict[str, Any]) -> None:
    fields.decimal(content, "latitude", "location", limit=90)
    fields.decimal(content, "longitude", "location", limit=180)
    for name in ("name", "address"):
        fields.text(content, name, "location", limit=1000, required=False)


def _check_contacts(content: dict[str, Any]) -> None:
    for n, card in enumerate(fields.objects(content, "contacts", "body", most=257)):
        name = fields.mapping(card, "name", f"contacts[{n}]")
        fields.text(name, "formatted_name", f"contacts[{n}].name", limit=1024)
        for phone in fields.objects(card, "phones", f"contacts[{n}]", least=0):
            fields.text(phone, "phone", f"contacts[{n}].phones", limit=60, required=False)


def _check_reaction(content: dict[str, Any]) -> None:
    fields.text(content, "message_id", "reaction", limit=256)
    # An empty emoji removes the reaction.
    content["emoji"] = fields.text(content, "emoji", "reaction", limit=40, required=False)


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "text": _check_text,
    "template": template_shapes.check_send,
    "location": _check_location,
    "contacts": _check_contacts,
    "reaction": _check_reaction,
    "interactive": interactive.check,
    **{kind: _media_check(kind) for kind in MEDIA_KINDS},
}


def media_of(kind: str, content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (kind, media object) for each media object in a message.

    Covers its own object, its header's, and those of its template and cards.
    """
    if kind in MEDIA_KINDS:
        yield kind, content
        return
    if kind in ("interactive", "template"):
        yield from _nested_media(content)


def _nested_media(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        for item in value:
            yield from _nested_media(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in FILES and isinstance(item, dict) and ("id" in item or "link" in item):
                yield FILES[name], item
            else:
                yield from _nested_media(item)
