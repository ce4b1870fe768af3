"""Media endpoints: upload, look-up, download by signed URL, deletion, resumable uploads."""

import re
import secrets
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.http.multipartparser import MultiPartParserError
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods

from accounts.models import Business, KeyScope
from core.tenancy import scope
from hosting.api.keys import Caller, authenticated, cloud_api
from hosting.api.responses import answer
from hosting.cloudapi.files import DISPLAYABLE, MAX_BYTES
from hosting.errors import CloudApiError
from hosting.media import references, store, uploads
from hosting.messages import rate_limits
from hosting.models import Media

# The multipart framing comes on top of the file.
MAX_UPLOAD = MAX_BYTES + 64 * 1024
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@cloud_api("POST")
def upload(request: HttpRequest, phone_number_id: str = "") -> HttpResponse:
    """`POST /{phone_number_id}/media`, multipart: file, type, messaging_product.

    Without an id it is the key's only number.
    """
    with authenticated(request, phone_number_id) as caller:
        caller.require(KeyScope.MESSAGES)
        caller.require_number(phone_number_id)
        rate_limits.check_upload_rate(caller.business)
    # The body is read after the key was checked, and outside of a transaction.
    held, claimed = _file_of(request)
    with scope(caller.business.pk):
        media = store.store_media(
            business=caller.business,
            content=held,
            mime_type=claimed or held.content_type or "",
            filename=held.name or "",
        )
    return answer({"id": media.media_id})


def _file_of(request: HttpRequest) -> tuple[Any, str]:
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > MAX_UPLOAD:
        raise CloudApiError(
            131053, f"The upload must say its length, and be at most {MAX_UPLOAD:,} bytes."
        )
    try:
        held, form = request.FILES.get("file"), request.POST
    except (MultiPartParserError, SuspiciousOperation, OSError):
        raise CloudApiError(100, "The body is no multipart form that can be read.") from None
    if form.get("messaging_product", "whatsapp") != "whatsapp":
        raise CloudApiError(100, "messaging_product must be 'whatsapp'.", field="messaging_product")
    if held is None:
        raise CloudApiError(131008, "file is required.", field="file")
    return held, form.get("type", "")


def media_object(media: Media) -> dict[str, Any]:
    """Return media as the Cloud API shows it; its URL is valid for five minutes."""
    return {
        "messaging_product": "whatsapp",
        "id": media.media_id,
        "url": store.signed_url(media),
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "file_size": str(media.size),
    }


def own_media(caller: Caller, media_id: str) -> Media | None:
    """Return the caller's live media of that id, or None.

    A key that is limited to some numbers finds files of their messages, and those of no message:
    what was uploaded and not sent yet has no number.
    """
    held = store.media_of(business_id=caller.business.pk, media_ids=[media_id]).get(media_id)
    if held is None or caller.number_ids is None:
        return held
    used_by = references.numbers_of_media(business_id=caller.business.pk, media_id=media_id)
    return held if not used_by or used_by & caller.number_ids else None


def require_own(caller: Caller, media: Media) -> None:
    """Raise CloudApiError 200 for a limited key where messages of other numbers have the file."""
    if caller.number_ids is None:
        return
    used_by = references.numbers_of_media(business_id=caller.business.pk, media_id=media.media_id)
    if used_by - caller.number_ids:
        raise CloudApiError(
            200, "This key is limited to some numbers, and other numbers use this file too."
        )


@require_http_methods(["GET", "HEAD"])
def download(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return the content of a signed URL; it needs no key."""
    opened_by = store.ids_of_token(token)
    if opened_by is None:
        return HttpResponse(
            "This address has expired: ask for the media's url again.",
            status=404,
            content_type="text/plain",
        )
    with scope(opened_by[0]):
        media = store.media_of(business_id=opened_by[0], media_ids=[opened_by[1]]).get(opened_by[1])
    if media is None:
        return HttpResponse("no such media", status=404, content_type="text/plain")
    if media.locked_until is not None:
        return HttpResponse(
            "locked: the plan's media storage is used", status=402, content_type="text/plain"
        )
    if not media.is_ready:
        soon = {"Retry-After": "5"}
        return HttpResponse("still on its way", status=503, headers=soon, content_type="text/plain")
    etag = f'"{media.sha256}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    # A range is not served when the content changed since.
    unchanged = request.headers.get("If-Range", etag) == etag
    response = _content(media, request.headers.get("Range", "") if unchanged else "")
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, max-age=300, immutable"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    name = content_disposition_header(
        media.mime_type not in DISPLAYABLE, media.filename or media.media_id
    )
    response["Content-Disposition"] = name or "inline"
    return response


def _content(media: Media, wanted: str) -> HttpResponseBase:
    span = _byte_range(wanted, media.size)
    if span is None:
        response: HttpResponseBase = FileResponse(
            store.open_media(media), content_type=media.mime_type
        )
        response["Content-Length"] = str(media.size)
        return response
    start, end = span
    if start > end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{media.size}"})
    length = end - start + 1
    response = StreamingHttpResponse(
        store.part_of(media, start, length), status=206, content_type=media.mime_type
    )
    response["Content-Length"] = str(length)
    response["Content-Range"] = f"bytes {start}-{end}/{media.size}"
    return response


def _byte_range(wanted: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a Range header; None for the whole content.

    A start beyond the end cannot be satisfied.
    """
    match = RANGE.fullmatch(wanted.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


@cloud_api("POST")
def start_upload(request: HttpRequest) -> HttpResponse:
    """`POST /app/uploads`: begin a resumable upload."""
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        given = request.GET | request.POST if request.POST else request.GET
        started = uploads.start(
            business=caller.business,
            size=str(given.get("file_length", "")),
            mime_type=str(given.get("file_type", "")),
            filename=str(given.get("file_name", "")),
            upload_id=secrets.token_urlsafe(24),
        )
        return answer({"id": f"upload:{started.upload_id}"})


@cloud_api("POST", "GET")
def resume_upload(request: HttpRequest, upload_id: str) -> HttpResponse:
    """`POST /upload:ID` with `file_offset` appends bytes, and returns the handle when complete.

    GET returns the offset reached.
    """
    with authenticated(request) as caller:
        caller.require(KeyScope.MESSAGES)
        found = uploads.own_upload(business_id=caller.business.pk, upload_id=upload_id)
        if request.method == "GET":
            return answer({"id": f"upload:{upload_id}", "file_offset": found.received})
        business: Business = caller.business
    offset = request.headers.get("file-offset", "0")
    handle = uploads.append(business=business, upload_id=upload_id, offset=offset, content=request)
    return answer({"h": handle} if handle else {"id": f"upload:{upload_id}"})
