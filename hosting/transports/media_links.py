"""Media links of messages to send: fetched after acceptance; a failed fetch fails the message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.http import Fetched, FetchFailed, fetch
from core.queue import Claimed, InThreads, Queue
from core.queue.pool import WorkerPool
from core.tenancy import system
from hosting.cloudapi import files, sends, webhooks
from hosting.errors import CloudApiError
from hosting.inbound.events import store_event
from hosting.media.store import store_media
from hosting.models import Message, Outgoing

log = structlog.get_logger(__name__)

AT_ONCE = 16
SECONDS = 10.0
Result = Fetched | CloudApiError


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a message: the kind of its file, and the object of the message that holds it."""

    kind: str
    held: dict[str, Any]


def _prepare(rows: Sequence[Claimed]) -> dict[int, list[Link]]:
    found = Message.objects.filter(pk__in=[row.key for row in rows])
    return {
        message.pk: [
            Link(kind, held)
            for kind, held in sends.media_of(message.kind, message.content)
            if "link" in held
        ]
        for message in found
    }


def _fetch_links(links: list[Link]) -> list[Result]:
    return [_ask(link.kind, link.held) for link in links]


def _ask(kind: str, held: dict[str, Any]) -> Result:
    try:
        found = fetch(held["link"], max_bytes=files.LIMITS[kind].max_bytes + 1, timeout=SECONDS)
    except FetchFailed as error:
        return CloudApiError(
            131052, f"The {kind} could not be downloaded: {error}.", field=f"{kind}.link"
        )
    if found.status != 200:
        return CloudApiError(
            131052, f"The {kind}'s link answered HTTP {found.status}.", field=f"{kind}.link"
        )
    if found.truncated:
        most = files.LIMITS[kind].max_bytes
        return CloudApiError(
            131053, f"The {kind} is larger than {most:,} bytes.", field=f"{kind}.link"
        )
    return found


def _finish(found: Mapping[int, list[Result]]) -> None:
    messages = Message.objects.filter(pk__in=found).order_by("pk")
    for message in messages.select_related("number__account", "contact", "business__plan"):
        try:
            with transaction.atomic():
                _store(message, found[message.pk])
        except CloudApiError as error:
            fail(message, error)


def _store(message: Message, results: Sequence[Result]) -> None:
    """Keep the files of a message, which names them by our ids from now on."""
    media = [one for one in sends.media_of(message.kind, message.content) if "link" in one[1]]
    for (kind, held), result in zip(media, results, strict=True):
        held["id"] = _stored(message, kind, held, result)
    Message.objects.filter(pk=message.pk).update(content=message.content)


def _stored(message: Message, kind: str, held: dict[str, Any], result: Result) -> str:
    if isinstance(result, CloudApiError):
        raise result
    claimed = result.headers.get("content-type", "")
    media = store_media(
        business=message.business,
        content=result.body,
        mime_type=claimed,
        filename=str(held.get("filename") or urlsplit(str(held["link"])).path.rpartition("/")[2]),
    )
    files.check_kind(kind, media.mime_type, f"{kind}.link")
    return media.media_id


def fail(message: Message, error: CloudApiError) -> None:
    """Remove a message from the queue and store a `failed` status event for it."""
    number, contact = message.number, message.contact
    status = webhooks.status_object(
        wamid=message.wamid,
        status="failed",
        at=message.business.now(),
        wa_id=contact.wa_id,
        category=message.category,
        in_window=message.window_open,
        tracker=message.tracker,
    )
    body = webhooks.body_of(
        webhooks.NumberMetadata(number.account.waba_id, number.phone_number_id, number.digits),
        contacts=[webhooks.contact_object(contact.wa_id, contact.name, contact.user_id)],
        statuses=[status | {"errors": [error.as_status_error()]}],
    )
    with transaction.atomic(), system("a failed message leaves the queue"):
        if Outgoing.objects.filter(pk=message.pk).delete()[0]:
            store_event(body=body, account_id=number.account_id)


QUEUE = Queue(
    name="media_links",
    about="Messages whose media links are fetched before they are sent.",
    model=Outgoing,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=_fetch_links, finish=_finish),
    is_open=Q(state="fetching"),
    is_dead=Q(state="fetching", dead_at__isnull=False),
    lease_seconds=120,
    # Then it waits for its transport.
    done={"state": "'open'", "attempts": "0", "not_before": "statement_timestamp()"},
    dead_title=_("Messages whose media links were not fetched"),
)
POOL = WorkerPool(QUEUE)
# `fetch_due()` fetches what is due and returns how many messages that were.
fetch_due = POOL.run
