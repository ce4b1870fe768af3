"""Edges of a number's settings: greeting and commands, compliance, key, calling, official mark."""

from typing import Any

from django.http import HttpRequest

from accounts.models import KeyScope
from hosting.api.numbers import SUCCESS, given_in, number_edge
from hosting.cloudapi.json import as_dict, as_text
from hosting.errors import CloudApiError
from hosting.models import Number
from hosting.numbers import settings


@number_edge("GET", "POST", scope=KeyScope.ADMIN)
def number_settings(request: HttpRequest, number: Number) -> Any:
    """`settings`: calls are off, and what is stored lies here."""
    if request.method == "GET":
        return {
            "calling": {"status": "disabled", "call_icon_visibility": "disable_all"},
            "payload_encryption": {"status": "disabled"},
            "storage_configuration": {"status": "default"},
        }
    given = given_in(request)
    calling = as_dict(given.get("calling"))
    if not calling or set(given) - {"calling"}:
        raise CloudApiError(100, "Only calling.status can be set, to disabled.", field="calling")
    if as_text(calling.get("status")).lower() != "disabled":
        raise CloudApiError(138000, "Calls are not offered here.", field="calling.status")
    return SUCCESS


@number_edge("GET", "POST", scope=KeyScope.ADMIN)
def automation(request: HttpRequest, number: Number) -> Any:
    """`conversational_automation`: greeting, prompts and commands."""
    if request.method == "GET":
        return {"data": [settings.automation_of(number) | {"id": number.phone_number_id}]}
    settings.change_automation(number, given_in(request))
    return SUCCESS


@number_edge("GET", "POST", scope=KeyScope.ADMIN)
def compliance(request: HttpRequest, number: Number) -> Any:
    """`business_compliance_info`."""
    if request.method == "GET":
        own = {"whatsapp_business_account_id": number.account.waba_id}
        return {"data": [own | settings.compliance_of(number)]}
    settings.change_compliance(number, given_in(request))
    return SUCCESS


@number_edge("GET", "POST", scope=KeyScope.ADMIN)
def encryption(request: HttpRequest, number: Number) -> Any:
    """`whatsapp_business_encryption`: the public key of flows with an endpoint."""
    if request.method == "GET":
        return {"data": [settings.encryption_key_of(number)]}
    settings.set_encryption_key(number, as_text(given_in(request).get("business_public_key")))
    return SUCCESS


@number_edge("GET", "POST", scope=KeyScope.ADMIN)
def official(request: HttpRequest, number: Number) -> Any:
    """`official_business_account`: nobody here grants the mark."""
    if request.method == "POST":
        raise CloudApiError(3, "The network grants the mark of official accounts; apply there.")
    return {
        "id": number.phone_number_id,
        "oba_status": "NOT_STARTED",
        "status_message": "The network grants the mark of official accounts.",
    }


@number_edge("GET", "POST")
def calls(request: HttpRequest, number: Number) -> Any:
    """`calls` and `call_permissions`: refused."""
    raise CloudApiError(138000, "Calls are not offered here: the phones are for messages only.")


@number_edge("GET", "POST")
def groups(request: HttpRequest, number: Number) -> Any:
    """`groups`: there are none that this number made."""
    if request.method == "GET":
        return {"data": {"groups": []}}
    raise CloudApiError(131215, "Groups of a network are read here; they are made there.")


@number_edge("POST")
def encrypted(request: HttpRequest, number: Number) -> Any:
    """`messages_encrypted`: refused, because payload encryption is off."""
    raise CloudApiError(3, "Payload encryption is off; send by the edge messages.")
