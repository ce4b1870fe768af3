"""Broadcast runs: recipients are sent to in batches, each exactly once, even if workers die."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import Business
from core.errors import BadInput, NotYours, ParleyError
from core.queue import Again, Claimed, OneByOne, Queue
from core.queue.declaration import Outcome as Next
from core.queue.work import work
from core.sql import statement
from hosting.broadcasts import drafts
from hosting.errors import CloudApiError
from hosting.imports.jobs import NotNow
from hosting.live import publish
from hosting.messages.rate_limits import check_message_rate
from hosting.messages.send import send_message
from hosting.models import Broadcast, BroadcastRecipient

log = structlog.get_logger(__name__)
State, Outcome = Broadcast.State, BroadcastRecipient.State
# A batch locks counts and caps until it commits, so it must take only a fraction of a second.
BATCH = 25
MAX_ATTEMPTS = 5
GIVEN_UP = _lazy("Its message could not be made.")
MAX_SCHEDULE_AHEAD = timedelta(days=366)
# Delays after the number's rate limit and after the limit for single customers.
RATE_DELAY, PAIR_RATE_DELAY = timedelta(milliseconds=100), timedelta(seconds=6)
RATE_LIMITED, PAIR_RATE_LIMITED = 130429, 131056
# Errors that every other recipient would meet too: plan limit or spend cap, suspension, an
# unregistered number, the template. They pause the broadcast.
PAUSING_ERRORS = frozenset((131042, 131031, 133010, 132001, 132015, 132016))


@dataclass(frozen=True, slots=True)
class Recipient:
    """One claimed recipient."""

    id: int
    wa_id: str
    variables: list[str]
    is_opted_out: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one recipient; `later` for one that has to wait."""

    id: int
    state: str
    reason: str = ""
    message_id: int | None = None
    later: bool = False


def get_broadcast(business: Business, public_id: uuid.UUID) -> Broadcast:
    """Return the business's broadcast of this id; raise NotYours."""
    found = Broadcast.objects.filter(business=business, public_id=public_id)
    broadcast = found.select_related("business__plan", "number", "template", "author").first()
    if broadcast is None:
        raise NotYours
    return broadcast


def start(*, broadcast: Broadcast, at: datetime | None = None) -> None:
    """Send a draft now, or at a time within a year.

    Raises NotNow when it was started before, BadInput for another time or an empty list.
    """
    now = broadcast.business.now()
    if at is not None and not now <= at <= now + MAX_SCHEDULE_AHEAD:
        raise BadInput(_("Choose a time from now on, within a year."), field="at")
    if not broadcast.total:
        raise BadInput(_("Nobody is left on the list."), field="list")
    drafts.check_template(broadcast.template, broadcast.number)
    _change_state(
        broadcast,
        (State.DRAFT,),
        State.SCHEDULED if at else State.RUNNING,
        starts_at=at or now,
        not_before=Now(),
    )


def pause(*, broadcast: Broadcast) -> None:
    """Pause after the batch that is being sent; open recipients stay open."""
    _change_state(broadcast, (State.SCHEDULED, State.RUNNING), State.PAUSED, pause_reason="")


def resume(*, broadcast: Broadcast) -> None:
    """Continue a paused broadcast."""
    _change_state(
        broadcast,
        (State.PAUSED,),
        State.RUNNING,
        pause_reason="",
        resumed_at=None,
        not_before=Now(),
    )


def cancel(*, broadcast: Broadcast) -> None:
    """Cancel for good: open recipients are skipped."""
    open_states = (State.DRAFT, State.SCHEDULED, State.RUNNING, State.PAUSED)
    with transaction.atomic():
        _change_state(broadcast, open_states, State.CANCELLED, finished_at=broadcast.business.now())
        waiting = broadcast.recipients.filter(state=Outcome.OPEN)
        left = waiting.update(
            state=Outcome.SKIPPED, reason=_("Cancelled"), done_at=broadcast.business.now()
        )
        Broadcast.objects.filter(pk=broadcast.pk).update(skipped=F("skipped") + left)
    broadcast.refresh_from_db()


def _change_state(broadcast: Broadcast, states: Sequence[str], state: str, **changes: Any) -> None:
    mine = Broadcast.objects.filter(pk=broadcast.pk, state__in=states)
    if not mine.update(state=state, **changes):
        raise NotNow(_("This broadcast is in another state now."))
    broadcast.refresh_from_db()


def work_due() -> int:
    """Send to the next recipients of a broadcast that is due; returns 1, or 0 when none is."""
    return work(QUEUE, limit=1)


def _run(row: Claimed) -> Next:
    """Send a batch. The broadcast's row is locked meanwhile: a pause takes effect after the batch.

    After an attempt that failed, batches of one find the recipient at fault; it is left out before
    the last attempt.
    """
    with connection.cursor() as cursor:
        names = {"business_id": row.owner, "broadcast_id": row.key}
        cursor.execute(statement("hosting", "start_broadcast"), names)
    found = Broadcast.objects.select_related("business__plan", "number", "template", "author")
    broadcast = found.get(pk=row.key)
    broadcast.number.business = broadcast.business
    recipients = _claim(broadcast, BATCH if row.attempts == 1 else 1)
    if row.attempts >= MAX_ATTEMPTS:
        stuck = [Result(one.id, Outcome.FAILED, str(GIVEN_UP)) for one in recipients]
        return _record_batch(broadcast, stuck, _repeated_fault(broadcast))
    return _record_batch(broadcast, *_send_batch(broadcast, recipients))


