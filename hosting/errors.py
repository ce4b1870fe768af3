"""Errors of hosting with their Cloud API codes."""

from typing import Any

from core.errors import ParleyError

# Cloud API code -> (HTTP status, title), from the error table of the Cloud API reference.
TITLES: dict[int, tuple[int, str]] = {
    2: (500, "Service temporarily unavailable"),
    3: (400, "Application does not have the capability to make this API call"),
    4: (429, "Application request limit reached"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token"),
    200: (403, "Permissions error"),
    803: (404, "Object does not exist"),
    2046: (400, "New status was not correctly transitioned"),
    2047: (400, "Cannot cancel an order that was paid"),
    2500: (400, "Unknown path components"),
    130403: (400, "You blocked this user"),
    130429: (429, "Rate limit hit"),
    131000: (500, "Something went wrong"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131042: (402, "Business eligibility payment issue"),
    131047: (400, "Re-engagement message"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131056: (429, "Pair rate limit hit"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Translated text too long"),
    132007: (400, "Template format character policy violated"),
    132012: (400, "Template parameter format mismatch"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "There was an issue with the parameters in the template"),
    131045: (400, "The number is not registered"),
    131215: (400, "Groups are not available for this number"),
    133005: (400, "Two-step verification PIN mismatch"),
    133006: (400, "Phone number verification is needed"),
    133016: (400, "Account registration or deregistration request limit exceeded"),
    133010: (400, "Phone number not registered"),
    136025: (400, "Verify code failed"),
    138000: (400, "Calling is not enabled"),
    139001: (400, "Updating the flow failed"),
    139002: (400, "Publishing the flow failed"),
    139003: (400, "Deprecating the flow failed"),
    139004: (400, "Deleting the flow failed"),
    2388019: (400, "Message template limit exceeded"),
    2388023: (400, "Message template language exists already"),
    2388039: (400, "Message template cannot be edited in its status"),
    2388040: (400, "Character limit exceeded"),
    2388047: (400, "Message header format is incorrect"),
    2388072: (400, "Message body format is incorrect"),
    2388073: (400, "Message footer format is incorrect"),
    2388293: (400, "Parameters words ratio exceeds limit"),
    2388299: (400, "Leading or trailing params are not allowed"),
    2593002: (404, "Message template not found"),
}

# Code -> seconds for the Retry-After header.
RETRY_AFTER = {4: 1, 130429: 1, 131056: 6}


class CloudApiError(ParleyError):
    """A refusal with its Cloud API code; `details` names field and limit and says what to do."""

    def __init__(self, number: int, details: str, *, field: str = "") -> None:
        self.number = number
        self.status, self.title = TITLES[number]
        self.code = f"cloudapi_{number}"
        self.retry_after = RETRY_AFTER.get(number, 0)
        self.details = details
        self.field = field
        super().__init__(details)

    def as_json(self, trace_id: str) -> dict[str, Any]:
        """Return the `error` object of the Cloud API."""
        error: dict[str, Any] = {
            "message": f"(#{self.number}) {self.title}",
            "type": "OAuthException",
            "code": self.number,
            "error_data": {"messaging_product": "whatsapp", "details": self.details},
            "fbtrace_id": trace_id,
        }
        if self.status in (429, 500):
            error["is_transient"] = True
        return {"error": error}

    def as_status_error(self) -> dict[str, Any]:
        """Return the error as status webhooks carry it in `errors`."""
        return {
            "code": self.number,
            "title": self.title,
            "message": self.title,
            "error_data": {"details": self.details},
        }
