"""Requests to an upstream Cloud API, and what its answers mean; no database, no network."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json
from hosting.cloudapi.webhooks import wire_object

TRACKER = "parley:"
# Temporary refusals: the request was not carried out and may be repeated later.
RATE_LIMITS = frozenset({4, 17, 32, 613, 80007, 130429, 131056, 133016})
PAIR_LIMIT = 131056
PASSING = frozenset({2, 131016, 131057})


class Outcome(StrEnum):
    """The outcome of one send request."""

    SENT = "sent"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendResult:
    """Outcome, the upstream's wamid if sent, its error objects if refused.

    `rest` pauses the number.
    """

    outcome: Outcome
    wamid: str = ""
    errors: tuple[dict[str, Any], ...] = ()
    rest: bool = False
    why: str = ""


def tracker_of(message_id: int) -> str:
    """Return the `biz_opaque_callback_data` by which webhooks name our row."""
    return f"{TRACKER}{message_id}"


def message_id_of(tracker: str) -> int | None:
    """Return the id of our row that a webhook's `biz_opaque_callback_data` names, or None."""
    digits = tracker.removeprefix(TRACKER)
    named = (
        tracker.startswith(TRACKER) and digits.isascii() and digits.isdigit() and len(digits) < 19
    )
    return int(digits) if named else None


def send_body(
    *, to: str, kind: str, content: dict[str, Any], context: str, tracker: str
) -> dict[str, Any]:
    """Build the body of `POST /{phone_number_id}/messages`.

    A customer known by user id alone is named in `recipient`.
    """
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if to.isdigit() else "recipient": to,
        "type": kind,
        kind: wire_object(kind, content),
        "biz_opaque_callback_data": tracker,
    }
    # Reactions contain the id of their message.
    if context and kind != "reaction":
        body["context"] = {"message_id": context}
    return body


def result_of(status: int, body: bytes) -> SendResult:
    """Interpret the HTTP answer to a send.

    Only what was certainly not carried out may be sent again.
    """
    try:
        answer = as_dict(read_json(body))
    except MalformedJson:
        answer = {}
    error = as_dict(answer.get("error"))
    if 200 <= status < 300:
        wamid = as_text(as_dict((as_list(answer.get("messages")) or [None])[0]).get("id"))
        if wamid and len(wamid) <= 256:
            return SendResult(Outcome.SENT, wamid=wamid)
        return SendResult(Outcome.UNKNOWN, why=f"HTTP {status} without a message id")
    code = error.get("code")
    if code in RATE_LIMITS or status == 429:
        return SendResult(Outcome.LATER, rest=code != PAIR_LIMIT, why=_why(status, error))
    if code in PASSING:
        return SendResult(Outcome.LATER, rest=True, why=_why(status, error))
    if error or 400 <= status < 500:
        return SendResult(
            Outcome.REFUSED, errors=(_error_object(status, error),), why=_why(status, error)
        )
    # Probably a gateway's answer: the request may have been carried out behind it.
    return SendResult(Outcome.UNKNOWN, why=f"HTTP {status} without an error object")


def _why(status: int, error: dict[str, Any]) -> str:
    details = as_text(as_dict(error.get("error_data")).get("details"))
    return f"HTTP {status}: {as_text(error.get('message'))} {details}".strip()[:500]


def _error_object(status: int, error: dict[str, Any]) -> dict[str, Any]:
    """Return the upstream's error as status webhooks carry it in `errors`."""
    code = error.get("code") if isinstance(error.get("code"), int) else 131000
    title = (as_text(error.get("message")) or f"HTTP {status}").removeprefix(f"(#{code}) ")
    details = as_text(as_dict(error.get("error_data")).get("details")) or title
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}}
