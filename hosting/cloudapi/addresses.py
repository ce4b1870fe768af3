"""Address messages: the form that customers of a country fill in, and its reply."""

from collections.abc import Mapping
from typing import Any

import orjson

from hosting.cloudapi.json import MalformedJson, action_parameters, as_dict, as_text, read_json

# The network offers the form in India only; the sandbox offers it everywhere, elsewhere with fewer
# fields.
FIELDS = {
    "IN": (
        "name",
        "phone_number",
        "house_number",
        "floor_number",
        "tower_number",
        "building_name",
        "address",
        "landmark_area",
        "in_pin_code",
        "city",
        "state",
    ),
}
OTHER_FIELDS = ("name", "phone_number", "address", "postal_code", "city", "state")
MAX_VALUE = 200


def fields_of(country: str) -> tuple[str, ...]:
    """Return the form's field names for a country (two letters), in order."""
    return FIELDS.get(country, OTHER_FIELDS)


def form_reply(content: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Build the inbound `interactive` object of that address message's form with these values."""
    country = as_text(action_parameters(content).get("country"))
    values = {name: given.get(name, "").strip()[:MAX_VALUE] for name in fields_of(country)}
    reply = {
        "name": "address_message",
        "response_json": orjson.dumps({"values": values}).decode(),
        "body": "\n".join(filter(None, values.values())),
    }
    return {"type": "nfm_reply", "nfm_reply": reply}


def form_name(content: dict[str, Any]) -> str:
    """Return the kind of form that an inbound `interactive` object answers: `address_message`,
    `flow`, or "".
    """
    return as_text(as_dict(content.get("nfm_reply")).get("name"))


def form_values(content: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an answered form by its own field names; {} if they cannot be read."""
    answered = as_dict(content.get("nfm_reply")).get("response_json")
    try:
        filled = as_dict(
            read_json(answered.encode(errors="replace")) if isinstance(answered, str) else answered
        )
    except MalformedJson:
        return {}
    return as_dict(filled["values"]) if "values" in filled else filled
