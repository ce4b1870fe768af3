"""Incoming webhooks: of the platform's app, of upstreams, of businesses themselves.

The signature is verified over the raw bytes, the bytes are stored, and only then 200 is answered.
"""

import hmac
import math
import time
from typing import NamedTuple

import orjson
import structlog
from django.conf import settings
from django.db import connection
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.encryption import decrypt
from core.rate_limit import Bucket, take
from core.wake import notify
from hosting import tasks
from hosting.cloudapi.json import MAX_BODY_BYTES
from hosting.cloudapi.webhooks import is_signed_by
from hosting.inbound import events
from hosting.models import EventSource

log = structlog.get_logger(__name__)

SECRETS_KEPT_SECONDS = 10.0
# The rate counts bytes too: a body may hold a thousand updates.
UNIT_BYTES = 500
BURST_SECONDS = 5.0
WAIT_FULL = 30


class Receiver(NamedTuple):
    """An account that receives webhooks (None: the platform), with its verify token.

    `secrets` are those that are good now, each with the source that it proves. `per_second` is the
    plan's rate; `is_full` says that as many events wait as the plan keeps.
    """

    account_id: int | None
    verify_token: str
    secrets: list[tuple[str, str]]
    per_second: int = 0
    is_full: bool = False

    def proofs_of(self, source: str) -> int:
        """How many secrets prove this source."""
        return sum(one == source for one, _ in self.secrets)


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
        return _store(request, receiver, waba_id)
    except (OperationalError, InterfaceError):
        log.exception("database_unavailable")
        connection.close()
        return HttpResponse(
            "try again", status=503, headers={"Retry-After": "1"}, content_type="text/plain"
        )


def _receiver(waba_id: str, *, is_fresh: bool = False) -> Receiver | None:
    if not waba_id:
        return Receiver(None, settings.VERIFY_TOKEN, _platform_secrets())
    kept = _receivers.get(waba_id)
    if kept and kept[0] > time.monotonic() and not is_fresh:
        return kept[1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM hosting_webhook_secrets(%s)", [waba_id])
        row = cursor.fetchone()
    if row is None:
        return None
    account_id, verify_token, secrets, sources, per_second, is_full = row
    # The platform's secret counts for this account alone here, and comes first: the demo's account
    # has the same one.
    proofs = _platform_secrets() + [
        (source, decrypt(secret)) for source, secret in zip(sources, secrets, strict=True)
    ]
    found = Receiver(account_id, decrypt(verify_token), proofs, per_second, is_full)
    _receivers[waba_id] = (time.monotonic() + SECRETS_KEPT_SECONDS, found)
    return found


def _too_many(receiver: Receiver, size: int) -> HttpResponse | None:
    """Count a body of so many bytes; the refusal where the account's plan lets no more come now."""
    if receiver.is_full:
        why = "More webhooks wait to be applied than the plan keeps: send them again later."
        return _refusal(why, seconds=WAIT_FULL)
    rate, cost = float(receiver.per_second), float(-(-size // UNIT_BYTES) or 1)
    bucket = Bucket(f"webhooks:{receiver.account_id}", rate, rate * BURST_SECONDS, cost)
    if not take(bucket):
        return None
    why = (
        f"The plan allows {receiver.per_second:,} webhooks a second to this address, one for each "
        f"{UNIT_BYTES:,} bytes begun: send them again later."
    )
    return _refusal(why, seconds=math.ceil(bucket.price / rate))


def _refusal(why: str, *, seconds: int) -> HttpResponse:
    body = {"error": {"code": "too_many_requests", "message": why}}
    return HttpResponse(
        orjson.dumps(body),
        status=429,
        headers={"Retry-After": str(seconds)},
        content_type="application/json",
    )


def _platform_secrets() -> list[tuple[str, str]]:
    return [(EventSource.PLATFORM.value, settings.APP_SECRET)]


def _challenge(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    token = request.GET.get("hub.verify_token", "")
    fits = hmac.compare_digest(token.encode(), receiver.verify_token.encode())
    if request.GET.get("hub.mode") != "subscribe" or not fits:
        return HttpResponse("verify token does not match", status=403, content_type="text/plain")
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")


def _source_of(body: bytes, signature: str, receiver: Receiver) -> str:
    """The source that a body's signature proves; "" for none."""
    return next(
        (source for source, secret in receiver.secrets if is_signed_by(body, secret, signature)), ""
    )


def _store(request: HttpRequest, receiver: Receiver, waba_id: str) -> HttpResponse:
    length = request.headers.get("Content-Length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return HttpResponse(
            f"larger than {MAX_BODY_BYTES} bytes", status=413, content_type="text/plain"
        )
    body = request.body
    signature = request.headers.get("X-Hub-Signature-256", "")
    source = _source_of(body, signature, receiver)
    if source == EventSource.BUSINESS and receiver.proofs_of(source) > 1:
        # While there are two, one may have been ended in the seconds that it was remembered here.
        receiver = _receiver(waba_id, is_fresh=True) or receiver
        source = _source_of(body, signature, receiver)
    if not source:
        return HttpResponse("signature does not match", status=403, content_type="text/plain")
    # Counted once the signature is known: whoever has no secret uses up nobody's rate.
    if source != EventSource.PLATFORM and (refusal := _too_many(receiver, len(body))):
        return refusal
    events.store_event(body=body, account_id=receiver.account_id, source=source)
    notify(tasks.apply)
    return HttpResponse("EVENT_RECEIVED", content_type="text/plain")
