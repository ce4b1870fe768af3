"""The webhook door: the signature is checked over the raw bytes, the bytes are stored, and only then 200."""

import hmac
import time

import structlog
from django.conf import settings
from django.db import connection
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.encryption import decrypt
from core.wake import notify
from hosting import tasks
from hosting.cloudapi.json import MAX_BODY_BYTES
from hosting.cloudapi.webhooks import signature_fits
from hosting.inbound import events

log = structlog.get_logger(__name__)

SECRETS_KEPT_SECONDS = 10.0
Door = tuple[int | None, str, list[str]]  # account id, verify token, secrets that are good
_doors: dict[str, tuple[float, Door | None]] = {}


@csrf_exempt
@require_http_methods(["GET", "POST"])
def door(request: HttpRequest, waba_id: str = "") -> HttpResponse:
    """Answer the subscription challenge, or take in events."""
    try:
        opened = _door(waba_id)
        if opened is None:
            return HttpResponse("no such account", status=404, content_type="text/plain")
        if request.method == "GET":
            return _challenge(request, opened)
        return _take_in(request, opened)
    except (OperationalError, InterfaceError):
        log.exception("database_away")
        connection.close()
        return HttpResponse(
            "try again", status=503, headers={"Retry-After": "1"}, content_type="text/plain"
        )


def _door(waba_id: str) -> Door | None:
    if not waba_id:
        return None, settings.VERIFY_TOKEN, [settings.APP_SECRET]
    kept = _doors.get(waba_id)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM hosting_account_door(%s)", [waba_id])
        row = cursor.fetchone()
    found = (row[0], decrypt(row[1]), list(map(decrypt, row[2]))) if row else None
    if found:
        _doors[waba_id] = (time.monotonic() + SECRETS_KEPT_SECONDS, found)
    return found


def _challenge(request: HttpRequest, opened: Door) -> HttpResponse:
    token = request.GET.get("hub.verify_token", "")
    fits = hmac.compare_digest(token.encode(), opened[1].encode())
    if request.GET.get("hub.mode") != "subscribe" or not fits:
        return HttpResponse("verify token does not match", status=403, content_type="text/plain")
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")


def _take_in(request: HttpRequest, opened: Door) -> HttpResponse:
    length = request.headers.get("Content-Length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return HttpResponse(
            f"larger than {MAX_BODY_BYTES} bytes", status=413, content_type="text/plain"
        )
    body = request.body
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not any(signature_fits(body, secret, signature) for secret in opened[2]):
        return HttpResponse("signature does not match", status=403, content_type="text/plain")
    events.store_event(body=body, account_id=opened[0])
    notify(tasks.apply)
    return HttpResponse("EVENT_RECEIVED", content_type="text/plain")
