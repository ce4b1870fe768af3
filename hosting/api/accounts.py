"""Accounts, keys and who has them: `me`, `debug_token`, tokens, users, subscriptions of the app."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.models import ApiKey, Business, KeyScope, Membership
from core import widths
from hosting.api.keys import Caller, authenticated, cloud_api, key_text
from hosting.api.nodes import own_account, page
from hosting.api.responses import answer
from hosting.cloudapi.json import as_text
from hosting.cloudapi.texts import visible_name
from hosting.errors import CloudApiError
from hosting.models import Account
from hosting.models.webhooks import FIELDS

SCOPES = ("whatsapp_business_messaging", "whatsapp_business_management")


@cloud_api("GET")
def me(request: HttpRequest) -> HttpResponse:
    """`me`: the key as its own user."""
    with authenticated(request) as caller:
        key = ApiKey.objects.get(pk=caller.key_id)
        return answer({"id": str(caller.key_id), "name": key.name})


@cloud_api("GET")
def debug_token(request: HttpRequest) -> HttpResponse:
    """`debug_token?input_token=…`: what the caller's own key is."""
    with authenticated(request) as caller:
        asked = request.GET.get("input_token", "")
        if asked != key_text(request):
            raise CloudApiError(
                100, "input_token must be the key that asks: others are not told.",
                field="input_token",
            )  # fmt: skip
        return answer({"data": _token(caller)})


def _token(caller: Caller) -> dict[str, Any]:
    key = ApiKey.objects.get(pk=caller.key_id)
    accounts = list(caller.accounts().values_list("waba_id", flat=True).order_by("id"))
    return {
        "app_id": accounts[0] if accounts else str(caller.business.pk),
        "application": caller.business.name,
        "type": "SYSTEM_USER",
        "is_valid": True,
        "issued_at": int(key.created_at.timestamp()),
        "expires_at": int(key.expires_at.timestamp()) if key.expires_at else 0,
        "scopes": list(SCOPES),
        "granular_scopes": [{"scope": scope, "target_ids": accounts} for scope in SCOPES],
        "user_id": str(caller.key_id),
    }


@cloud_api("GET", "POST")
def access_token(request: HttpRequest) -> HttpResponse:
    """`oauth/access_token`: refused, because keys are made on the pages."""
    raise CloudApiError(
        3, "Keys are made by a person under Settings, API keys; no request makes one."
    )


@cloud_api("GET", "POST", "DELETE")
def app_subscriptions(request: HttpRequest, app_id: str) -> HttpResponse:
    """`{app}/subscriptions`: what an account's own webhooks get."""
    with authenticated(request) as caller:
        caller.require(KeyScope.WEBHOOKS)
        account = own_account(caller, app_id)
        caller.require_whole(account)
        if request.method != "GET":
            raise CloudApiError(3, "Subscribe by the edge subscribed_apps of the account.")
        hooks = account.webhooks.kept().filter(number=None, is_active=True).order_by("id")
        return answer({"data": [_subscription(hook.url, hook.fields) for hook in hooks]})


def _subscription(url: str, chosen: list[str]) -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "callback_url": url,
        "active": True,
        "fields": [{"name": name, "version": "v23.0"} for name in chosen if name in FIELDS],
    }


@cloud_api("GET", "POST", "DELETE")
def assigned_users(request: HttpRequest, waba_id: str) -> HttpResponse:
    """`assigned_users`: the members of the business, who are invited on its pages."""
    with authenticated(request) as caller:
        caller.require(KeyScope.ADMIN)
        own_account(caller, waba_id)
        caller.require_whole()
        if request.method != "GET":
            raise CloudApiError(3, "Members are invited and removed under Settings, Team.")
        rows = Membership.objects.filter(business=caller.business).select_related("user")
        count = {"summary": {"total_count": rows.count()}}
        return page(request, rows.order_by("id"), _user_object, **count)


def _user_object(member: Membership) -> dict[str, Any]:
    return {
        "id": str(member.user_id),
        "name": str(member.user),
        "user_type": "BUSINESS_USER",
        "tasks": ["MANAGE"] if member.role == "owner" else ["VIEW_INSIGHTS"],
    }


@cloud_api("GET", "POST")
def schedules(request: HttpRequest, waba_id: str) -> HttpResponse:
    """`schedules`: there are none; opening hours are those of the business."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        own_account(caller, waba_id)
        if request.method == "GET":
            return answer({"data": []})
        raise CloudApiError(3, "Schedules are not offered by the API.")


def rename_account(account: Account, given: dict[str, Any]) -> None:
    """Rename an account. Raises CloudApiError 100 for anything else: nothing would be done."""
    name = visible_name(as_text(given.get("name")))
    if not 1 <= len(name) <= widths.BUSINESS_NAME or set(given) - {"name"}:
        raise CloudApiError(
            100, f"An account takes a name of 1 to {widths.BUSINESS_NAME} characters only.",
            field="name",
        )  # fmt: skip
    account.name = name
    account.save(update_fields=["name"])


def business_object(business: Business, accounts: QuerySet[Account]) -> dict[str, Any]:
    """Return the caller's business as the Cloud API shows a portfolio."""
    return {
        "id": str(business.pk),
        "name": business.name,
        "verification_status": "verified",
        "created_time": Business.objects.get(pk=business.pk).created_at.isoformat(),
        "owned_whatsapp_business_accounts": {
            "data": [{"id": one.waba_id, "name": one.name} for one in accounts.order_by("id")]
        },
    }
