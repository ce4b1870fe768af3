"""Webhook settings: subscriptions, delivery log, secrets."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.audit import record
from accounts.models import ADMINS
from core.outbound import TooManyOutbound
from core.wake import notify
from hosting import tasks
from hosting.cloudapi.webhooks import sign
from hosting.forms.webhooks import WebhookForm
from hosting.models import Account, NetworkNotice, Number, Webhook, WebhookCall
from hosting.models.webhooks import FIELDS, MAX_UPDATES
from hosting.webhooks import delivery, subscriptions

PAGE = 50
PROCEED = 204


@require_GET
@member_page(*ADMINS)
def webhooks(request: BusinessRequest) -> HttpResponse:
    """Webhooks with their health, account secrets, and a form that adds one."""
    return _page(request, _form(request))


def add(request: HttpRequest) -> HttpResponseBase:
    """Add a webhook whose URL answers the challenge, which runs outside of transactions."""
    businesses: list[int] = []
    checked = _validated(request, businesses)
    if not businesses:
        return checked
    refusal = _challenge(
        request.POST.get("url", ""), request.POST.get("verify_token", ""), businesses[0]
    )
    return _subscribe(request, refusal)


@require_POST
@member_page(*ADMINS)
def _validated(request: BusinessRequest, businesses: list[int]) -> HttpResponse:
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    businesses.append(request.business.pk)
    return HttpResponse(status=PROCEED)


def _challenge(url: str, verify_token: str, business_id: int) -> str:
    """Return why the URL cannot be used, or ""."""
    try:
        subscriptions.challenge(
            url=url.strip(), verify_token=verify_token.strip(), business_id=business_id
        )
    except (subscriptions.WebhookRefused, TooManyOutbound) as error:
        return error.message
    return ""


@member_page(*ADMINS)
def _subscribe(request: BusinessRequest, refusal: str) -> HttpResponse:
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    account, number = form.source_of()
    if not refusal:
        given = {name: form.cleaned_data[name] for name in ("url", "verify_token")}
        try:
            made = subscriptions.subscribe(
                account=account, number=number, fields=form.cleaned_data["fields_"], **given
            )
        except subscriptions.WebhookRefused as error:
            refusal = error.message
    if refusal:
        form.add_error("url", refusal)
        return _page(request, form, status=422)
    record.record(action="webhook.added", subject=made.url, business=request.business)
    messages.success(
        request, _("The receiver answered the challenge. Webhooks go there from now on.")
    )
    return redirect("webhook", made.public_id)


@require_GET
@member_page(*ADMINS)
def webhook(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """One webhook: events, health and deliveries."""
    found = _own(request, public_id)
    context = {"webhook": found, "all_fields": FIELDS} | _log(
        request, WebhookCall.objects.filter(webhook=found)
    )
    return render(request, "hosting/webhooks/webhook.html", context)


@require_GET
@member_page(*ADMINS)
def log(request: BusinessRequest) -> HttpResponse:
    """Deliveries to all webhooks, newest first, removed ones included."""
    return render(request, "hosting/webhooks/log.html", _log(request, WebhookCall.objects.all()))


@require_GET
@member_page(*ADMINS)
def notices(request: BusinessRequest) -> HttpResponse:
    """What networks reported beside messages: field and raw body, newest first."""
    rows = NetworkNotice.objects.filter(business=request.business).select_related("number")
    is_unknown = request.GET.get("show") == "unknown"
    if is_unknown:
        rows = rows.filter(is_known=False)
    context = {"notices": rows.order_by("-id")[:PAGE], "is_unknown": is_unknown}
    return render(request, "hosting/webhooks/notices.html", context)


@require_GET
@member_page(*ADMINS)
def call(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """One delivery: request, response, timing."""
    found = _own_call(request, public_id)
    body = bytes(found.body)
    context = {
        "call": found,
        "signature": sign(body, found.webhook.account.app_secret),
        "size": len(body),
    }
    return render(request, "hosting/webhooks/call.html", context)


@require_POST
@member_page(*ADMINS)
def replay(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send the same body again."""
    found = _own_call(request, public_id)
    if not found.webhook.is_active:
        messages.error(
            request, _("This webhook is switched off or removed: nothing can be sent there.")
        )
        return redirect("webhook_call", found.public_id)
    made = delivery.replay(found)
    notify(tasks.call)
    return redirect("webhook_call", made.public_id)


