"""What a network says of its numbers: quality, names."""

from typing import Any

from core import widths
from hosting.cloudapi.json import as_text
from hosting.cloudapi.texts import visible_name
from hosting.models import Account, Number, Transport

QUALITIES = {"FLAGGED": "RED", "UNFLAGGED": "GREEN", "ONBOARDING": "GREEN"}


def apply(account: Account, *, field: str, value: dict[str, Any]) -> None:
    """Apply a network's notice about a number of the account that sends by it; ignore others."""
    digits = "".join(filter(str.isdigit, as_text(value.get("display_phone_number"))))
    rows = Number.objects.filter(account=account, transport=Transport.CLOUDAPI, digits=digits)
    if field == "phone_number_quality_update":
        if quality := QUALITIES.get(as_text(value.get("event"))):
            rows.update(quality_rating=quality)
    elif field == "phone_number_name_update" and as_text(value.get("decision")) == "APPROVED":
        name = visible_name(as_text(value.get("requested_verified_name")))
        if name:
            rows.update(verified_name=name[: widths.BUSINESS_NAME])
