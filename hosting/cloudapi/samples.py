"""Sample webhook bodies for test deliveries."""

from datetime import datetime
from typing import Any

import orjson

from hosting.cloudapi import webhooks

WA_ID, NAME = "16315551181", "Test"
USER_ID = "US.13491208655302741918"


def sample_body(field: str, metadata: webhooks.NumberMetadata, *, at: datetime) -> bytes:
    """Return a sample body of that field, as the protocol's own console sends it."""
    if field == "messages":
        return webhooks.body_of(
            metadata,
            contacts=[webhooks.contact_object(WA_ID, NAME, USER_ID)],
            messages=[_message(at)],
        )
    change = {"field": field, "value": VALUES[field]}
    entry = {"id": metadata.waba_id, "time": int(at.timestamp()), "changes": [change]}
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def _message(at: datetime) -> dict[str, Any]:
    return {
        "from": WA_ID,
        "from_user_id": USER_ID,
        "id": f"wamid.TEST{int(at.timestamp() * 1000)}",
        "timestamp": str(int(at.timestamp())),
        "type": "text",
        "text": {"body": "This is a test delivery."},
    }


_TEMPLATE = {
    "message_template_id": 12345678,
    "message_template_name": "test_template",
    "message_template_language": "en_US",
}
VALUES: dict[str, dict[str, Any]] = {
    "message_template_status_update": {
        "event": "APPROVED",
        **_TEMPLATE,
        "reason": "NONE",
        "message_template_category": "UTILITY",
    },
    "message_template_quality_update": {
        "previous_quality_score": "GREEN",
        "new_quality_score": "YELLOW",
        **_TEMPLATE,
    },
    "account_update": {
        "event": "VOLUME_BASED_PRICING_TIER_UPDATE",
        "volume_tier_info": {
            "tier_update_time": 1743451903,
            "pricing_category": "UTILITY",
            "tier": "25000001:50000000",
            "effective_month": "2025-11",
            "region": "India",
        },
    },
    "account_alerts": {
        "entity_type": "WABA",
        "entity_id": "102290129340398",
        "alert_info": {
            "alert_severity": "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": "SPEND_CAP_80",
            "alert_description": "80 % of the month's spend cap is reached.",
        },
    },
    # Parley's own field, not Meta's: changes of a shop's orders.
    "orders": {
        "event": "order.paid",
        "id": 1,
        "number": 1,
        "catalog_id": "194836987003835",
        "wa_id": WA_ID,
        "state": "confirmed",
        "currency": "USD",
        "total_minor": 1490,
        "paid_minor": 1490,
    },
}
