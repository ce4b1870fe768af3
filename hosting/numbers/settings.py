"""Settings of a number beside its profile: greeting and commands, compliance, encryption key."""

from contextlib import suppress
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hosting.cloudapi import fields
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.errors import CloudApiError
from hosting.models import Number

MAX_PROMPTS, MAX_PROMPT = 4, 80
MAX_COMMANDS, MAX_COMMAND, MAX_HINT = 30, 32, 256
KEY_BITS = 2048
ENTITY_TYPES = (
    "limited_liability_partnership", "sole_proprietorship", "partnership", "public_company",
    "private_company", "other",
)  # fmt: skip
AUTOMATION = {"enable_welcome_message": False, "prompts": [], "commands": []}


def automation_of(number: Number) -> dict[str, Any]:
    """Return the greeting, prompts and commands of a number."""
    return AUTOMATION | as_dict(number.settings.get("automation"))


def change_automation(number: Number, given: dict[str, Any]) -> None:
    """Set what is given of greeting, prompts and commands. Raises CloudApiError."""
    changed = automation_of(number)
    if "enable_welcome_message" in given:
        if given["enable_welcome_message"] not in (True, False):
            raise CloudApiError(
                100, "enable_welcome_message must be true or false.", field="enable_welcome_message"
            )
        changed["enable_welcome_message"] = given["enable_welcome_message"]
    if "prompts" in given:
        prompts = [as_text(one).strip() for one in as_list(given["prompts"])]
        if len(prompts) > MAX_PROMPTS or not all(0 < len(one) <= MAX_PROMPT for one in prompts):
            raise CloudApiError(
                100, f"prompts are {MAX_PROMPTS} at most, of {MAX_PROMPT} characters.",
                field="prompts",
            )  # fmt: skip
        changed["prompts"] = prompts
    if "commands" in given:
        changed["commands"] = _commands(given["commands"])
    _keep(number, automation=changed)


def _commands(raw: Any) -> list[dict[str, str]]:
    held = [as_dict(one) for one in as_list(raw)]
    found = [
        {
            "command_name": as_text(one.get("command_name")).strip(),
            "command_description": as_text(one.get("command_description")).strip(),
        }
        for one in held
    ]
    fits = all(
        0 < len(one["command_name"]) <= MAX_COMMAND
        and 0 < len(one["command_description"]) <= MAX_HINT
        for one in found
    )
    names = {one["command_name"] for one in found}
    if len(found) > MAX_COMMANDS or not fits or len(names) < len(found):
        raise CloudApiError(
            100,
            f"commands are {MAX_COMMANDS} at most, each with a name of its own of {MAX_COMMAND} "
            f"characters and a description of {MAX_HINT}.",
            field="commands",
        )
    return found


def compliance_of(number: Number) -> dict[str, Any]:
    """Return the compliance details of a number, as the Cloud API shows them."""
    empty = dict.fromkeys(
        (
            "entity_name",
            "entity_type",
            "entity_type_custom",
            "grievance_officer_details",
            "customer_care_details",
        )
    )
    held = {"messaging_product": "whatsapp", "is_registered": False}
    return held | empty | as_dict(number.settings.get("compliance"))


def change_compliance(number: Number, given: dict[str, Any]) -> None:
    """Set the compliance details of a number. Raises CloudApiError."""
    kind = fields.choice(given, "entity_type", "body", ENTITY_TYPES)
    held: dict[str, Any] = {
        "entity_name": fields.text(given, "entity_name", "body", limit=128),
        "entity_type": kind.upper(),
        "entity_type_custom": fields.text(
            given, "entity_type_custom", "body", limit=1024, required=kind == "other"
        )
        or None,
        "is_registered": given.get("is_registered") is True,
    }
    for name in ("grievance_officer_details", "customer_care_details"):
        person = fields.mapping(given, name, "body")
        held[name] = {
            key: fields.text(person, key, f"body.{name}", limit=254, required=False)
            for key in ("name", "email", "mobile_number", "landline_number")
            if key in person
        }
    _keep(number, compliance=held)


def encryption_key_of(number: Number) -> dict[str, str]:
    """Return the public key that flows of this number encrypt with, and its state."""
    key = as_text(number.settings.get("public_key"))
    status = {"business_public_key_signature_status": "VALID"} if key else {}
    return {"business_public_key": key} | status


def set_encryption_key(number: Number, pem: str) -> None:
    """Set the public key, an RSA key of 2,048 bits in PEM. Raises CloudApiError 100."""
    key: Any = None
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem.strip().encode())
    if not isinstance(key, RSAPublicKey) or key.key_size != KEY_BITS:
        raise CloudApiError(
            100, f"business_public_key must be an RSA public key of {KEY_BITS:,} bits, in PEM.",
            field="business_public_key",
        )  # fmt: skip
    _keep(number, public_key=pem.strip() + "\n")


def _keep(number: Number, **changes: Any) -> None:
    number.settings = number.settings | changes
    number.save(update_fields=["settings"])
