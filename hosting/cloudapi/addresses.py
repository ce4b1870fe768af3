"""Address messages: the form that customers of a country fill in, and what comes back from it."""

from collections.abc import Mapping
from typing import Any

import orjson

from hosting.cloudapi.json import MalformedJson, as_dict, as_text, read_json

# The network asks customers in India only; the sandbox asks everybody, elsewhere with the shorter form.
FIELDS = {
    "IN": (
        "name", "phone_number", "house_number", "floor_number", "tower_number", "building_name", "address",
        "landmark_area", "in_pin_code", "city", "state",
    ),
}  # fmt: skip
ELSEWHERE = ("name", "phone_number", "address", "postal_code", "city", "state")
LONGEST = 200


def fields_of(country: str) -> tuple[str, ...]:
    """Names of the fields that customers of a country (two letters) fill in, in the form's order."""
    return FIELDS.get(country, ELSEWHERE)


def reply_with(content: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What comes back when the form of that address message is sent with these values, field by field."""
    country = as_text(as_dict(as_dict(content.get("action")).get("parameters")).get("country"))
    values = {name: given.get(name, "").strip()[:LONGEST] for name in fields_of(country)}
    reply = {
        "name": "address_message",
        "response_json": orjson.dumps({"values": values}).decode(),
        "body": "\n".join(filter(None, values.values())),
    }
    return {"type": "nfm_reply", "nfm_reply": reply}


def form_name(content: dict[str, Any]) -> str:
    """Which kind of form an inbound `interactive` object answers: `address_message`, `flow`; empty for none."""
    return as_text(as_dict(content.get("nfm_reply")).get("name"))


def form_values(content: dict[str, Any]) -> dict[str, Any]:
    """What was filled in, by the form's own names; empty where nothing can be read."""
    answered = as_dict(content.get("nfm_reply")).get("response_json")
    try:
        filled = as_dict(
            read_json(answered.encode(errors="replace")) if isinstance(answered, str) else answered
        )
    except MalformedJson:
        return {}
    return as_dict(filled["values"]) if "values" in filled else filled
