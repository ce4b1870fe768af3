"""Calling: open webhook calls are claimed fairly, made side by side, and retried for seven days."""

import hashlib
import hmac
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.http import FetchFailed, fetch
from core.queue import Again, Claimed, GaveUp, InThreads, Outcome, Queue, Selection, settle
from core.queue.pool import WorkerPool
from core.sql import statement
from core.tenancy import system
from hosting.cloudapi.samples import sample_body
from hosting.cloudapi.webhooks import NumberMetadata, sign
from hosting.models import Number, Webhook, WebhookCall
from hosting.models.webhooks import RETRIED_FOR

log = structlog.get_logger(__name__)

AT_ONCE = 64
AT_ONCE_SLOW = 24
PER_WEBHOOK = 4
PER_HOST = 16
SLOW_SECONDS = 2.0
TIMEOUT = 10.0
LEASE = 30.0
HELD = 3600.0
FIRST_DELAY, LONGEST_DELAY, JITTER = 5.0, 6 * 3600.0, 0.2
KEPT_BYTES = 64 * 1024
CLAIM_LOCK = 0x70_61_72_6C  # any number that no other lock of Parley has
KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Call:
    """A claimed call: what its request needs; `attempt` counts from 1."""

    id: int
    business_id: int
    attempt: int
    public_id: str
    body: bytes
    url: str
    is_slow: bool
    secrets: tuple[str, ...]
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call; status is None where there was no HTTP answer."""

    call: Call
    status: int | None
    body: bytes
    error: str
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def _limits(under_way: Sequence[Call]) -> dict[str, float]:
    return {
        "slow_limit": AT_ONCE_SLOW - sum(call.is_slow for call in under_way),
        "per_webhook": PER_WEBHOOK,
        "per_host": PER_HOST,
        "slow_seconds": SLOW_SECONDS,
        "held": HELD,
    }


def _prepare(rows: Sequence[Claimed]) -> dict[int, Call]:
    found = WebhookCall.objects.filter(pk__in=[row.key for row in rows])
    return {call.pk: _call(call) for call in found.select_related("webhook__account")}


def _call(row: WebhookCall) -> Call:
    webhook = row.webhook
    return Call(
        id=row.pk,
        business_id=row.business_id,
        attempt=row.tries + 1,
        public_id=str(row.public_id),
        body=bytes(row.body),
        url=webhook.url,
        is_slow=webhook.failures > 0 or webhook.mean_seconds > SLOW_SECONDS,
        secrets=tuple(webhook.account.secrets),
        deadline=row.deadline,
    )


def make(call: Call) -> Answer:
    """Make one call; whatever goes wrong is part of the answer. Touches no database."""
    started = time.monotonic()
    try:
        found = fetch(
            call.url,
            method="POST",
            body=call.body,
            headers=headers_of(call, at=int(time.time())),
            max_bytes=KEPT_BYTES,
            timeout=TIMEOUT,
        )
    except FetchFailed as error:
        return Answer(call, None, b"", str(error)[:500], time.monotonic() - started)
    except Exception as error:
        log.exception("webhook_call_broke", call=call.public_id)
        return Answer(call, None, b"", repr(error)[:500], time.monotonic() - started)
    return Answer(call, found.status, found.body, _refusal(found.status), found.seconds)


def _refusal(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return f"HTTP {status}" + (": redirects are not followed" if 300 <= status < 400 else "")


def headers_of(call: Call, *, at: int) -> dict[str, str]:
    """Signatures and names of a call; `at` is the moment in seconds.

    `X-Hub-Signature-256` has room for one signature: after a change of secret, every second attempt
    bears the old one's. `Parley-Signature` bears one for each secret, over "<t>.<id>.<body>".
    """
    secret = call.secrets[(call.attempt - 1) % len(call.secrets)]
    signed = f"{at}.{call.public_id}.".encode() + call.body
    ours = ",".join(
        f"v1={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}" for key in call.secrets
    )
    return {
        "content-type": "application/json",
        "x-hub-signature-256": sign(call.body, secret),
        "parley-signature": f"t={at},id={call.public_id},{ours}",
        "parley-attempt": str(call.attempt),
    }


def delay_after(attempt: int, *, chance: float) -> float:
    """Seconds until the next attempt: 5, 10, 20 … up to 6 hours, 20 % more or less by `chance` (0
    to 1).
    """
    plain = min(FIRST_DELAY * 2.0 ** min(attempt - 1, 20), LONGEST_DELAY)
    return plain + plain * JITTER * (2 * chance - 1)


def _finish(answers: Mapping[int, Answer]) -> dict[int, Outcome]:
    """Write down what came of calls, and how their receivers do."""
    rows = list(answers.values())
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "finish_calls"),
            {
                "businesses": [answer.call.business_id for answer in rows],
                "ids": [answer.call.id for answer in rows],
                "accepted": [answer.accepted for answer in rows],
                "statuses": [answer.status for answer in rows],
                "bodies": [answer.body for answer in rows],
                "seconds": [answer.seconds for answer in rows],
            },
        )
    return {key: _outcome(answer) for key, answer in answers.items()}


def _outcome(answer: Answer) -> Outcome:
    if answer.accepted:
        return None
    if answer.call.deadline <= timezone.now():
        return GaveUp(answer.error)
    # No secret: a pause, or data of the demo.
    delay = delay_after(answer.call.attempt, chance=random.random())  # noqa: S311  # nosec B311
    return Again(delay, answer.error)


QUEUE = Queue(
    name="webhook_calls",
    about="Calls to the webhooks of businesses, retried for seven days.",
    model=WebhookCall,
    work=InThreads(size=AT_ONCE, prepare=_prepare, perform=make, finish=_finish),
    is_open=Q(state="open"),
    is_dead=Q(state="dead"),
    scoped=False,
    selection=Selection(statement("hosting", "due_calls"), lock=CLAIM_LOCK, parameters=_limits),
    batch=AT_ONCE,
    lease_seconds=LEASE,
    done={"state": "'done'"},
    on_death={"state": "'dead'"},
    on_rerun={
        "state": "'open'",
        "tries": "0",
        "deadline": f"statement_timestamp() + interval '{RETRIED_FOR.days} days'",
    },
    # Receivers that fail make their own backlog, which says nothing about our workers.
    counts="""EXISTS (SELECT FROM hosting_webhook w
                       WHERE w.id = q.webhook_id AND w.is_active AND w.failures = 0)""",
    dead_title=_("Webhook calls given up"),
    is_urgent=False,
)
POOL = WorkerPool(QUEUE)
# `call_due()` makes what is due and returns how many calls that were; `wake()` has a thread do it.
call_due, wake = POOL.run, POOL.wake


def rerun(public_ids: Iterable[str]) -> int:
    """Open dead calls again, with seven new days; returns how many. Call inside a scope."""
    found = WebhookCall.objects.filter(public_id__in=public_ids)
    return settle.rerun(QUEUE, found.values_list("pk", flat=True))


def replay(call: WebhookCall) -> WebhookCall:
    """Send the same bytes once more, as a call of its own that waits for no other.

    Call inside a scope.
    """
    return WebhookCall.objects.create(
        business_id=call.business_id,
        webhook_id=call.webhook_id,
        field=call.field,
        body=call.body,
        not_before=Now(),
        replay_of=call,
    )


def send_sample(webhook: Webhook, *, field: str) -> WebhookCall:
    """Call a webhook with a sample body of that field, in the account's name. Call inside a
    scope.
    """
    number = (
        webhook.number
        or Number.objects.filter(account_id=webhook.account_id).order_by("id").first()
    )
    line = NumberMetadata(
        webhook.account.waba_id,
        number.phone_number_id if number else "",
        number.digits if number else "15550000000",
    )
    return WebhookCall.objects.create(
        business_id=webhook.business_id,
        webhook=webhook,
        field=field,
        body=sample_body(field, line, at=timezone.now()),
        not_before=Now(),
        is_test=True,
    )


def expire() -> int:
    """Give up calls whose time ran out unanswered, as of a webhook that is switched off; returns
    how many.
    """
    with system("webhook calls of every business"):
        late = WebhookCall.objects.filter(state=WebhookCall.State.OPEN, deadline__lt=timezone.now())
        return late.filter(Q(leased_until=None) | Q(leased_until__lt=timezone.now())).update(
            state=WebhookCall.State.DEAD, dead_at=Now(), leased_until=None
        )


def purge(limit: int = 5000) -> int:
    """Delete finished calls that are older than 30 days, the oldest `limit` at most; returns how
    many.
    """
    with system("the log of every business"), connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM hosting_webhookcall WHERE id IN (
                   SELECT id FROM (SELECT id, state, created_at FROM hosting_webhookcall
                                   ORDER BY id LIMIT %s) oldest
                    WHERE created_at < now() - make_interval(days => %s) AND state <> 'open')""",
            [limit, KEPT_DAYS],
        )
        return int(cursor.rowcount)
