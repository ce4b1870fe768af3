"""`/{waba_id}/subscribed_apps` and a number's `webhook_configuration`."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.models import KeyScope
from core.outbound import TooManyOutbound
from hosting.api.bodies import request_body
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.nodes import own_account
from hosting.api.responses import answer
from hosting.cloudapi.json import as_dict, as_text
from hosting.errors import CloudApiError
from hosting.models import Account, Webhook
from hosting.webhooks import subscriptions


@cloud_api("GET", "POST", "DELETE")
def subscribed_apps(request: HttpRequest, waba_id: str) -> HttpResponse:
    """List, create or delete the subscription of an account."""
    override = None
    if request.method == "POST" and (
        override := _override(request, request_body(request) if request.body else {})
    ):
        # Checked first, so that a key without access cannot make Parley send requests.
        with authenticated(request) as caller:
            business_id = _own_account(caller, waba_id).business_id
        _challenge(*override, business_id)
    with authenticated(request) as caller:
        account = _own_account(caller, waba_id)
        if request.method == "GET":
            active = (
                Webhook.objects.kept()
                .filter(account=account, number=None, is_active=True)
                .order_by("id")
            )
            return answer(
                {
                    "data": [
                        _app_object(account.waba_id, account.name, webhook) for webhook in active
                    ]
                }
            )
        if request.method == "DELETE":
            subscriptions.unsubscribe(account=account)
        elif override:
            subscriptions.subscribe(
                account=account, url=override[0], verify_token=override[1], by_api=True
            )
        else:
            subscriptions.resubscribe(account=account)
        return answer({"success": True})


def configure_number(request: HttpRequest, phone_number_id: str, body: Any) -> None:
    """Set or remove a number's own webhook.

    The body is `{"webhook_configuration": {"override_callback_uri", "verify_token"}}`.
    """
    override = _override(request, as_dict(body).get("webhook_configuration"))
    if override:
        with authenticated(request, phone_number_id) as caller:
            caller.require(KeyScope.WEBHOOKS)
            business_id = caller.require_number(phone_number_id).business_id
        _challenge(*override, business_id)
    with authenticated(request, phone_number_id) as caller:
        caller.require(KeyScope.WEBHOOKS)
        number = caller.require_number(phone_number_id)
        if override:
            subscriptions.subscribe(
                account=number.account,
                number=number,
                url=override[0],
                verify_token=override[1],
                by_api=True,
            )
        else:
            subscriptions.remove_override(number=number)


def _own_account(caller: Caller, waba_id: str) -> Account:
    caller.require(KeyScope.WEBHOOKS)
    account = own_account(caller, waba_id)
    caller.require_whole(account)
    return account


def _override(request: HttpRequest, body: Any) -> tuple[str, str] | None:
    """Return URL and token of an override from body or query, or None."""
    given = as_dict(body)
    url = as_text(given.get("override_callback_uri")) or request.GET.get(
        "override_callback_uri", ""
    )
    token = as_text(given.get("verify_token")) or request.GET.get("verify_token", "")
    if url and not token:
        raise CloudApiError(
            100, "verify_token is required with override_callback_uri.", field="verify_token"
        )
    return (url, token) if url else None


def _challenge(url: str, token: str, business_id: int) -> None:
    try:
        subscriptions.challenge(url=url, verify_token=token, business_id=business_id)
    except TooManyOutbound as error:
        raise CloudApiError(4, error.message) from None
    except subscriptions.WebhookRefused as error:
        raise CloudApiError(
            100, f"override_callback_uri: {error.message}", field="override_callback_uri"
        ) from None


def _app_object(waba_id: str, name: str, webhook: Webhook) -> dict[str, Any]:
    app = {"whatsapp_business_api_data": {"id": waba_id, "name": name, "link": ""}}
    return {**app, "override_callback_uri": webhook.url} if webhook.by_api else app
