"""Nodes and edges of an account: numbers, accounts, activities, templates."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.models import AuditEntry, KeyScope
from core import links
from hosting.api.bodies import request_body
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.responses import answer
from hosting.cloudapi.fieldlists import parse_fields
from hosting.cloudapi.json import as_dict
from hosting.errors import CloudApiError
from hosting.models import Account, Number, Template
from hosting.numbers import additions

MAX_LIMIT = 100


@cloud_api("GET", "POST")
def phone_numbers(request: HttpRequest, waba_id: str) -> HttpResponse:
    """All numbers of an account, or one more in the sandbox."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        account = own_account(caller, waba_id)
        if request.method == "POST":
            caller.require(KeyScope.ADMIN)
            caller.require_whole()
            added = additions.add_number(account, as_dict(request_body(request)))
            return answer({"id": added.phone_number_id})
        rows = caller.numbers().filter(account=account).order_by("id")
        return page(request, rows, number_object)


@cloud_api("GET")
def owned_accounts(request: HttpRequest, business_id: str) -> HttpResponse:
    """The accounts of the caller's business."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        if business_id != str(caller.business.pk):
            raise CloudApiError(
                803, f"Object with ID '{business_id}' does not exist, or is not yours."
            )
        return page(request, caller.accounts().order_by("id"), account_object)


@cloud_api("GET")
def activities(request: HttpRequest, waba_id: str) -> HttpResponse:
    """The business's audit log, oldest first, without the changed values."""
    with authenticated(request) as caller:
        caller.require(KeyScope.ADMIN)
        own_account(caller, waba_id)
        caller.require_whole()
        rows = (
            AuditEntry.objects.filter(business=caller.business)
            .select_related("actor")
            .order_by("id")
        )
        return page(request, rows, activity_object)


def activity_object(entry: AuditEntry) -> dict[str, Any]:
    """Return an audit entry as the Cloud API shows an activity."""
    return {
        "id": str(entry.pk),
        "activity_type": entry.action,
        "description": entry.subject,
        "actor_type": "USER" if entry.actor_id else "SYSTEM",
        "actor_id": str(entry.actor_id or ""),
        "actor_name": entry.actor_name,
        "event_time": int(entry.at.timestamp()),
    }


def own_account(caller: Caller, waba_id: str) -> Account:
    """Return the caller's account of that id; raise CloudApiError 803."""
    account = caller.accounts().filter(waba_id=waba_id).first()
    if account is None:
        raise CloudApiError(803, f"Object with ID '{waba_id}' does not exist, or is not yours.")
    return account


def number_object(number: Number) -> dict[str, Any]:
    """Return a number as the Cloud API shows it."""
    return {
        "id": number.phone_number_id,
        "display_phone_number": number.display_phone_number,
        "verified_name": number.verified_name,
        "quality_rating": number.quality_rating,
        "status": "CONNECTED" if number.is_registered else "DISCONNECTED",
        "code_verification_status": "VERIFIED" if number.is_verified else "NOT_VERIFIED",
        "name_status": "APPROVED",
        "account_mode": "SANDBOX" if number.transport == "sandbox" else "LIVE",
        "platform_type": "CLOUD_API",
        "host_platform": "CLOUD_API",
        "messaging_limit_tier": "TIER_UNLIMITED",
        "throughput": {"level": "STANDARD"},
        "is_pin_enabled": bool(number.pin),
        "country_dial_code": number.country_dial_code,
        "username": "",
    }


def account_object(account: Account) -> dict[str, Any]:
    """Return an account as the Cloud API shows it."""
    business = account.business
    return {
        "id": account.waba_id,
        "name": account.name,
        "timezone_id": business.timezone,
        "message_template_namespace": f"parley_{account.waba_id}",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "country": business.country,
        "currency": business.currency,
        "owner_business_info": {"id": str(business.pk), "name": business.name},
    }


def template_object(template: Template) -> dict[str, Any]:
    """Return a template as the Cloud API shows it."""
    ttl = {} if template.ttl_seconds is None else {"message_send_ttl_seconds": template.ttl_seconds}
    return ttl | {
        "id": template.template_id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category.upper(),
        "components": template.components,
        "parameter_format": template.parameter_format,
        "quality_score": {
            "score": template.quality,
            "date": int((template.edited_at or template.created_at).timestamp()),
        },
        "rejected_reason": template.rejected_reason,
    }


def page(request: HttpRequest, rows: QuerySet[Any], as_object: Any, **extra: Any) -> HttpResponse:
    """Return a list in the Graph API's shape: `data`, and `paging` with row ids as cursors, both
    ways.
    """
    limit = min(max(_parse_integer(request.GET.get("limit"), 25), 1), MAX_LIMIT)
    after, before = (_parse_integer(request.GET.get(name), 0) for name in ("after", "before"))
    backwards = bool(before) and not after
    if backwards:
        rows = rows.filter(id__lt=before).order_by("-id")
    elif after:
        rows = rows.filter(id__gt=after)
    found = list(rows[: limit + 1])
    shown = found[:limit][::-1] if backwards else found[:limit]
    body: dict[str, Any] = {"data": [_selected(as_object(row), request) for row in shown]}
    if shown:
        first, last = str(shown[0].pk), str(shown[-1].pk)
        body["paging"] = {"cursors": {"before": first, "after": last}}
        if backwards or len(found) > limit:
            body["paging"]["next"] = _page_url(request, after=last)
        if after or (backwards and len(found) > limit):
            body["paging"]["previous"] = _page_url(request, before=first)
    return answer(body | extra)


def _page_url(request: HttpRequest, **cursor: str) -> str:
    query = request.GET.copy()
    # A key must not appear in a URL that is shown.
    for name in ("after", "before", "access_token"):
        query.pop(name, None)
    for name, value in cursor.items():
        query[name] = value
    return links.absolute(f"{request.path}?{query.urlencode()}")


def _parse_integer(raw: str | None, default: int) -> int:
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 19 else default


def _selected(row: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    fields = {field.name for field in parse_fields(request.GET.get("fields", ""))}
    if not fields:
        return row
    return {key: value for key, value in row.items() if key in fields or key == "id"}