@require_POST
@member_page(*ADMINS)
def test(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send a sample."""
    found = _own(request, public_id)
    field = request.POST.get("field", "")
    if not found.is_active or field not in FIELDS:
        messages.error(request, _("Switch the webhook on, and choose what to send."))
        return redirect("webhook", found.public_id)
    made = delivery.send_sample(found, field=field)
    notify(tasks.call)
    return redirect("webhook_call", made.public_id)


@require_POST
@member_page(*ADMINS)
def rerun(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Retry dead deliveries."""
    found = _own(request, public_id)
    dead = WebhookCall.objects.filter(webhook=found, state=WebhookCall.State.DEAD)
    count = delivery.rerun(map(str, dead.order_by("id").values_list("public_id", flat=True)))
    notify(tasks.call)
    messages.success(request, _("%(n)d calls are tried again, for seven days.") % {"n": count})
    return redirect("webhook", found.public_id)


@require_POST
@member_page(*ADMINS)
def switch(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Deactivate or activate a webhook; events in between are not sent to it."""
    found = _own(request, public_id)
    is_active = request.POST.get("active") == "1"
    Webhook.objects.filter(pk=found.pk).update(is_active=is_active, failures=0, paused_until=None)
    record.record(
        action="webhook.switched",
        subject=found.url,
        business=request.business,
        after={"active": is_active},
    )
    notify(tasks.call)
    return redirect("webhook", found.public_id)


@require_POST
@member_page(*ADMINS)
def choose_fields(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Change a webhook's events and updates per call."""
    found = _own(request, public_id)
    chosen = [field for field in FIELDS if field in request.POST.getlist("fields_")]
    updates = request.POST.get("updates_per_call", "1")
    if not updates.isdecimal() or not 1 <= int(updates[:9]) <= MAX_UPDATES:
        messages.error(
            request, _("Updates in one call: a number from 1 to %(n)d.") % {"n": MAX_UPDATES}
        )
    elif chosen:
        Webhook.objects.filter(pk=found.pk).update(fields=chosen, updates_per_call=int(updates))
        messages.success(request, _("Changed."))
    else:
        messages.error(request, _("Choose at least one, or switch the webhook off."))
    return redirect("webhook", found.public_id)


@require_POST
def check(request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
    """Repeat the challenge and show the result."""
    found: list[Webhook] = []
    asked = _load_webhook(request, public_id, found)
    if not found:
        return asked
    why = _challenge(found[0].url, found[0].verify_token, found[0].business_id)
    return _show_result(request, public_id, why)


@member_page(*ADMINS)
def _load_webhook(
    request: BusinessRequest, public_id: uuid.UUID, found: list[Webhook]
) -> HttpResponse:
    found.append(_own(request, public_id))
    return HttpResponse(status=PROCEED)


@member_page(*ADMINS)
def _show_result(request: BusinessRequest, public_id: uuid.UUID, refusal: str) -> HttpResponse:
    found = _own(request, public_id)
    if refusal:
        messages.error(request, refusal)
    else:
        subscriptions.mark_verified(found)
        notify(tasks.call)
        messages.success(request, _("The receiver answered the challenge."))
    return redirect("webhook", found.public_id)


@require_POST
@member_page(*ADMINS)
def remove(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Remove a webhook; its deliveries stay listed."""
    found = _own(request, public_id)
    found.remove()
    record.record(action="webhook.removed", subject=found.url, business=request.business)
    messages.success(request, _("Removed. What was sent there stays in the log."))
    return redirect("webhooks")


@require_POST
@member_page(*ADMINS)
def change_secret(request: BusinessRequest, waba_id: str) -> HttpResponse:
    """Create a new app secret; the old one is valid for 24 hours more."""
    account = get_object_or_404(Account, business=request.business, waba_id=waba_id)
    account.change_secret()
    record.record(action="account.secret_changed", subject=account, business=request.business)
    messages.success(request, _("There is a new secret. The old one works 24 hours more."))
    return redirect("webhooks")


def _form(request: BusinessRequest, data: Any = None) -> WebhookForm:
    accounts = Account.objects.filter(business=request.business).order_by("id")
    numbers = (
        Number.objects.filter(business=request.business).select_related("account").order_by("id")
    )
    return WebhookForm(accounts, numbers, data)


def _page(request: BusinessRequest, form: WebhookForm, status: int = 200) -> HttpResponse:
    kept = (
        Webhook.objects.kept()
        .filter(business=request.business)
        .select_related("account", "number")
        .order_by("id")
    )
    context = {
        "form": form,
        "webhooks": kept,
        "accounts": Account.objects.filter(business=request.business).order_by("id"),
        "base_url": settings.BASE_URL,
        "dead": WebhookCall.objects.filter(
            business=request.business, state=WebhookCall.State.DEAD
        ).exists(),
    }
    return render(request, "hosting/webhooks/webhooks.html", context, status=status)


def _log(request: BusinessRequest, calls: Any) -> dict[str, Any]:
    state = request.GET.get("state", "")
    state = state if state in WebhookCall.State.values else ""
    rows = (
        calls.filter(business=request.business)
        .select_related("webhook")
        .defer("body", "response_body")
    )
    rows = rows.filter(state=state) if state else rows
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(id__lt=int(before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    return {
        "calls": found[:PAGE],
        "older": found[PAGE - 1].pk if len(found) > PAGE else 0,
        "states": WebhookCall.State.choices,
        "state": state,
    }


def _own(request: BusinessRequest, public_id: uuid.UUID) -> Webhook:
    kept = Webhook.objects.kept().select_related("account", "number")
    return get_object_or_404(kept, business=request.business, public_id=public_id)


def _own_call(request: BusinessRequest, public_id: uuid.UUID) -> WebhookCall:
    rows = WebhookCall.objects.select_related("webhook__account", "replay_of")
    return get_object_or_404(rows, business=request.business, public_id=public_id)
