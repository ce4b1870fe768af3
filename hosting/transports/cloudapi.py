"""The upstream transport: messages leave by a real Cloud API; what becomes of them comes by the
webhook door.

An `Outgoing` row goes open -> sending (committed before the POST) -> gone (sent, or refused) | open
again (the upstream surely did not take it) | unknown (it may have). An unknown one is never sent
again by itself: a webhook that names it settles it, or an operator decides.
"""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import structlog
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from core.http import FetchFailed, NotReached, fetch
from core.sql import statement
from core.tenancy import system
from core.worker_pool import Crew
from hosting import extensions
from hosting.cloudapi import webhooks
from hosting.cloudapi.upstreams import Outcome, Verdict, send_body, tracker_of, verdict_on
from hosting.errors import CloudApiError
from hosting.inbound.events import store_event
from hosting.models import Direction, Message, Number, Outgoing, Transport, Upstream
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
LEASE_LOST = "The worker that sent it did not report back; it may have been sent."


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way: everything that the POST needs."""

    message_id: int
    number_id: int
    token: str
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
    """A parcel and what became of it; `uploads` are the files that the upstream has now: our row,
    its id there.
    """

    parcel: Parcel
    verdict: Verdict
    uploads: tuple[tuple[int, str], ...] = ()


def claim(under_way: "Sequence[Parcel]" = ()) -> list[Parcel]:
    """Claim messages that may be sent now; each is `sending`, and committed so, before its POST
    begins.
    """
    with system("every business's upstreams"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
            cursor.execute(
                statement("hosting", "claim_outgoing"),
                {"limit": AT_ONCE - len(under_way), "per_number": PER_NUMBER, "lease": LEASE},
            )
            rows = {row[0]: row for row in cursor.fetchall()}
        return _parcels(rows) if rows else []


def _parcels(rows: dict[int, tuple[Any, ...]]) -> list[Parcel]:
    found = (
        Message.objects.filter(pk__in=rows)
        .select_related("number__account__upstream", "contact")
        .order_by("id")
    )
    messages = list(found)
    theirs, held = _upstream_ids(messages), files.attached_to(messages)
    return [
        _parcel(message, rows[message.pk], theirs, held.get(message.pk, [])) for message in messages
    ]


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


def _parcel(
    message: Message,
    row: tuple[Any, ...],
    theirs: dict[tuple[int, str], str],
    held: Sequence[Attachment],
) -> Parcel:
    upstream: Upstream | None = getattr(message.number.account, "upstream", None)
    context = theirs.get((message.number_id, message.context_wamid), message.context_wamid)
    content = message.content
    if message.kind == "reaction":
        content = content | {"message_id": context}
    for translate in extensions.upstream_contents:
        content = translate(message, content)
    body = send_body(
        to=message.contact.wa_id,
        kind=message.kind,
        content=content,
        context=context,
        tracker=tracker_of(message.pk),
    )
    return Parcel(
        message_id=message.pk,
        number_id=message.number_id,
        token=str(row[1]),
        attempt=row[2],
        is_late=row[3],
        business_id=message.business_id,
        url=upstream.url_of(message.number.upstream_id) if upstream else "",
        bearer=upstream.token if upstream else "",
        kind=message.kind,
        body=body,
        files=tuple(held),
    )


def send(parcel: Parcel) -> Report:
    """Upload what the message holds, then make the POST, once; raises nothing and touches no
    database.
    """
    started, uploads = time.monotonic(), dict[int, str]()
    try:
        for one in parcel.files:
            if not one.upstream_id:
                uploads[one.media_pk] = files.upload(
                    one, url=f"{parcel.url}/media", bearer=parcel.bearer
                )
            if time.monotonic() - started > UPLOADING:
                raise files.NotUploaded(
                    Verdict(Outcome.LATER, why="uploading its files took too long")
                )
    except files.NotUploaded as error:
        return Report(parcel, error.verdict, tuple(uploads.items()))
    except Exception as error:
        log.exception("upload_broke", message=parcel.message_id)
        return Report(parcel, Verdict(Outcome.LATER, why=repr(error)[:500]), tuple(uploads.items()))
    ids = {one.media_id: one.upstream_id or uploads[one.media_pk] for one in parcel.files}
    files.renamed(parcel.kind, parcel.body[parcel.kind], ids)
    return replace(_post(parcel), uploads=tuple(uploads.items()))


def _post(parcel: Parcel) -> Report:
    headers = {
        "authorization": f"Bearer {parcel.bearer}",
        "content-type": "application/json",
        # Ignored by most; where it is known, it makes a repetition harmless.
        "idempotency-key": tracker_of(parcel.message_id),
    }
    try:
        found = fetch(
            f"{parcel.url}/messages",
            method="POST",
            body=orjson.dumps(parcel.body),
            headers=headers,
            timeout=TIMEOUT,
        )
        return Report(parcel, verdict_on(found.status, found.body))
    except NotReached as error:
        return Report(parcel, Verdict(Outcome.LATER, rest=True, why=str(error)))
    except FetchFailed as error:
        return Report(parcel, Verdict(Outcome.UNKNOWN, why=str(error)))
    except Exception as error:
        log.exception("send_broke", message=parcel.message_id)
        return Report(parcel, Verdict(Outcome.UNKNOWN, why=repr(error)[:500]))


def finish(reports: Sequence[Report]) -> None:
    """Write down what became of these parcels, in one transaction."""
    with system("every business's upstreams"):
        files.remember(
            (report.parcel.business_id, report.parcel.number_id, *upload)
            for report in reports
            for upload in report.uploads
        )
        for report in sorted(reports, key=lambda report: report.parcel.message_id):
            _FINISH[report.verdict.outcome](report.parcel, report.verdict)


def _finish_sent(parcel: Parcel, verdict: Verdict) -> None:
    # What is known is written down even by a worker that slept past its lease; then nothing sends
    # it again.
    known = Message.objects.filter(number_id=parcel.number_id, upstream_wamid=verdict.wamid)
    if not known.exists():
        Message.objects.filter(pk=parcel.message_id, upstream_wamid=None).update(
            upstream_wamid=verdict.wamid
        )
    Outgoing.objects.filter(pk=parcel.message_id).delete()


def _finish_refused(parcel: Parcel, verdict: Verdict) -> None:
    if _mine(parcel).delete()[0]:
        fail(Message.objects.filter(pk=parcel.message_id), list(verdict.errors))


def _finish_later(parcel: Parcel, verdict: Verdict) -> None:
    if parcel.is_late:
        given_up = CloudApiError(
            131000, f"Not taken by the upstream within 24 hours: {verdict.why}"
        )
        _finish_refused(parcel, Verdict(Outcome.REFUSED, errors=(given_up.as_status_error(),)))
        return
    delay = timedelta(seconds=delay_after(parcel.attempt, chance=random.random()))  # noqa: S311
    _mine(parcel).update(
        state=Outgoing.State.OPEN,
        not_before=Now() + delay,
        lease_token=None,
        last_error=verdict.why,
    )
    if verdict.rest:
        Number.objects.filter(pk=parcel.number_id).update(paused_until=Now() + delay)


def _finish_unknown(parcel: Parcel, verdict: Verdict) -> None:
    log.warning("send_result_unknown", message=parcel.message_id, why=verdict.why)
    _mine(parcel).update(state=Outgoing.State.UNKNOWN, lease_token=None, last_error=verdict.why)


_FINISH = {
    Outcome.SENT: _finish_sent,
    Outcome.REFUSED: _finish_refused,
    Outcome.LATER: _finish_later,
    Outcome.UNKNOWN: _finish_unknown,
}


def _mine(parcel: Parcel) -> "Any":
    return Outgoing.objects.filter(pk=parcel.message_id, lease_token=parcel.token)


def delay_after(attempt: int, *, chance: float) -> float:
    """Seconds until the next attempt: 1, 2, 4 … up to 5 minutes, and up to half as much again by
    `chance` (0 to 1).
    """
    return min(2.0 ** min(attempt - 1, 20), LONGEST_DELAY) * (1 + chance / 2)


def fail(messages: Iterable[Message], errors: list[dict[str, Any]]) -> None:
    """Report messages as failed by the webhook door, like any network's word. Call inside `system`."""
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
    """Mark what a vanished worker was sending as unknown; returns how many. It is not sent again."""
    with system("every business's upstreams"):
        return Outgoing.objects.filter(
            transport=Transport.CLOUDAPI, state=Outgoing.State.SENDING, not_before__lte=Now()
        ).update(state=Outgoing.State.UNKNOWN, lease_token=None, last_error=LEASE_LOST)


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


crew: Crew[Parcel, Report] = Crew("upstream", size=AT_ONCE, claim=claim, do=send, finish=finish)
# `deliver_due()` sends what may be sent and returns how many that were; `wake()` has a thread do
# it.
deliver_due, wake = crew.run, crew.wake
