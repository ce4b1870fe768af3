"""Whom stored bodies are about: parsed members that name people, never substrings."""

from collections.abc import Collection
from typing import Any

import orjson

from hosting.cloudapi.json import MalformedJson, as_dict, as_list, as_text, read_json

# Members of the protocol's objects that name a customer.
NAMING = frozenset({
    "wa_id", "new_wa_id", "from", "to", "input", "recipient_id", "user_id", "from_user_id",
    "recipient_user_id", "parent_user_id", "from_parent_user_id",
    # In replies of our own REST API.
    "contact",
})  # fmt: skip
# Lists of which each object is about one customer.
ITEMS = ("messages", "statuses", "contacts", "message_echoes", "user_preferences", "calls")


def names(value: Any, ids: Collection[str]) -> bool:
    """Whether a member that names customers, at any depth, has one of these ids."""
    if isinstance(value, dict):
        return any(
            (key in NAMING and _plain(held) in ids) or names(held, ids)
            for key, held in value.items()
        )
    return isinstance(value, list) and any(names(held, ids) for held in value)


def _plain(value: Any) -> str:
    return as_text(value).removeprefix("+")


def body_names(body: bytes, ids: Collection[str]) -> bool:
    """Whether a JSON text names one of these customers; no other text does."""
    try:
        return names(read_json(body), ids)
    except MalformedJson:
        return False


def without(body: bytes, ids: Collection[str], numbers: Collection[str] | None) -> bytes | None:
    """Return a webhook body without what it says about these customers; empty if nothing is left.

    Only updates of `numbers` (phone_number_ids) count, all where that is None. Returns None where
    nothing is about them. What is no JSON says nothing that could be kept apart: it is emptied.
    """
    try:
        whole = as_dict(read_json(body))
    except MalformedJson:
        return b"" if numbers is None else None
    found, entries = False, []
    for entry in map(as_dict, as_list(whole.get("entry"))):
        changes = []
        for change in map(as_dict, as_list(entry.get("changes"))):
            kept = _kept(change, ids, numbers)
            found = found or kept is not change
            changes += [kept] if kept else []
        entries += [entry | {"changes": changes}] if changes else []
    if not found:
        return None
    return orjson.dumps(whole | {"entry": entries}) if entries else b""


def _kept(
    change: dict[str, Any], ids: Collection[str], numbers: Collection[str] | None
) -> dict[str, Any] | None:
    """Return the change without these customers: itself if it has none, None if it is empty."""
    value = as_dict(change.get("value"))
    number = as_text(as_dict(value.get("metadata")).get("phone_number_id"))
    if (numbers is not None and number not in numbers) or not names(value, ids):
        return change
    left = value | {
        key: [item for item in as_list(value[key]) if not names(item, ids)]
        for key in ITEMS
        if key in value
    }
    is_empty = not any(left.get(key) for key in ITEMS if key != "contacts")
    return None if is_empty or names(left, ids) else change | {"value": left}
