"""Objects of the REST API, as its answers hold them."""

from typing import Any, NotRequired, TypedDict


class Contact(TypedDict):
    """A customer; `wa_id` is the number in digits, or the user id where there is none."""

    id: int
    wa_id: str
    user_id: str
    name: str
    username: str
    alias: str
    created_at: str
    held_at: str | None


class Conversation(TypedDict):
    """The conversation with one customer on one number; `number` is a phone_number_id."""

    id: str
    number: str
    contact: Contact
    created_at: str
    last_message_at: str
    last_message_text: str
    last_inbound_at: str | None
    window_until: str | None
    unread_count: int
    is_resolved: bool
    assignee: Any


class Message(TypedDict):
    """A message; moments are ISO 8601 with zone, None before they come."""

    id: int
    wamid: str
    conversation: str
    number: str
    contact: str
    direction: str
    kind: str
    text: str
    content: dict[str, Any]
    context_wamid: str
    tracker: str
    template: Any
    category: str
    status: str
    errors: list[dict[str, Any]] | None
    created_at: str
    sent_at: str | None
    delivered_at: str | None
    read_at: str | None
    failed_at: str | None
    edited_at: str | None
    revoked_at: str | None


class Hit(TypedDict):
    """A message found by a search; `spans` says where the words stand in its text."""

    message: Message
    spans: list[list[int]]


class Media(TypedDict):
    """A stored file."""

    id: str
    mime_type: str
    size: int
    filename: str
    url: NotRequired[str]
