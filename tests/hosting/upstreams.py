"""A Cloud API of our own making, for tests: takes messages, answers as a test says, remembers
everything.
"""

import itertools

import orjson

from core.tenancy import system
from hosting.models import Media, MediaFetch, Number, Transport, Upstream
from tests.hosting.receivers import Receiver, Taken

_count = itertools.count(1)


def accepted(taken: Taken) -> tuple[int, bytes]:
    """200 with a new wamid, as the Cloud API gives it."""
    to = orjson.loads(taken.body)["to"]
    wamid = f"wamid.upstream{next(_count)}"
    return 200, orjson.dumps(
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": to, "wa_id": to}],
            "messages": [{"id": wamid, "message_status": "accepted"}],
        }
    )


def refused(status: int, code: int, message: str = "no", **error) -> "tuple[int, bytes]":
    """An error object of the Cloud API."""
    body = {
        "message": f"(#{code}) {message}",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "x",
    } | error
    return status, orjson.dumps({"error": body})


def put_behind(number: Number, receiver: Receiver, upstream_id: str = "5550001") -> Upstream:
    """Make that server the upstream of the number's account."""
    with system("test"):
        Number.objects.filter(pk=number.pk).update(
            transport=Transport.CLOUDAPI, upstream_id=upstream_id
        )
        number.transport, number.upstream_id = Transport.CLOUDAPI, upstream_id
        return Upstream.objects.create(
            business_id=number.business_id,
            account_id=number.account_id,
            base_url=receiver.url.replace("/hook", "/v23.0"),
            waba_id="777",
            token="their-token",
            app_secret="their-secret",
        )


def make_media_fetch(number: Number) -> MediaFetch:
    """A customer's file that is still at the number's upstream."""
    media = Media.objects.create(
        business_id=number.business_id, mime_type="image/jpeg", size=0, sha256="", is_ready=False
    )
    return MediaFetch.objects.create(
        media=media,
        business_id=number.business_id,
        number=number,
        conversation_id=1,
        upstream_id="778899",
    )
