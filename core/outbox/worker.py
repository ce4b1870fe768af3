"""Claiming mails and ending them; to be replaced by `core.queue`, whose interface this has.

The attempt and the lease are committed before the mail is handed over. Attempt number and lease are
the fencing token: only the worker whose claim stands in the row may end it.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import structlog
from django.core.mail import EmailMessage
from django.db.models import F, Value
from django.db.models.functions import Now
from django.utils import timezone

from core.models import Email
from core.queue.declaration import Backoff, Failed, GaveUp, Unknown
from core.tenancy import system
from core.worker_pool import ClaimingPool

log = structlog.get_logger(__name__)
THREADS = 4
LEASE = timedelta(minutes=10)
# Minutes between attempts double up to six hours: the last of 21 attempts is after three days.
MAX_ATTEMPTS = 21
FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
BACKOFF = Backoff(first=FIRST.total_seconds(), longest=LONGEST.total_seconds())
STOPPED = "The worker stopped while sending."


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker alone may work on until its lease ends."""

    key: int
    attempts: int
    leased_until: datetime


# None: done.
Outcome: TypeAlias = Failed | GaveUp | Unknown | None
Work = tuple[Claimed, EmailMessage]
Result = tuple[Claimed, Outcome]


class Worker:
    """Claims, performs in threads, and ends rows as results come."""

    def __init__(
        self,
        *,
        prepare: Callable[[Sequence[Claimed]], Mapping[int, EmailMessage]],
        perform: Callable[[EmailMessage], Outcome],
        finish: Callable[[Mapping[int, Outcome]], Mapping[int, Outcome]],
        reason: str,
    ) -> None:
        self.prepare, self.perform, self.finish, self.reason = prepare, perform, finish, reason
        self._pool: ClaimingPool[Work, Result] = ClaimingPool(
            "outbox", size=THREADS, claim=self._claim, do=self._do, finish=self._end
        )

    def run(self) -> int:
        """Work until nothing is due; returns how many were tried."""
        return self._pool.run()

    def wake(self) -> None:
        """See to it that a thread works; returns at once."""
        self._pool.wake()

    def _do(self, work: Work) -> Result:
        claim, message = work
        return claim, self.perform(message)

    def _claim(self, under_way: list[Work]) -> list[Work]:
        with system(self.reason):
            _set_lost_aside()
            claim = claim_one()
        if claim is None:
            return []
        try:
            with system(self.reason):
                return [(claim, self.prepare([claim])[claim.key])]
        except Exception as error:
            self._end([(claim, Failed(f"{type(error).__name__}: {error}"))])
            return []

    def _end(self, results: Sequence[Result]) -> None:
        with system(self.reason):
            for claim, outcome in results:
                if _lock(claim):
                    settle(claim, self.finish({claim.key: outcome})[claim.key])


def claim_one() -> Claimed | None:
    """Claim the mail that is due first, those about logins before others; None: none is due."""
    due = Email.objects.filter(state=Email.State.WAITING, not_before__lte=Now())
    first = due.order_by("-is_private", "not_before", "pk")
    key = first.select_for_update(skip_locked=True).values_list("pk", flat=True).first()
    if key is None:
        return None
    until = timezone.now() + LEASE
    Email.objects.filter(pk=key).update(
        state=Email.State.SENDING, attempts=F("attempts") + 1, leased_until=until
    )
    return Claimed(key, Email.objects.values_list("attempts", flat=True).get(pk=key), until)


def settle(claim: Claimed, outcome: Outcome) -> None:
    """End a locked row, or let it wait again; nothing for one that is done."""
    if outcome is None:
        return
    log.warning("email_not_sent", email=claim.key, attempts=claim.attempts, reason=outcome.reason)
    now = timezone.now()
    fate: dict[str, Any]
    if isinstance(outcome, Unknown):
        fate = {"state": Email.State.UNKNOWN}
    elif isinstance(outcome, GaveUp) or claim.attempts >= MAX_ATTEMPTS:
        fate = {"state": Email.State.DEAD, "dead_at": now}
    else:
        fate = {"state": Email.State.WAITING, "not_before": now + backoff(claim.attempts)}
    Email.objects.filter(pk=claim.key).update(
        **fate, leased_until=None, last_error=outcome.reason[:500]
    )


def backoff(attempts: int) -> timedelta:
    """How long to wait after that many attempts, more or less a fifth."""
    return timedelta(seconds=BACKOFF.after(attempts, chance=random.random()))  # noqa: S311


def _lock(claim: Claimed) -> bool:
    """Whether the row is still this claim's, or was set aside meanwhile; locked if so."""
    mine = Email.objects.filter(
        pk=claim.key, attempts=claim.attempts, leased_until=claim.leased_until
    )
    return mine.select_for_update().exists()


def _set_lost_aside() -> None:
    lost = Email.objects.filter(state=Email.State.SENDING, leased_until__lt=Now())
    lost.update(state=Email.State.UNKNOWN, last_error=Value(STOPPED))
