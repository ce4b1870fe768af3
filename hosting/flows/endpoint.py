"""Requests of running flows to the business's endpoint: encrypted, signed, short."""

from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _

from core import outbound
from core.http import FetchFailed, fetch
from hosting.cloudapi.json import MalformedJson, as_dict, as_text, read_json
from hosting.cloudapi.webhooks import sign
from hosting.flows.encryption import Sealed, Undecryptable, seal, unseal
from hosting.models import Flow, Number

SECONDS = 10.0
MAX_BYTES = 1024 * 1024
# Answers of an endpoint: it has another key than ours, and the flow's token is used up.
OTHER_KEY, TOKEN_USED_UP = 421, 427


class EndpointFailed(Exception):
    """The endpoint cannot be used now; `key` is the Cloud API's name of the error."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key, self.message = key, message


class TokenUsedUp(EndpointFailed):
    """The endpoint takes no more requests with this flow's token (427)."""


def exchange(flow: Flow, number: Number, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request to the flow's endpoint and return its decrypted response.

    With 421 the number's public key is read again and the request sent once more. Raises
    EndpointFailed, TokenUsedUp. Inside of a web request it has 2 seconds (`core.outbound`).
    """
    key = as_text(number.settings.get("public_key"))
    for attempt in range(2):
        if not key:
            raise EndpointFailed("PUBLIC_KEY_MISSING", _("The number has no public key."))
        sealed = seal(request, key)
        answer = _sent(flow, sealed.body)
        if answer.status != OTHER_KEY or attempt:
            break
        number.refresh_from_db(fields=["settings"])
        key = as_text(number.settings.get("public_key"))
    if answer.status == TOKEN_USED_UP:
        raise TokenUsedUp("TOKEN_USED_UP", _message_in(answer.body, sealed))
    if answer.status != 200:
        raise EndpointFailed(
            "UNEXPECTED_HTTP_STATUS_CODE",
            _("The endpoint answered with HTTP %(status)s.") % {"status": answer.status},
        )
    try:
        return unseal(answer.body, sealed)
    except Undecryptable:
        raise EndpointFailed(
            "CANNOT_DECRYPT_RESPONSE", _("The endpoint's answer cannot be decrypted.")
        ) from None


def _sent(flow: Flow, body: bytes) -> Any:
    headers = {
        "content-type": "application/json",
        "x-hub-signature-256": sign(body, flow.account.secrets[0]),
    }
    try:
        with outbound.slot(flow.business_id):
            return fetch(
                flow.endpoint_uri, method="POST", body=body, headers=headers,
                max_bytes=MAX_BYTES, timeout=SECONDS,
            )  # fmt: skip
    except (FetchFailed, outbound.TooManyOutbound) as error:
        raise EndpointFailed(
            "NO_HTTP_RESPONSE_ERROR",
            _("The endpoint did not answer: %(reason)s.") % {"reason": str(error).rstrip(".")},
        ) from None


def _message_in(body: bytes, sealed: Sealed) -> str:
    """Return `error_msg` of a body, encrypted or not, or words of our own."""
    try:
        said = as_text(unseal(body, sealed).get("error_msg"))
    except Undecryptable:
        said = ""
        with suppress(MalformedJson):
            said = as_text(as_dict(read_json(body)).get("error_msg"))
    return said[:1000] or _("This form cannot be used any more.")


def report(flow: Flow, number: Number, request: dict[str, Any], error: EndpointFailed) -> None:
    """Report an error in the endpoint's answer to it, as the customer's device does; no retry."""
    told = {"error": error.key, "error_message": error.message}
    try:
        exchange(flow, number, request | {"data": told})
    except EndpointFailed:
        return


def is_active(flow: Flow, number: Number) -> bool:
    """Whether the endpoint answers the health check."""
    version = as_text(flow.document.get("data_api_version"))
    try:
        answer = exchange(flow, number, {"version": version, "action": "ping"})
    except EndpointFailed:
        return False
    return as_dict(answer.get("data")).get("status") == "active"
