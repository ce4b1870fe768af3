"""Settings of a number: profile, commerce flags, blocked customers, chat links, registration."""

from collections.abc import Iterable
from typing import Any

from accounts.api_keys import KeyNumber
from accounts.models import Business
from hosting.cloudapi import fields
from hosting.cloudapi.json import as_text
from hosting.errors import CloudApiError
from hosting.models import Block, ChatLink, Number

LIMITS = {"about": 139, "address": 256, "description": 512, "email": 128}
COMMERCE_FLAGS = ("is_cart_enabled", "is_catalog_visible")
VERTICALS = (
    "undefined",
    "other",
    "auto",
    "beauty",
    "apparel",
    "edu",
    "entertain",
    "event_plan",
    "finance",
    "grocery",
    "govt",
    "hotel",
    "health",
    "nonprofit",
    "prof_services",
    "retail",
    "travel",
    "restaurant",
    "not_a_biz",
    "alcohol",
    "otc_drugs",
    "online_gambling",
    "physical_gambling",
    "matrimony_service",
)
MAX_LINKS = 2000


def profile_of(number: Number) -> dict[str, Any]:
    """Return the profile as a Cloud API object; values never set are empty."""
    empty = {
        "about": "",
        "address": "",
        "description": "",
        "email": "",
        "websites": [],
        "vertical": "UNDEFINED",
    }
    return {"messaging_product": "whatsapp", **empty, **number.profile}


def change_profile(number: Number, given: dict[str, Any]) -> None:
    """Set the given members of the profile; raise CloudApiError naming field and limit."""
    changed = {
        name: fields.text(given, name, "profile", limit=limit, required=False)
        for name, limit in LIMITS.items()
        if given.get(name) is not None
    }
    if "about" in changed and not changed["about"].strip():
        raise CloudApiError(100, "about must have 1 to 139 characters.", field="about")
    if given.get("websites") is not None:
        changed |= {"websites": _websites(given["websites"])}
    if given.get("vertical") is not None:
        if as_text(given["vertical"]).lower() not in VERTICALS:
            raise CloudApiError(100, "vertical is none that is known.", field="vertical")
        changed["vertical"] = as_text(given["vertical"]).upper()
    if given.get("profile_picture_handle"):
        changed["profile_picture_handle"] = fields.text(
            given, "profile_picture_handle", "profile", limit=500
        )
    number.profile = number.profile | changed
    number.save(update_fields=["profile"])


def _websites(raw: Any) -> Any:
    sites = raw if isinstance(raw, list) else [raw]
    if len(sites) > 2:
        raise CloudApiError(
            100, f"websites holds {len(sites)} addresses; 2 is the limit.", field="websites"
        )
    return [fields.link({"websites": site}, "websites", "profile") for site in sites if site]


def change_commerce(number: Number, given: dict[str, Any]) -> None:
    """Set the flags for cart and catalogue."""
    for name in COMMERCE_FLAGS:
        if given.get(name) is None:
            continue
        word = str(given[name]).lower()
        if word not in ("true", "false", "1", "0"):
            raise CloudApiError(100, f"{name} must be true or false.", field=name)
        setattr(number, name, word in ("true", "1"))
    number.save(update_fields=list(COMMERCE_FLAGS))


def block_customers(number: Number, wa_ids: Iterable[str]) -> None:
    """Block customers on this number: no messages from them or to them."""
    Block.objects.bulk_create(
        [
            Block(business_id=number.business_id, number=number, wa_id=wa_id)
            for wa_id in sorted(set(wa_ids))
        ],
        ignore_conflicts=True,
    )


def save_link(number: Number, prefilled: str, code: str = "") -> ChatLink:
    """Create a chat link, or change the message of the one with `code`."""
    text = fields.text({"prefilled_message": prefilled}, "prefilled_message", "link", limit=140)
    if code:
        found = ChatLink.objects.filter(number=number, code=code).first()
        if found is None:
            raise CloudApiError(803, f"There is no link '{code[:14]}'.")
        found.prefilled_message = text
        found.save(update_fields=["prefilled_message"])
        return found
    if ChatLink.objects.filter(number=number).count() >= MAX_LINKS:
        raise CloudApiError(100, f"The number has {MAX_LINKS:,} links, which is the limit.")
    return ChatLink.objects.create(
        business_id=number.business_id, number=number, prefilled_message=text
    )


def set_registered(number: Number, registered: bool, pin: str = "") -> None:
    """Set whether the number may send; a `pin` is stored with it."""
    number.is_registered = registered
    number.pin = pin or number.pin
    number.save(update_fields=["is_registered", "pin"])


def key_numbers(business: Business) -> list[KeyNumber]:
    """Return the numbers that an API key of the business may be limited to, oldest first."""
    rows = Number.objects.filter(business=business).order_by("pk")
    return [
        KeyNumber(row.pk, row.phone_number_id, f"{row.display_phone_number} · {row.verified_name}")
        for row in rows
    ]
