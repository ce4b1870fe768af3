"""Templates of an account: list, create, delete."""

from django.http import HttpRequest, HttpResponse

from accounts.models import KeyScope
from hosting.api.bodies import request_body
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.nodes import own_account, page, template_object
from hosting.api.responses import answer
from hosting.cloudapi.json import as_dict
from hosting.errors import CloudApiError
from hosting.message_templates import lifecycle
from hosting.models import Account, Template


@cloud_api("GET", "POST", "DELETE")
def message_templates(request: HttpRequest, waba_id: str) -> HttpResponse:
    """`/{waba_id}/message_templates`."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller, waba_id)
        if request.method != "GET":
            caller.require_whole(account)
        if request.method == "POST":
            return _create(caller, account, request)
        if request.method == "DELETE":
            return _delete(account, request)
        return _list(account, request)


@cloud_api("POST")
def upsert(request: HttpRequest, waba_id: str) -> HttpResponse:
    """`/{waba_id}/upsert_message_templates`: an authentication template in several languages."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller, waba_id)
        caller.require_whole(account)
        account.business = caller.business
        made = lifecycle.upsert_templates(account=account, body=as_dict(request_body(request)))
        rows = [
            {"id": one.template_id, "language": one.language, "status": one.status} for one in made
        ]
        return answer({"data": rows})


@cloud_api("POST")
def unpause(request: HttpRequest, object_id: str) -> HttpResponse:
    """`/{template_id}/unpause`."""
    with authenticated(request, object_id) as caller:
        caller.require(KeyScope.MESSAGES)
        rows = Template.objects.live().filter(business=caller.business, template_id=object_id)
        found = rows.select_related("account", "business").first()
        if found is None:
            raise CloudApiError(
                803, f"Object with ID '{object_id}' does not exist, or is not yours."
            )
        caller.require_whole(found.account)
        lifecycle.unpause_template(found)
        return answer({"success": True})


def _create(caller: Caller, account: Account, request: HttpRequest) -> HttpResponse:
    account.business = caller.business
    made = lifecycle.create_template(account=account, body=as_dict(request_body(request)))
    return answer(
        {"id": made.template_id, "status": made.status, "category": made.category.upper()}
    )


def _delete(account: Account, request: HttpRequest) -> HttpResponse:
    name = request.GET.get("name", "")
    if not name:
        raise CloudApiError(131008, "name is required.", field="name")
    lifecycle.delete_templates(
        account=account, name=name, template_id=request.GET.get("hsm_id", "")
    )
    return answer({"success": True})


def _list(account: Account, request: HttpRequest) -> HttpResponse:
    """List templates with the summary that stock clients read."""
    rows = Template.objects.live().filter(account=account).order_by("id")
    for parameter in ("name", "language"):
        if wanted := request.GET.get(parameter):
            rows = rows.filter(**{parameter: wanted})
    if wanted := request.GET.get("status"):
        rows = rows.filter(status=wanted.upper())
    if wanted := request.GET.get("category"):
        rows = rows.filter(category=wanted.lower())
    if wanted := request.GET.get("name_or_content"):
        rows = rows.filter(name__icontains=wanted[:100])
    total = Template.objects.live().filter(account=account).count()
    summary = {
        "total_count": total,
        "message_template_count": total,
        "message_template_limit": lifecycle.MAX_TEMPLATES,
        "are_translations_complete": True,
    }
    return page(request, rows, template_object, summary=summary)
