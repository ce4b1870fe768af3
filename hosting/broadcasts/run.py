"""Broadcast runs: recipients are sent to in batches, each exactly once, even if workers die."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import Business
from core.errors import BadInput, NotYours, ParleyError
from core.sql import statement
from core.tenancy import scope, system
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
        turn_at=Now(),
    )


def pause(*, broadcast: Broadcast) -> None:
    """Pause after the batch that is being sent; open recipients stay open."""
    _change_state(broadcast, (State.SCHEDULED, State.RUNNING), State.PAUSED, pause_reason="")


def resume(*, broadcast: Broadcast) -> None:
    """Continue a paused broadcast."""
    _change_state(
        broadcast, (State.PAUSED,), State.RUNNING, pause_reason="", resumed_at=None, turn_at=Now()
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


def work_due(limit: int = BATCH) -> int:
    """Send to the next recipients of the broadcast whose turn it is; return how many were handled.

    Its row is locked meanwhile, so a pause takes effect after the batch, and two workers never
    share one broadcast.
    """
    with system("broadcasts of every business wait in one line"), connection.cursor() as cursor:
        cursor.execute(statement("hosting", "claim_broadcast"))
        row = cursor.fetchone()
        if row is None:
            return 0
        with scope(row[1]):
            return _work(
                Broadcast.objects.select_related("business__plan", "number", "template").get(
                    pk=row[0]
                ),
                limit,
            )


def _work(broadcast: Broadcast, limit: int) -> int:
    broadcast.number.business = broadcast.business
    results, stop = _send_batch(broadcast, _claim(broadcast, limit))
    _mark(broadcast, results)
    done = [result for result in results if not result.later]
    counts = {
        state: sum(result.state == state for result in done)
        for state in (Outcome.SENT, Outcome.FAILED, Outcome.SKIPPED)
    }
    changes: dict[str, Any] = {
        "sent": F("sent") + counts[Outcome.SENT],
        "failed": F("failed") + counts[Outcome.FAILED],
        "skipped": F("skipped") + counts[Outcome.SKIPPED],
    }
    Broadcast.objects.filter(pk=broadcast.pk).update(
        **changes, **_next_state(broadcast, stop, is_idle=not done)
    )
    transaction.on_commit(
        lambda: publish.publish_event(
            broadcast.business_id, kind="broadcast", conversation=str(broadcast.public_id)
        ),
        robust=True,
    )
    return len(done)


def _next_state(
    broadcast: Broadcast, stop: CloudApiError | None, *, is_idle: bool
) -> dict[str, Any]:
    """Return the broadcast's changes after a batch: done, paused with a reason, or its next time."""
    now = broadcast.business.now()
    if not broadcast.recipients.filter(state=Outcome.OPEN).exists():
        return {"state": State.DONE, "finished_at": now}
    if stop is not None and stop.number != RATE_LIMITED:
        return {"state": State.PAUSED, "pause_reason": stop.message}
    return {"turn_at": statement_time() + (RATE_DELAY if stop or is_idle else timedelta())}


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
            )
    except CloudApiError as error:
        if error.number == PAIR_RATE_LIMITED:
            return Result(row.id, Outcome.OPEN, later=True)
        if error.number == RATE_LIMITED or error.number in PAUSING_ERRORS:
            raise
        return Result(row.id, Outcome.FAILED, error.message)
    except ParleyError as error:
        return Result(row.id, Outcome.FAILED, error.message)
    except DatabaseError:
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
