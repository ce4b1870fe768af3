"""`/{waba_id}/flows`, `/{flow_id}` and its edges, and the file of a flow's JSON."""

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts.models import KeyScope
from core import links
from core.tenancy import scope
from hosting.api.bodies import request_body
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.nodes import account_object, own_account, page
from hosting.api.responses import answer
from hosting.cloudapi.json import as_dict, as_list, as_text
from hosting.errors import CloudApiError
from hosting.flows import lifecycle
from hosting.flows.previews import preview_of
from hosting.models import Flow

LINK = signing.TimestampSigner(salt="hosting.flows")
LINK_SECONDS = 300
TIME = "%Y-%m-%dT%H:%M:%S%z"
SUCCESS = {"success": True}


@cloud_api("GET", "POST")
def flows(request: HttpRequest, waba_id: str) -> HttpResponse:
    """List the flows of an account, or create one."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller, waba_id)
        if request.method == "GET":
            return page(request, Flow.objects.filter(account=account).order_by("id"), _in_list)
        caller.require_whole(account)
        flow = lifecycle.create(account, as_dict(request_body(request)))
        made: dict[str, Any] = {"id": flow.flow_id, "success": True}
        if flow.source:
            made["validation_errors"] = flow.validation_errors
        return answer(made)


@cloud_api("POST")
def migrate(request: HttpRequest, waba_id: str) -> HttpResponse:
    """`/{waba_id}/migrate_flows`: copy flows of another account of the business."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller, waba_id)
        caller.require_whole()
        given = as_dict(request_body(request))
        origin = own_account(caller, as_text(given.get("source_waba_id")))
        names = [as_text(name) for name in as_list(given.get("source_flow_names"))]
        copied, failed = lifecycle.migrate(account, origin, names)
        return answer({"migrated_flows": copied, "failed_flows": failed})


def own_flow(caller: Caller, flow_id: str) -> Flow | None:
    """Return the caller's flow of that id; None where there is none."""
    rows = Flow.objects.filter(business=caller.business, account__in=caller.accounts())
    return rows.select_related("account__business").filter(flow_id=flow_id).first()


def _required(caller: Caller, flow_id: str, *, for_change: bool) -> Flow:
    caller.require(KeyScope.MESSAGES)
    flow = own_flow(caller, flow_id)
    if flow is None:
        raise CloudApiError(803, f"Object with ID '{flow_id}' does not exist, or is not yours.")
    if for_change:
        caller.require_whole(flow.account)
    return flow


@cloud_api("GET", "POST")
def assets(request: HttpRequest, flow_id: str) -> HttpResponse:
    """`/{flow_id}/assets`: where the flow's JSON is, or a new one (multipart `file`)."""
    with authenticated(request) as caller:
        flow = _required(caller, flow_id, for_change=request.method == "POST")
        if request.method == "GET":
            token = LINK.sign(f"{flow.business_id}-{flow.pk}")
            asset = {
                "name": "flow.json",
                "asset_type": "FLOW_JSON",
                "download_url": links.absolute(f"/flows/{token}"),
            }
            return answer({"data": [asset] if flow.source else []})
        found = lifecycle.upload(flow, _uploaded(request))
        return answer(SUCCESS | {"validation_errors": found})


def _uploaded(request: HttpRequest) -> str:
    given = as_dict(request_body(request))
    if as_text(given.get("asset_type")) != "FLOW_JSON":
        raise CloudApiError(100, "asset_type must be FLOW_JSON.", field="asset_type")
    file = request.FILES.get("file")
    raw = file.read() if file else as_text(given.get("file")).encode()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise CloudApiError(100, "file must be JSON in UTF-8.", field="file") from None
    if not text.strip() or "\0" in text:
        raise CloudApiError(100, "file is required: the flow's JSON.", field="file")
    return text


@cloud_api("POST")
def publish(request: HttpRequest, flow_id: str) -> HttpResponse:
    """`/{flow_id}/publish`."""
    with authenticated(request) as caller:
        lifecycle.publish(_required(caller, flow_id, for_change=True))
        return answer(SUCCESS)


@cloud_api("POST")
def deprecate(request: HttpRequest, flow_id: str) -> HttpResponse:
    """`/{flow_id}/deprecate`."""
    with authenticated(request) as caller:
        lifecycle.deprecate(_required(caller, flow_id, for_change=True))
        return answer(SUCCESS)


@require_GET
def download(request: HttpRequest, token: str) -> HttpResponse:
    """The JSON of a flow, by a link that holds five minutes."""
    try:
        business_id, _, pk = LINK.unsign(token, max_age=LINK_SECONDS).partition("-")
    except signing.BadSignature:
        return HttpResponse(status=403)
    with scope(int(business_id)):
        flow = Flow.objects.filter(business_id=int(business_id), pk=int(pk)).first()
    if flow is None:
        return HttpResponse(status=404)
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(flow.source, content_type="application/json", headers=headers)


def _in_list(flow: Flow) -> dict[str, Any]:
    return {
        "id": flow.flow_id,
        "name": flow.name,
        "status": flow.status,
        "categories": flow.categories,
        "validation_errors": flow.validation_errors,
    }


def flow_object(flow: Flow) -> dict[str, Any]:
    """Return a flow as the Cloud API shows it."""
    document = flow.document
    url, expires = preview_of(flow)
    return _in_list(flow) | {
        "json_version": as_text(document.get("version")),
        "data_api_version": as_text(document.get("data_api_version")),
        "endpoint_uri": flow.endpoint_uri,
        "data_channel_uri": flow.endpoint_uri,
        "whatsapp_business_account": account_object(flow.account),
        "updated_at": flow.updated_at.strftime(TIME),
        "preview": {"preview_url": url, "expires_at": expires.strftime(TIME)},
    }
