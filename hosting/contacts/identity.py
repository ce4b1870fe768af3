"""Facts about customers that follow from their number alone."""

import hashlib

import phonenumbers


def user_id_for(wa_id: str) -> str:
    """A stable business-scoped user id, such as `US.1349…`: country of the number, then 20 digits.

    Networks that know people by user id send their own; this one stands in for a customer known by number only.
    """
    digest = int.from_bytes(hashlib.blake2s(wa_id.encode(), digest_size=9).digest(), "big")
    return f"{country_of(wa_id)}.{digest:022d}"


def country_of(wa_id: str) -> str:
    """ISO code of the country a number belongs to; `ZZ` where none is known."""
    try:
        parsed = phonenumbers.parse(f"+{wa_id}")
    except phonenumbers.NumberParseException:
        return "ZZ"
    region = phonenumbers.region_code_for_number(parsed)
    if region and region != "001":
        return region
    return phonenumbers.region_code_for_country_code(parsed.country_code or 0).replace("001", "ZZ")