def _repeated_fault(broadcast: Broadcast) -> str:
    """Why to pause when the recipient before this one was given up too; else empty."""
    done = broadcast.recipients.exclude(state=Outcome.OPEN).order_by("-done_at", "-id").first()
    is_repeated = done is not None and done.reason == str(GIVEN_UP)
    return _("Messages could not be made for several recipients.") if is_repeated else ""


def _record_batch(
    broadcast: Broadcast, results: list[Result], stop: "CloudApiError | str | None"
) -> Next:
    _mark(broadcast, results)
    done = [result for result in results if not result.later]
    counts = {
        state: sum(result.state == state for result in done)
        for state in (Outcome.SENT, Outcome.FAILED, Outcome.SKIPPED)
    }
    changes, then = _next_state(broadcast, stop or None, is_idle=not done)
    Broadcast.objects.filter(pk=broadcast.pk).update(
        sent=F("sent") + counts[Outcome.SENT],
        failed=F("failed") + counts[Outcome.FAILED],
        skipped=F("skipped") + counts[Outcome.SKIPPED],
        **changes,
    )
    transaction.on_commit(
        lambda: publish.publish_event(
            broadcast.business_id, kind="broadcast", conversation=str(broadcast.public_id)
        ),
        robust=True,
    )
    return then


def _next_state(
    broadcast: Broadcast, stop: CloudApiError | str | None, *, is_idle: bool
) -> tuple[dict[str, Any], Next]:
    """A broadcast's changes after a batch, and when its next turn is; none when it is over."""
    if not broadcast.recipients.filter(state=Outcome.OPEN).exists():
        return {"state": State.DONE, "finished_at": broadcast.business.now()}, None
    if isinstance(stop, str):
        return {"state": State.PAUSED, "pause_reason": stop}, None
    if stop is not None and stop.number != RATE_LIMITED:
        return {"state": State.PAUSED, "pause_reason": stop.message}, None
    delay = RATE_DELAY if stop or is_idle else timedelta()
    return {}, Again(delay.total_seconds())


def statement_time() -> datetime:
    """Return the database's clock, which turns are scheduled by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def _claim(broadcast: Broadcast, limit: int) -> list[Recipient]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "claim_recipients"),
            {
                "business_id": broadcast.business_id,
                "broadcast_id": broadcast.pk,
                "is_marketing": broadcast.template.category == "marketing",
                "limit": limit,
            },
        )
        return [Recipient(row[0], row[1], _variables(row[2]), row[3]) for row in cursor.fetchall()]


def _variables(held: Any) -> list[str]:
    return list(orjson.loads(held)) if isinstance(held, (str, bytes)) else list(held)


def _send_batch(
    broadcast: Broadcast, rows: list[Recipient]
) -> tuple[list[Result], CloudApiError | None]:
    """Return the results in order, and the error that ended the batch early, whose recipient stays
    open.
    """
    results: list[Result] = []
    for row in rows:
        try:
            results.append(_send(broadcast, row))
        except CloudApiError as stop:
            return results, stop
    return results, None


def _send(broadcast: Broadcast, row: Recipient) -> Result:
    if row.is_opted_out:
        return Result(row.id, Outcome.SKIPPED, _("Wants no marketing."))
    try:
        check_message_rate(number=broadcast.number, to=row.wa_id)
        with transaction.atomic():
            message = send_message(
                business=broadcast.business,
                number=broadcast.number,
                to=row.wa_id,
                kind="template",
                content=drafts.recipient_content(broadcast.template, row.variables),
                author=broadcast.author,
                is_broadcast=True,
            )
    except CloudApiError as error:
        if error.number == PAIR_RATE_LIMITED:
            return Result(row.id, Outcome.OPEN, later=True)
        if error.number == RATE_LIMITED or error.number in PAUSING_ERRORS:
            raise
        return Result(row.id, Outcome.FAILED, error.message)
    except ParleyError as error:
        return Result(row.id, Outcome.FAILED, error.message)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # one failing row must not stop the rest of the list
        log.exception("broadcast_recipient_failed", recipient=row.id)
        return Result(row.id, Outcome.FAILED, type(error).__name__)
    return Result(row.id, Outcome.SENT, message_id=message.pk)


def _mark(broadcast: Broadcast, results: list[Result]) -> None:
    done = [result for result in results if not result.later]
    waiting = [result.id for result in results if result.later]
    if waiting:
        BroadcastRecipient.objects.filter(pk__in=waiting).update(
            not_before=statement_time() + PAIR_RATE_DELAY
        )
    if not done:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "mark_recipients"),
            {
                "ids": [result.id for result in done],
                "states": [result.state for result in done],
                "reasons": [result.reason for result in done],
                "message_ids": [result.message_id for result in done],
                "at": broadcast.business.now(),
            },
        )


QUEUE = Queue(
    name="broadcasts",
    about="Broadcasts that are due and have recipients left.",
    model=Broadcast,
    work=OneByOne(_run),
    is_open=Q(state__in=["scheduled", "running"]),
    # At its time by the business's clock.
    ready="""q.starts_at <= coalesce((SELECT z.clock_at FROM accounts_business z
                                       WHERE z.id = q.business_id), statement_timestamp())""",
    due_since="greatest(not_before, starts_at)",
    max_attempts=MAX_ATTEMPTS,
    done={},
    on_death={"state": "'paused'", "pause_reason": "'Given up after 5 attempts.'"},
    on_rerun={"state": "'running'", "pause_reason": "''"},
    dead_title=_lazy("Broadcasts given up"),
)
