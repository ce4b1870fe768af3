"""`/{id}`: the number, media, template, account or business with that id."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.models import Business, KeyScope
from core import widths
from hosting.api import analytics
from hosting.api.accounts import business_object, rename_account
from hosting.api.bodies import request_body
from hosting.api.flows import flow_object, own_flow
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.media import media_object, own_media, require_own
from hosting.api.nodes import account_object, number_object, template_object
from hosting.api.responses import answer
from hosting.api.subscriptions import configure_number
from hosting.cloudapi.fieldlists import parse_fields
from hosting.cloudapi.json import as_dict
from hosting.cloudapi.texts import visible_name
from hosting.errors import CloudApiError
from hosting.flows import lifecycle as flow_lifecycle
from hosting.media import store
from hosting.message_templates import lifecycle
from hosting.models import Account, Flow, Media, Number, Template, Transport

Found = Number | Media | Template | Account | Flow | Business


@cloud_api("GET", "POST", "DELETE")
def node(request: HttpRequest, object_id: str) -> HttpResponse:
    """Read, change or delete one object."""
    body = as_dict(request_body(request)) if request.method == "POST" else {}
    if "webhook_configuration" in body:
        # It sends a request to the new URL, so it must not run in a transaction.
        configure_number(request, object_id, body)
        return answer({"success": True})
    with authenticated(request, object_id) as caller:
        is_setting = request.method == "POST" and caller.number is not None
        caller.require(KeyScope.ADMIN if is_setting else KeyScope.MESSAGES)
        found = _find(caller, object_id)
        if request.method == "GET":
            return answer(_shown(caller, found, request))
        if isinstance(found, Template | Flow):
            caller.require_whole(found.account)
        if isinstance(found, Account):
            caller.require(KeyScope.ADMIN)
            caller.require_whole(found)
        if request.method == "DELETE":
            if isinstance(found, Media):
                require_own(caller, found)
            _delete(found)
        else:
            _change(found, body)
        return answer({"success": True})


def _find(caller: Caller, object_id: str) -> Found:
    if caller.number is not None:
        return Number.objects.get(pk=caller.number.pk)
    accounts = caller.accounts()
    templates = Template.objects.live().filter(business=caller.business, template_id=object_id)
    if caller.number_ids is not None:
        templates = templates.filter(account__in=accounts)
    found = (
        own_media(caller, object_id)
        or templates.select_related("account", "business").first()
        or accounts.filter(waba_id=object_id).select_related("business").first()
        or own_flow(caller, object_id)
    )
    if found is None and object_id == str(caller.business.pk):
        return caller.business
    if found is None:
        raise CloudApiError(803, f"Object with ID '{object_id}' does not exist, or is not yours.")
    return found


def _shown(caller: Caller, found: Found, request: HttpRequest) -> dict[str, Any]:
    asked = parse_fields(request.GET.get("fields", ""))
    whole = (
        business_object(found, caller.accounts())
        if isinstance(found, Business)
        else _as_object(found)
    )
    shown = {
        key: value
        for key, value in whole.items()
        if not asked or key == "id" or key in {f.name for f in asked}
    }
    if isinstance(found, Account):
        for one in asked:
            if edge := analytics.edge(one.name):
                caller.require_whole(found)
                shown[one.name] = edge(found, one.parameters)
    return shown


def _as_object(found: Number | Media | Template | Account | Flow) -> dict[str, Any]:
    if isinstance(found, Number):
        return number_object(found)
    if isinstance(found, Media):
        return media_object(found)
    if isinstance(found, Flow):
        return flow_object(found)
    return template_object(found) if isinstance(found, Template) else account_object(found)


def _delete(found: Found) -> None:
    if isinstance(found, Flow):
        flow_lifecycle.delete(found)
        return
    if not isinstance(found, Media):
        raise CloudApiError(100, "Only media and flows are deleted by their id alone.")
    store.delete_media(found)


def _change(found: Found, body: dict[str, Any]) -> None:
    if isinstance(found, Template):
        lifecycle.edit_template(found, body=body)
    elif isinstance(found, Number):
        _change_number(found, body)
    elif isinstance(found, Flow):
        flow_lifecycle.change(found, body)
    elif isinstance(found, Account):
        rename_account(found, body)
    else:
        raise CloudApiError(100, "This object cannot be changed by a POST to its id.")


def _change_number(number: Number, body: dict[str, Any]) -> None:
    """Set the PIN of two-step verification, or the name that customers see.

    Raises CloudApiError 100 for anything else, because nothing would be done.
    """
    changes: dict[str, str] = {}
    if (pin := body.get("pin")) is not None:
        if not (isinstance(pin, str) and pin.isascii() and pin.isdigit() and len(pin) == 6):
            raise CloudApiError(100, "pin must be 6 digits.", field="pin")
        changes["pin"] = pin
    if body.get("new_display_name") is not None:
        changes["verified_name"] = _display_name(number, body["new_display_name"])
    if not changes:
        raise CloudApiError(
            100, "A number takes pin, new_display_name or webhook_configuration; nothing was done."
        )
    for name, value in changes.items():
        setattr(number, name, value)
    number.save(update_fields=list(changes))


def _display_name(number: Number, raw: Any) -> str:
    if number.transport != Transport.SANDBOX:
        raise CloudApiError(
            100, "The network names this number; ask it for another name.", field="new_display_name"
        )
    name = visible_name(raw) if isinstance(raw, str) else ""
    if not 1 <= len(name) <= widths.BUSINESS_NAME:
        raise CloudApiError(
            100,
            f"new_display_name must have 1 to {widths.BUSINESS_NAME} characters.",
            field="new_display_name",
        )
    return name
