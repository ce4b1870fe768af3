"""The upstream transport: messages leave by a real Cloud API; what becomes of them comes by the
webhook address.

An `Outgoing` row goes open -> sending (committed before the POST) -> gone (sent, or refused) | open
again (the upstream surely did not take it) | unknown (it may have). An unknown one is never sent
again by itself: a webhook that names it settles it, or an operator decides.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import structlog
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.http import FetchFailed, NotReached, fetch
from core.queue import (
    Again,
    AtMostOnce,
    Claimed,
    InThreads,
    Outcome,
    Queue,
    Selection,
    Unknown,
)
from core.queue.pool import WorkerPool
from core.queue.settle import give_up_lost
from core.sql import statement
from hosting import extensions
from hosting.cloudapi import webhooks
from hosting.cloudapi.upstreams import Outcome as Sent
from hosting.cloudapi.upstreams import SendResult, result_of, send_body, tracker_of
from hosting.errors import CloudApiError
from hosting.inbound.events import store_event
from hosting.models import Direction, Message, Number, Outgoing, Upstream
from hosting.transports import files
from hosting.transports.files import Attachment

log = structlog.get_logger(__name__)

AT_ONCE = 48
PER_NUMBER = 16
TIMEOUT = 20.0
LEASE = 180.0
# Uploads may take this long; what is left of the lease is for the message itself.
UPLOADING = LEASE - 3 * TIMEOUT
LONGEST_DELAY = 300.0
CLAIM_LOCK = 0x75_70_73_74  # any number that no other lock of Parley has
LATE = timedelta(hours=24)
LEASE_LOST = "The worker that sent it did not report back; it may have been sent."


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message on its way: everything that the POST needs."""

    message_id: int
    number_id: int
    attempt: int
    is_late: bool
    business_id: int
    url: str
    bearer: str
    kind: str
    body: dict[str, Any]
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A dispatch and what became of it; `uploads` are the files that the upstream has now: our row,
    its id there.
    """

    dispatch: Dispatch
    result: SendResult
    uploads: tuple[tuple[int, str], ...] = ()


def _prepare(rows: Sequence[Claimed]) -> dict[int, Dispatch]:
    """What each POST needs, by message."""
    found = Outgoing.objects.filter(pk__in=[row.key for row in rows])
    queued = {one.pk: one for one in found}
    messages = list(
        Message.objects.filter(pk__in=queued)
        .select_related("number__account__upstream", "contact")
        .order_by("id")
    )
    theirs, held = _upstream_ids(messages), files.attached_to(messages)
    return {
        message.pk: _dispatch(message, queued[message.pk], theirs, held.get(message.pk, []))
        for message in messages
    }


def _upstream_ids(messages: Sequence[Message]) -> dict[tuple[int, str], str]:
    """Upstream ids of our own messages that these reply or react to; inbound ones have the
    upstream's id already.
    """
    about = {message.context_wamid for message in messages if message.context_wamid}
    found = Message.objects.filter(
        number__in={message.number_id for message in messages},
        wamid__in=about,
        direction=Direction.OUT,
    )
    rows = (
        found.exclude(upstream_wamid=None).values_list("number_id", "wamid", "upstream_wamid")
        if about
        else []
    )
    return {(number, wamid): str(upstream_wamid) for number, wamid, upstream_wamid in rows}


def _dispatch(
    message: Message,
    row: Outgoing,
    theirs: dict[tuple[int, str], str],
    held: Sequence[Attachment],
) -> Dispatch:
    upstream: Upstream | None = getattr(message.number.account, "upstream", None)
    context = theirs.get((message.number_id, message.context_wamid), message.context_wamid)
    content = message.content
    if message.kind == "reaction":
        content = content | {"message_id": context}
    for translate in extensions.upstream_contents:
        content = translate(message, content)
    body = send_body(
        # Where its price was looked up, whatever the customer's number is by now.
        to=message.recipient or message.contact.wa_id,
        kind=message.kind,
        content=content,
        context=context,
        tracker=tracker_of(message.pk),
    )
    return Dispatch(
        message_id=message.pk,
        number_id=message.number_id,
        attempt=row.attempts,
        is_late=row.queued_at < timezone.now() - LATE,
        business_id=message.business_id,
        url=upstream.url_of(message.number.upstream_id) if upstream else "",
        bearer=upstream.token if upstream else "",
        kind=message.kind,
        body=body,
        files=tuple(held),
    )


def send(dispatch: Dispatch) -> Report:
    """Upload what the message holds, then make the POST, once; raises nothing and touches no
    database.
    """
    started, uploads = time.monotonic(), dict[int, str]()
    try:
        for one in dispatch.files:
            if not one.upstream_id:
                uploads[one.media_pk] = files.upload(
                    one, url=f"{dispatch.url}/media", bearer=dispatch.bearer
                )
            if time.monotonic() - started > UPLOADING:
                raise files.NotUploaded(
                    SendResult(Sent.LATER, why="uploading its files took too long")
                )
    except files.NotUploaded as error:
        return Report(dispatch, error.result, tuple(uploads.items()))
    except Exception as error:
        log.exception("upload_broke", message=dispatch.message_id)
        return Report(
            dispatch, SendResult(Sent.LATER, why=repr(error)[:500]), tuple(uploads.items())
        )
    ids = {one.media_id: one.upstream_id or uploads[one.media_pk] for one in dispatch.files}
    files.renamed(dispatch.kind, dispatch.body[dispatch.kind], ids)
    return replace(_post(dispatch), uploads=tuple(uploads.items()))


def _post(dispatch: Dispatch) -> Report:
    headers = {
        "authorization": f"Bearer {dispatch.bearer}",
        "content-type": "application/json",
        # Ignored by most; where it is known, it makes a repetition harmless.
        "idempotency-key": tracker_of(dispatch.message_id),
    }
    try:
        found = fetch(
            f"{dispatch.url}/messages",
            method="POST",
            body=orjson.dumps(dispatch.body),
            headers=headers,
            timeout=TIMEOUT,
        )
        return Report(dispatch, result_of(found.status, found.body))
    except NotReached as error:
        return Report(dispatch, SendResult(Sent.LATER, rest=True, why=str(error)))
    except FetchFailed as error:
        return Report(dispatch, SendResult(Sent.UNKNOWN, why=str(error)))
    except Exception as error:
        log.exception("send_broke", message=dispatch.message_id)
        return Report(dispatch, SendResult(Sent.UNKNOWN, why=repr(error)[:500]))


def _finish(reports: Mapping[int, Report]) -> dict[int, Outcome]:
    """Write down what became of these dispatches."""
    _remember_uploads(reports.values())
    return {
        key: _OUTCOMES[report.result.outcome](report.dispatch, report.result)
        for key, report in sorted(reports.items())
    }


def _remember_uploads(reports: Iterable[Report]) -> None:
    files.remember(
        (report.dispatch.business_id, report.dispatch.number_id, *upload)
        for report in reports
        for upload in report.uploads
    )


def _finish_late(reports: Sequence[Report]) -> None:
    """What is known is written down even by a worker that slept past its lease.

    Then nothing sends it again.
    """
    _remember_uploads(reports)
    for report in reports:
        if report.result.outcome == Sent.SENT:
            _sent(report.dispatch, report.result)


def _sent(dispatch: Dispatch, result: SendResult) -> Outcome:
    known = Message.objects.filter(number_id=dispatch.number_id, upstream_wamid=result.wamid)
    if not known.exists():
        Message.objects.filter(pk=dispatch.message_id, upstream_wamid=None).update(
            upstream_wamid=result.wamid
        )
    Outgoing.objects.filter(pk=dispatch.message_id).delete()
    return None


def _refused(dispatch: Dispatch, result: SendResult) -> Outcome:
    fail(Message.objects.filter(pk=dispatch.message_id), list(result.errors))
    return None


def _later(dispatch: Dispatch, result: SendResult) -> Outcome:
    if dispatch.is_late:
        given_up = CloudApiError(131000, f"Not taken by the upstream within 24 hours: {result.why}")
        return _refused(dispatch, SendResult(Sent.REFUSED, errors=(given_up.as_status_error(),)))
    # No secret: a pause, or data of the demo.
    delay = delay_after(dispatch.attempt, chance=random.random())  # noqa: S311  # nosec B311
    if result.rest:
        Number.objects.filter(pk=dispatch.number_id).update(
            paused_until=Now() + timedelta(seconds=delay)
        )
    return Again(delay, result.why, fresh=False)


def _unknown(dispatch: Dispatch, result: SendResult) -> Outcome:
    return Unknown(result.why)


_OUTCOMES: dict[Sent, Callable[[Dispatch, SendResult], Outcome]] = {
    Sent.SENT: _sent,
    Sent.REFUSED: _refused,
    Sent.LATER: _later,
    Sent.UNKNOWN: _unknown,
}


def delay_after(attempt: int, *, chance: float) -> float:
    """Seconds until the next attempt: 1, 2, 4 … up to 5 minutes, and up to half as much again by
    `chance` (0 to 1).
    """
    return min(2.0 ** min(attempt - 1, 20), LONGEST_DELAY) * (1 + chance / 2)


def fail(messages: Iterable[Message], errors: list[dict[str, Any]]) -> None:
    """Report messages as failed by the webhook address, like any network's word. Call inside
    `system`.
    """
    found = Message.objects.filter(pk__in=[message.pk for message in messages])
    for message in found.select_related("number__account", "contact"):
        status = webhooks.status_object(
            wamid=message.wamid,
            status="failed",
            at=timezone.now(),
            wa_id=message.contact.wa_id,
            category=message.category,
            in_window=message.window_open,
        )
        number = message.number
        line = webhooks.NumberMetadata(
            number.account.waba_id, number.phone_number_id, number.digits
        )
        body = webhooks.body_of(line, contacts=[], statuses=[status | {"errors": errors}])
        store_event(body=body, account_id=number.account_id)


def release() -> int:
    """Mark what a vanished worker was sending as unknown; returns how many. It is not sent
    again.
    """
    return give_up_lost(QUEUE)


def send_again(message_ids: Iterable[int]) -> int:
    """An operator is sure that these never left: they wait to be sent again; returns how many.

    Call inside a scope.
    """
    return Outgoing.objects.filter(pk__in=message_ids, state=Outgoing.State.UNKNOWN).update(
        state=Outgoing.State.OPEN, not_before=Now(), queued_at=Now()
    )


def give_up(message_ids: Iterable[int]) -> int:
    """An operator gives these up: they are reported as failed; returns how many.

    Call inside `system`.
    """
    unknown = Outgoing.objects.filter(
        pk__in=message_ids, state=Outgoing.State.UNKNOWN
    ).select_for_update()
    ids = list(unknown.values_list("pk", flat=True))
    error = CloudApiError(
        131000, "The upstream's answer was lost; an operator gave the message up."
    )
    fail(Message.objects.filter(pk__in=ids), [error.as_status_error()])
    Outgoing.objects.filter(pk__in=ids).delete()
    return len(ids)


QUEUE = Queue(
    name="outgoing",
    about="Accepted messages on their way to an upstream Cloud API.",
    model=Outgoing,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=send, finish=_finish, late=_finish_late),
    is_open=Q(state="open", transport="cloudapi"),
    is_dead=Q(state="dead", transport="cloudapi"),
    scoped=False,
    selection=Selection(
        statement("hosting", "due_outgoing"),
        lock=CLAIM_LOCK,
        parameters=lambda under_way: {"per_number": PER_NUMBER},
    ),
    at_most_once=AtMostOnce(
        claimed=Q(state="sending", transport="cloudapi"),
        on_claim={"state": "'sending'"},
        on_release={"state": "'open'"},
        on_loss={"state": "'unknown'"},
        reason=LEASE_LOST,
    ),
    batch=AT_ONCE,
    lease_seconds=LEASE,
    on_death={"state": "'dead'"},
    on_rerun={"state": "'open'"},
    # A number that its upstream has limited waits for that, not for us.
    counts="""NOT EXISTS (SELECT FROM hosting_number n
                           WHERE n.id = q.number_id AND n.paused_until > statement_timestamp())""",
    dead_title=_("Messages not sent to the upstream"),
)
POOL = WorkerPool(QUEUE)
# `deliver_due()` sends what may be sent and returns how many that were; `wake()` has a thread do
# it.
deliver_due, wake = POOL.run, POOL.wake
