"""Bodies of `POST /{phone_number_id}/messages`, checked against the protocol's limits."""

import re
from dataclasses import dataclass
from typing import Any

from hosting.cloudapi.reading import as_dict, as_text
from hosting.errors import CloudApiError

MAX_TEXT = 4096
MAX_TRACKER = 512
KINDS = frozenset({"text", "template"})


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message to send, in our words; `content` is the Cloud API's object for `kind`."""

    to: str
    kind: str
    content: dict[str, Any]
    context_wamid: str
    tracker: str
    input: str


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A read receipt for an inbound message, perhaps with a typing indicator."""

    wamid: str
    typing: bool


def parse(body: Any) -> SendRequest | ReadRequest:
    """Check a send body; raises CloudApiError that names the field and the limit."""
    if not isinstance(body, dict):
        raise CloudApiError(100, "The request body must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        raise CloudApiError(100, "messaging_product must be 'whatsapp'.", field="messaging_product")
    if body.get("status") is not None:
        return _read_request(body)
    kind = as_text(body.get("type") or "text")
    if kind not in KINDS:
        raise CloudApiError(131051, f"type '{kind[:40]}' is not supported.", field="type")
    content = body.get(kind)
    if not isinstance(content, dict):
        raise CloudApiError(131008, f"{kind} is required and must be an object.", field=kind)
    CHECKS[kind](content)
    return SendRequest(
        to=digits_of(body.get("to"), field="to"),
        kind=kind,
        content=content,
        context_wamid=as_text(as_dict(body.get("context")).get("message_id"))[:256],
        tracker=_tracker(body.get("biz_opaque_callback_data")),
        input=as_text(body.get("to")),
    )


def digits_of(raw: Any, *, field: str) -> str:
    """Digits of a phone number as clients write it (plus sign, spaces, dashes, brackets allowed)."""
    text = as_text(raw)
    digits = re.sub(r"[\s+().-]", "", text)
    if not digits:
        raise CloudApiError(131008, f"{field} is required: the customer's phone number in digits.", field=field)
    if not re.fullmatch(r"[1-9][0-9]{6,14}", digits):
        raise CloudApiError(131009, f"{field} must be a phone number of 7 to 15 digits.", field=field)
    return digits


def _tracker(raw: Any) -> str:
    tracker = as_text(raw)
    if len(tracker) > MAX_TRACKER:
        raise CloudApiError(
            131009, f"biz_opaque_callback_data is longer than {MAX_TRACKER} characters.", field="biz_opaque_callback_data"
        )
    return tracker


def _read_request(body: dict[str, Any]) -> ReadRequest:
    if body.get("status") != "read":
        raise CloudApiError(131009, "status must be 'read'.", field="status")
    wamid = as_text(body.get("message_id"))
    if not wamid:
        raise CloudApiError(131008, "message_id is required.", field="message_id")
    return ReadRequest(wamid=wamid, typing=isinstance(body.get("typing_indicator"), dict))


def _check_text(content: dict[str, Any]) -> None:
    body = content.get("body")
    if not isinstance(body, str) or not body.strip():
        raise CloudApiError(131008, "text.body is required.", field="text.body")
    if len(body) > MAX_TEXT:
        raise CloudApiError(100, f"text.body is longer than {MAX_TEXT} characters ({len(body)}).", field="text.body")


def _check_template(content: dict[str, Any]) -> None:
    if not as_text(content.get("name")):
        raise CloudApiError(131008, "template.name is required.", field="template.name")
    if not as_text(as_dict(content.get("language")).get("code")):
        raise CloudApiError(131008, "template.language.code is required.", field="template.language.code")
    components = content.get("components")
    if components is not None and not isinstance(components, list):
        raise CloudApiError(131009, "template.components must be an array.", field="template.components")


CHECKS = {"text": _check_text, "template": _check_template}
