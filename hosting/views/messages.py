"""The message log, one message, and media of messages."""

from typing import Any

import orjson
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from core.csv import csv_download, csv_response
from hosting.conversations import thread
from hosting.extensions import notes_for
from hosting.media.store import media_of, signed_path
from hosting.media.thumbnails import thumbnail_of
from hosting.messages import log, rejections
from hosting.models import Category, Direction, Message, Number, RejectedSend, Status

CSV_LIMIT = 100_000
REFUSED_SHOWN = 200
REFUSED_COLUMNS = ("at", "number", "to", "kind", "code", "reason")


@require_GET
@member_page()
def messages(request: BusinessRequest) -> HttpResponse:
    """A page of the log under the filters of the query string; `?csv=1` downloads it."""
    if request.GET.get("status") == "refused":
        return _refused(request)
    filters = log.Filters.read(request.GET)
    found = log.matching(request.business, filters)
    if request.GET.get("csv"):
        return csv_download("messages", log.as_csv(found, CSV_LIMIT))
    rows, older = log.page(found, before=filters.before)
    notes = notes_for(request.business.pk, [row.pk for row in rows])
    context: dict[str, Any] = {
        "rows": [(row, notes.get(row.pk, [])) for row in rows],
        "older": older,
        "filters": filters,
        "numbers": Number.objects.filter(business=request.business).order_by("id")[:100],
        "kinds": log.KINDS,
        "directions": Direction.choices,
        "statuses": Status.choices,
        "categories": Category.choices,
        "now": request.business.now(),
    }
    return render(request, "hosting/messages/messages.html", context)


def _refused(request: BusinessRequest) -> HttpResponse:
    """Rejected sends, newest first."""
    found = (
        RejectedSend.objects.filter(business=request.business)
        .select_related("number")
        .order_by("-created_at", "-id")
    )
    if request.GET.get("csv"):
        return csv_response("refused", REFUSED_COLUMNS, map(_refused_cells, found[:CSV_LIMIT]))
    rows = [
        (row, orjson.dumps(row.content, option=orjson.OPT_INDENT_2).decode())
        for row in found[:REFUSED_SHOWN]
    ]
    return render(
        request, "hosting/messages/refused.html", {"rows": rows, "days": rejections.KEPT_FOR.days}
    )


def _refused_cells(row: RejectedSend) -> tuple[object, ...]:
    return (
        row.created_at.isoformat(),
        row.number.digits,
        row.wa_id,
        row.kind,
        row.code,
        row.reason,
    )


@require_GET
@member_page()
def media(request: BusinessRequest, media_id: str) -> HttpResponse:
    """Redirect from a permanent URL of a file to a signed one."""
    found = media_of(business_id=request.business.pk, media_ids=[media_id]).get(media_id)
    if found is None:
        raise Http404
    return redirect(signed_path(found))


@require_GET
@member_page()
def thumbnail(request: BusinessRequest, media_id: str) -> HttpResponse:
    """A thumbnail of a file, or the file itself if there is none."""
    found = media_of(business_id=request.business.pk, media_ids=[media_id]).get(media_id)
    if found is None:
        raise Http404
    small = thumbnail_of(found)
    if small is None:
        return redirect(signed_path(found))
    return HttpResponse(
        small,
        content_type="image/webp",
        headers={"Cache-Control": "private, max-age=86400, immutable"},
    )


@require_GET
@member_page()
def message(request: BusinessRequest, message_id: int) -> HttpResponse:
    """One message: timeline, price, and raw content."""
    own = Message.objects.filter(business=request.business)
    found = get_object_or_404(
        own.select_related("author", "template", "conversation__contact"), pk=message_id
    )
    context = {
        "conversation": found.conversation,
        "message": found,
        "entry": thread.latest_page(own.filter(pk=found.pk), own=Direction.OUT).entries[0],
        "raw": orjson.dumps(found.content, option=orjson.OPT_INDENT_2).decode(),
        "now": request.business.now(),
    }
    return render(request, "hosting/messages/message.html", context)
