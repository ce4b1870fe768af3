"""Incoming webhooks of upstreams.

The signature is verified over the raw bytes, the bytes are stored, and only then 200 is answered.
"""

import hmac
import time
from typing import NamedTuple

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
from hosting.cloudapi.webhooks import is_signed_by
from hosting.inbound import events

log = structlog.get_logger(__name__)

SECRETS_KEPT_SECONDS = 10.0


class Receiver(NamedTuple):
    """An account that receives webhooks (None: the platform) with its verify token and secrets."""

    account_id: int | None
    verify_token: str
    secrets: list[str]


# By WABA id: (time.monotonic() until which it may be used, the receiver).
_receivers: dict[str, tuple[float, Receiver]] = {}


@csrf_exempt
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, waba_id: str = "") -> HttpResponse:
    """Answer the subscription challenge (GET), or verify and store an event (POST)."""
    try:
        receiver = _receiver(waba_id)
        if receiver is None:
            return HttpResponse("no such account", status=404, content_type="text/plain")
        if request.method == "GET":
            return _challenge(request, receiver)
        return _store(request, receiver)
    except (OperationalError, InterfaceError):
        log.exception("database_unavailable")
        connection.close()
        return HttpResponse(
            "try again", status=503, headers={"Retry-After": "1"}, content_type="text/plain"
        )


def _receiver(waba_id: str) -> Receiver | None:
    if not waba_id:
        return Receiver(None, settings.VERIFY_TOKEN, [settings.APP_SECRET])
    kept = _receivers.get(waba_id)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM hosting_webhook_secrets(%s)", [waba_id])
        row = cursor.fetchone()
    if row is None:
        return None
    account_id, verify_token, secrets = row
    found = Receiver(account_id, decrypt(verify_token), list(map(decrypt, secrets)))
    _receivers[waba_id] = (time.monotonic() + SECRETS_KEPT_SECONDS, found)
    return found


def _challenge(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    token = request.GET.get("hub.verify_token", "")
    fits = hmac.compare_digest(token.encode(), receiver.verify_token.encode())
    if request.GET.get("hub.mode") != "subscribe" or not fits:
        return HttpResponse("verify token does not match", status=403, content_type="text/plain")
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")


def _store(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    length = request.headers.get("Content-Length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return HttpResponse(
            f"larger than {MAX_BODY_BYTES} bytes", status=413, content_type="text/plain"
        )
    body = request.body
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not any(is_signed_by(body, secret, signature) for secret in receiver.secrets):
        return HttpResponse("signature does not match", status=403, content_type="text/plain")
    events.store_event(body=body, account_id=receiver.account_id)
    notify(tasks.apply)
    return HttpResponse("EVENT_RECEIVED", content_type="text/plain")
