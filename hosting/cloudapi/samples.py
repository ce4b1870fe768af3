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
    value = VALUES[field]
    if field in OF_NUMBERS:
        about = {
            "display_phone_number": metadata.display_phone_number,
            "phone_number_id": metadata.phone_number_id,
        }
        value = {"messaging_product": "whatsapp", "metadata": about} | value
    change = {"field": field, "value": value}
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
OF_NUMBERS = frozenset(
    {"user_preferences", "calls", "smb_message_echoes", "history", "smb_app_state_sync"}
)
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
    "user_preferences": {
        "contacts": [webhooks.contact_object(WA_ID, NAME, USER_ID)],
        "user_preferences": [
            {
                "wa_id": WA_ID,
                "user_id": USER_ID,
                "detail": "User requested to stop marketing messages",
                "category": "marketing_messages",
                "value": "stop",
                "timestamp": 1743451903,
            }
        ],
    },
    "calls": {
        "contacts": [webhooks.contact_object(WA_ID, NAME, USER_ID)],
        "calls": [
            {
                "id": "wacid.TEST",
                "from": WA_ID,
                "to": "15550783881",
                "event": "terminate",
                "direction": "USER_INITIATED",
                "status": "COMPLETED",
                "start_time": "1743451903",
                "end_time": "1743451963",
                "duration": 60,
                "timestamp": "1743451963",
            }
        ],
    },
    "smb_message_echoes": {
        "contacts": [webhooks.contact_object(WA_ID, NAME, USER_ID)],
        "message_echoes": [
            {
                "from": "15550783881",
                "to": WA_ID,
                "id": "wamid.TEST",
                "timestamp": "1743451903",
                "type": "text",
                "text": {"body": "Sent from the app."},
            }
        ],
    },
    "history": {
        "history": [
            {
                "metadata": {"phase": 0, "chunk_order": 1, "progress": 100},
                "threads": [
                    {
                        "id": WA_ID,
                        "messages": [
                            {
                                "from": WA_ID,
                                "id": "wamid.TEST",
                                "timestamp": "1743451903",
                                "type": "text",
                                "text": {"body": "Sent before."},
                                "history_context": {"status": "READ"},
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "smb_app_state_sync": {
        "state_sync": [
            {
                "type": "contact",
                "contact": {"full_name": NAME, "first_name": NAME, "phone_number": WA_ID},
                "action": "add",
                "metadata": {"timestamp": "1743451903"},
            }
        ]
    },
    "phone_number_name_update": {
        "display_phone_number": "15550783881",
        "decision": "APPROVED",
        "requested_verified_name": "Test",
        "rejection_reason": None,
    },
    "phone_number_quality_update": {
        "display_phone_number": "15550783881",
        "event": "UNFLAGGED",
        "current_limit": "TIER_UNLIMITED",
    },
    "business_capability_update": {
        "max_daily_conversations_per_business": 100000,
        "max_phone_numbers_per_business": 25,
    },
    "security": {
        "display_phone_number": "15550783881",
        "event": "PIN_CHANGED",
        "requester": "1234567890",
    },
    "flows": {
        "event": "FLOW_STATUS_CHANGE",
        "message": "Flow Test changed status from DRAFT to PUBLISHED",
        "flow_id": "6627390910605886",
        "old_status": "DRAFT",
        "new_status": "PUBLISHED",
    },
    "payment_configuration_update": {
        "configuration_name": "test",
        "provider_name": "razorpay",
        "provider_mid": "acc_1",
        "status": "Active",
        "created_timestamp": 1743451903,
        "updated_timestamp": 1743451903,
    },
    # Stands for every field that is not in this list.
    "other": {"event": "TEST"},
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
