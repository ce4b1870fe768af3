"""Broadcast pages: list, draft with preview and price, progress, results, opt-outs."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import AGENTS
from core.errors import BadInput, ParleyError
from core.wake import notify
from hosting import extensions, tasks
from hosting.broadcasts import drafts, report, run
from hosting.forms.broadcasts import BroadcastForm
from hosting.inbound import opt_outs as inbound_opt_outs
from hosting.models import Broadcast, Contact

CHAT_ROLES = AGENTS
SHOWN = 50
INVALID_SHOWN = 100


@require_GET
@member_page(*CHAT_ROLES)
def broadcasts(request: BusinessRequest) -> HttpResponse:
    """Broadcasts, newest first."""
    found = (
        Broadcast.objects.filter(business=request.business)
        .select_related("template")
        .order_by("-id")
    )
    return render(request, "hosting/broadcasts/broadcasts.html", {"broadcasts": found[:SHOWN]})


@member_page(*CHAT_ROLES)
def new(request: BusinessRequest) -> HttpResponse:
    """Choose a template and recipients; POST creates a draft."""
    form = BroadcastForm(
        request.business, *((request.POST, request.FILES) if request.method == "POST" else ())
    )
    if request.method == "POST" and form.is_valid():
        try:
            number, template, text = form.choices()
            draft = drafts.create_draft(
                business=request.business,
                author=request.user,
                name=form.cleaned_data["name"],
                number=number,
                template=template,
                text=text,
            )
            return redirect("broadcast", draft.public_id)
        except BadInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
    context = {"form": form, "has_number": bool(form.numbers), "has_template": bool(form.templates)}
    return render(
        request,
        "hosting/broadcasts/new_broadcast.html",
        context,
        status=422 if form.errors else 200,
    )


@require_GET
@member_page(*CHAT_ROLES)
def broadcast(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """One broadcast: a draft with preview and price, else its progress and results."""
    found = run.get_broadcast(request.business, public_id)
    context: dict[str, Any] = {
        "broadcast": found,
        "seconds_left": found.seconds_left(now=report.now()),
    }
    if request.headers.get("HX-Target") == "progress":
        return render(request, "hosting/broadcasts/_progress.html", context | _results(found))
    if found.state == Broadcast.State.DRAFT:
        context |= _review(request, found)
    else:
        context |= _results(found)
    return render(request, "hosting/broadcasts/broadcast.html", context)


def _review(request: BusinessRequest, found: Broadcast) -> dict[str, Any]:
    room = drafts.plan_messages_left(request.business)
    counts = drafts.open_by_prefix(found)
    sources = list(extensions.forecasts) if found.total else []
    return {
        "samples": list(drafts.samples(found)),
        "invalid": found.invalid[:INVALID_SHOWN],
        "forecasts": [
            source(request.business, found.template.category, counts) for source in sources
        ],
        "over_plan": max(0, found.total - room) if room is not None else 0,
        "room": room,
        "earliest": request.business.now().astimezone(ZoneInfo(request.business.timezone)),
    }


def _results(found: Broadcast) -> dict[str, Any]:
    # Statuses of a long list are counted only when it is not being sent.
    is_cheap = not found.is_working or found.total <= report.MAX_COUNTED_LIVE
    return {
        "ticks": report.status_counts(found) if is_cheap else None,
        "refusals": report.failure_reasons(found),
    }


@require_POST
@member_page(*CHAT_ROLES)
def start(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send a draft now, or at the given time."""
    return _run_action(
        request, public_id, lambda found: run.start(broadcast=found, at=_moment(request))
    )


def _moment(request: BusinessRequest) -> datetime | None:
    """Return the given time in the business's time zone; None for now."""
    text = request.POST.get("at", "").strip()
    if not text or request.POST.get("when") != "later":
        return None
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise BadInput(_("This is not a date with a time."), field="at")
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(request.business.timezone))


@require_POST
@member_page(*CHAT_ROLES)
def pause(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Pause it."""
    return _run_action(request, public_id, lambda found: run.pause(broadcast=found))


@require_POST
@member_page(*CHAT_ROLES)
def resume(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Continue it."""
    return _run_action(request, public_id, lambda found: run.resume(broadcast=found))


@require_POST
@member_page(*CHAT_ROLES)
def cancel(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Cancel it for good."""
    return _run_action(request, public_id, lambda found: run.cancel(broadcast=found))


def _run_action(
    request: BusinessRequest, public_id: uuid.UUID, verb: Callable[[Broadcast], None]
) -> HttpResponse:
    found = run.get_broadcast(request.business, public_id)
    try:
        verb(found)
        notify(tasks.broadcast)
    except ParleyError as refusal:
        messages.error(request, refusal.message)
    return redirect("broadcast", public_id)


@require_GET
@member_page(*CHAT_ROLES)
def results(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """The results of all recipients, as CSV."""
    found = run.get_broadcast(request.business, public_id)
    name = f"{slugify(found.name) or 'broadcast'}-results.csv"
    return HttpResponse(
        "".join(report.as_csv(found)).encode("utf-8-sig"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@member_page(*CHAT_ROLES)
def opt_outs(request: BusinessRequest) -> HttpResponse:
    """Opt-out keywords, and customers who opted out of marketing."""
    stop, start_again = (
        "\n".join(words) for words in inbound_opt_outs.keywords_of(request.business)
    )
    error = ""
    if request.method == "POST":
        stop, start_again = request.POST.get("stop", ""), request.POST.get("start", "")
        try:
            inbound_opt_outs.set_keywords(request.business, stop=stop, start=start_again)
            messages.success(request, _("Saved."))
            return redirect("opt_outs")
        except BadInput as refusal:
            error = refusal.message
    out = Contact.objects.filter(business=request.business, opted_out_at__isnull=False)
    context = {
        "stop": stop,
        "start": start_again,
        "error": error,
        "count": out.count(),
        "customers": out.order_by("-opted_out_at")[:SHOWN],
    }
    return render(request, "hosting/contacts/opt_outs.html", context, status=422 if error else 200)
