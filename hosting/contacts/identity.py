"""Country and stand-in user id of a phone number."""

import hashlib
from functools import lru_cache

import phonenumbers


def user_id_for(wa_id: str) -> str:
    """Return a stable business-scoped user id for a number: its country, then 22 digits
    (`US.0134…`). Stands in where the network sent no user id of its own.
    """
    digest = int.from_bytes(hashlib.blake2s(wa_id.encode(), digest_size=9).digest(), "big")
    return f"{country_of(wa_id)}.{digest:022d}"


@lru_cache(maxsize=50_000)
def country_of(wa_id: str) -> str:
    """Return the ISO code of a number's country; `ZZ` when unknown."""
    return _only_country(wa_id) or _country_by_metadata(wa_id)


def _only_country(wa_id: str) -> str:
    """The country of a code that only one has; empty where the metadata must be searched.

    Every inbound message asks, and a search takes 20 times as long as this.
    """
    if not (wa_id.isascii() and wa_id.isdigit() and len(wa_id) <= 15):
        return ""
    for digits in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(wa_id[:digits] or 0))
        if regions:
            is_plain = len(regions) == 1 and regions[0] != "001" and len(wa_id) - digits >= 6
            return regions[0] if is_plain and wa_id[0] != "0" else ""
    return ""


def _country_by_metadata(wa_id: str) -> str:
    try:
        parsed = phonenumbers.parse(f"+{wa_id}")
    except phonenumbers.NumberParseException:
        return "ZZ"
    region = phonenumbers.region_code_for_number(parsed)
    if region and region != "001":
        return region
    return phonenumbers.region_code_for_country_code(parsed.country_code or 0).replace("001", "ZZ")
