"""Read receipts and typing indicators on their way to an upstream.

A receipt that is sent twice does no harm; a late typing indicator is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.http import FetchFailed, fetch
from core.queue import Claimed, Failed, InThreads, Outcome, Queue
from core.queue.pool import WorkerPool
from hosting.cloudapi.upstreams import Outcome as Sent
from hosting.cloudapi.upstreams import result_of
from hosting.models import Receipt
from hosting.transports.cloudapi import TIMEOUT

AT_ONCE = 16
# The network itself ends a typing indicator after 25 seconds.
TYPING_SECONDS = 25


@dataclass(frozen=True, slots=True)
class Request:
    """The POST that passes a receipt on."""

    url: str
    bearer: str
    body: bytes


def _prepare(rows: Sequence[Claimed]) -> dict[int, Request]:
    found = Receipt.objects.filter(pk__in=[row.key for row in rows])
    return {row.pk: _request(row) for row in found.select_related("number__account__upstream")}


def _request(row: Receipt) -> Request:
    upstream = getattr(row.number.account, "upstream", None)
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": row.wamid}
    age = timezone.now() - row.created_at
    is_typing = row.is_typing and age < timedelta(seconds=TYPING_SECONDS)
    return Request(
        url=upstream.url_of(row.number.upstream_id, "messages") if upstream else "",
        bearer=upstream.token if upstream else "",
        body=orjson.dumps(body | ({"typing_indicator": {"type": "text"}} if is_typing else {})),
    )


def pass_on(request: Request) -> str:
    """Make the POST; returns why it has to be made again, empty when it was taken or refused."""
    headers = {
        "authorization": f"Bearer {request.bearer}",
        "content-type": "application/json",
    }
    try:
        found = fetch(
            request.url, method="POST", body=request.body, headers=headers, timeout=TIMEOUT
        )
    except FetchFailed as error:
        return str(error)[:500]
    is_taken = 200 <= found.status < 300
    if is_taken or result_of(found.status, found.body).outcome == Sent.REFUSED:
        return ""
    return f"HTTP {found.status}"


def _finish(results: Mapping[int, str]) -> dict[int, Outcome]:
    return {key: Failed(error) if error else None for key, error in results.items()}


QUEUE = Queue(
    name="receipts",
    about="Read receipts and typing indicators for upstreams.",
    model=Receipt,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=pass_on, finish=_finish),
    is_open=Q(),
    # An upstream that does not answer says nothing about our workers.
    counts="attempts = 0",
    dead_title=_("Read receipts not passed on"),
    is_urgent=False,
)
POOL = WorkerPool(QUEUE)
# `pass_due()` passes on what is due and returns how many that were; `wake()` has a thread do it.
pass_due, wake = POOL.run, POOL.wake
