"""Retrieving: a customer's file that came in at an upstream is fetched from there, before the
upstream forgets it.
"""

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.http import FetchFailed, fetch
from core.queue import Backoff, Claimed, Failed, GaveUp, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool
from hosting.cloudapi import files
from hosting.cloudapi.json import MalformedJson, as_dict, as_text, read_json
from hosting.errors import CloudApiError
from hosting.inbound.senders import ResolvedMessage
from hosting.media.store import fill_media, safe_name
from hosting.models import Media, MediaFetch
from hosting.webhooks import outbox

log = structlog.get_logger(__name__)

AT_ONCE = 4
MAX_ATTEMPTS = 10
LEASE = 150
ASKED, FETCHED = 15.0, 100.0
# Webhook calls about a message wait this long for its file, so that the receiver can download it
# when it hears of it.
HELD_SECONDS = 20
# Hosts beside its own that an upstream keeps files on and that may see its token.
TRUSTED = {"graph.facebook.com": (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch: everything that the requests need."""

    media_pk: int
    base_url: str
    bearer: str
    upstream_id: str
    upstream_number: str


@dataclass(frozen=True, slots=True)
class Got:
    """What came of it: the content, or why there is none and whether to ask again."""

    wanted: Wanted
    content: bytes = b""
    mime_type: str = ""
    error: str = ""
    is_final: bool = False


def await_media(rows: "Sequence[tuple[ResolvedMessage, int]]") -> None:
    """Write down the files that these new messages (each with its conversation's id) hold at their
    upstreams.
    """
    held = [
        (row, conversation_id) for row, conversation_id in rows if row.message.upstream_media_id
    ]
    if not held:
        return
    media = Media.objects.bulk_create(
        Media(
            business_id=row.number.business_id,
            media_id=str(row.message.content["id"]),
            mime_type=(as_text(row.message.content.get("mime_type")) or "application/octet-stream")[
                :100
            ],
            filename=safe_name(as_text(row.message.content.get("filename"))),
            size=0,
            sha256="",
            is_ready=False,
        )
        for row, _ in held
    )
    MediaFetch.objects.bulk_create(
        MediaFetch(
            media=one,
            business_id=row.number.business_id,
            number=row.number,
            conversation_id=conversation_id,
            upstream_id=row.message.upstream_media_id,
        )
        for one, (row, conversation_id) in zip(media, held, strict=True)
    )
    outbox.delay_calls({conversation_id for _, conversation_id in held}, seconds=HELD_SECONDS)


def _prepare(rows: Sequence[Claimed]) -> dict[int, Wanted]:
    found = MediaFetch.objects.filter(pk__in=[row.key for row in rows])
    return {row.pk: _wanted(row) for row in found.select_related("number__account__upstream")}


def _wanted(row: MediaFetch) -> Wanted:
    upstream = getattr(row.number.account, "upstream", None)
    return Wanted(
        media_pk=row.pk,
        base_url=upstream.base_url if upstream else "",
        bearer=upstream.token if upstream else "",
        upstream_id=row.upstream_id,
        upstream_number=row.number.upstream_id,
    )


def retrieve(wanted: Wanted) -> Got:
    """Ask where the file is, and fetch it; raises nothing and touches no database."""
    try:
        return _retrieve(wanted)
    except FetchFailed as error:
        return Got(wanted, error=str(error)[:500])
    except Exception as error:
        log.exception("retrieving_broke", media=wanted.media_pk)
        return Got(wanted, error=repr(error)[:500])


def _retrieve(wanted: Wanted) -> Got:
    key = {"authorization": f"Bearer {wanted.bearer}"}
    base = wanted.base_url.rstrip("/")
    place = f"{base}/{wanted.upstream_id}?phone_number_id={wanted.upstream_number}"
    asked = fetch(place, headers=key, timeout=ASKED)
    try:
        told = as_dict(read_json(asked.body))
    except MalformedJson:
        told = {}
    url = as_text(told.get("url"))
    if asked.status != 200 or not url:
        # Gone, or not ours: asking again does not bring it back.
        return Got(
            wanted,
            error=f"the upstream answered HTTP {asked.status}",
            is_final=asked.status in (400, 403, 404),
        )
    found = fetch(
        url,
        headers=key if may_see_token(url, wanted.base_url) else {},
        max_bytes=files.MAX_BYTES,
        timeout=FETCHED,
    )
    if found.status != 200:
        return Got(wanted, error=f"the file's address answered HTTP {found.status}")
    if found.truncated:
        return Got(
            wanted, error=f"the file is larger than {files.MAX_BYTES:,} bytes", is_final=True
        )
    if not is_intact(found.body, as_text(told.get("sha256"))):
        return Got(wanted, error="the file is not the one whose sha256 the upstream names")
    return Got(
        wanted, found.body, as_text(told.get("mime_type")) or found.headers.get("content-type", "")
    )


def may_see_token(url: str, base_url: str) -> bool:
    """Whether that address is the upstream's own: nobody else gets its token, and none in the clear
    instead of TLS.
    """
    there, base = urlsplit(url), urlsplit(base_url)
    if there.scheme != base.scheme:
        return False
    if there.netloc.lower() == base.netloc.lower():
        return True
    host = (there.hostname or "").lower()
    return host.endswith(TRUSTED.get((base.hostname or "").lower(), ()))


def is_intact(content: bytes, sha256: str) -> bool:
    """Whether the content has that SHA-256, in hexadecimal or base64.

    An empty one promises nothing.
    """
    digest = hashlib.sha256(content)
    if not sha256 or sha256.lower() == digest.hexdigest():
        return True
    try:
        return b64decode(sha256, validate=True) == digest.digest()
    except (binascii.Error, ValueError):
        return False


def _finish(found: Mapping[int, Got]) -> dict[int, Outcome]:
    """Keep what was fetched; what was not is asked for again later, ten times in some hours."""
    rows = MediaFetch.objects.filter(pk__in=found).select_related("media").order_by("pk")
    return {row.pk: _kept(row, found[row.pk]) for row in rows}


def _kept(row: MediaFetch, got: Got) -> Outcome:
    if got.error:
        return GaveUp(got.error) if got.is_final else Failed(got.error)
    try:
        with transaction.atomic():
            fill_media(row.media, content=got.content, mime_type=got.mime_type)
    except CloudApiError as refused:
        return GaveUp(refused.message)
    outbox.release_calls({row.conversation_id})
    return None


def _release(row: Claimed, reason: str) -> None:
    """Webhook calls that waited for the file go out without it."""
    found = MediaFetch.objects.filter(pk=row.key).values_list("conversation_id", flat=True)
    outbox.release_calls(set(found))


QUEUE = Queue(
    name="media_fetches",
    about="Files of customers that are still at their upstream.",
    model=MediaFetch,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=retrieve, finish=_finish),
    is_open=Q(),
    lease_seconds=LEASE,
    max_attempts=MAX_ATTEMPTS,
    backoff=Backoff(first=15, factor=3, longest=7200),
    when_dead=_release,
    # An upstream that does not answer says nothing about our workers.
    counts="attempts = 0",
    dead_title=_("Files not fetched"),
)
POOL = WorkerPool(QUEUE)
# `retrieve_due()` fetches what is due and returns how many files that were; `wake()` has a thread
# do it.
retrieve_due, wake = POOL.run, POOL.wake
