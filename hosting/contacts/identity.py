"""Country and stand-in user id of a phone number."""

import hashlib

import phonenumbers


def user_id_for(wa_id: str) -> str:
    """Return a stable business-scoped user id for a number: its country, then 22 digits
    (`US.0134…`). Stands in where the network sent no user id of its own.
    """
    digest = int.from_bytes(hashlib.blake2s(wa_id.encode(), digest_size=9).digest(), "big")
    return f"{country_of(wa_id)}.{digest:022d}"


def country_of(wa_id: str) -> str:
    """Return the ISO code of a number's country; `ZZ` when unknown."""
    try:
        parsed = phonenumbers.parse(f"+{wa_id}")
    except phonenumbers.NumberParseException:
        return "ZZ"
    region = phonenumbers.region_code_for_number(parsed)
    if region and region != "001":
        return region
    return phonenumbers.region_code_for_country_code(parsed.country_code or 0).replace("001", "ZZ")
