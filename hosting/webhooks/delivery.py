"""Calling: open webhook calls are claimed fairly, made side by side, and retried for seven days."""

import hashlib
import hmac
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from core.encryption import decrypt
from core.http import FetchFailed, fetch
from core.sql import statement
from core.tenancy import system
from core.worker_pool import Crew
from hosting.cloudapi.samples import sample
from hosting.cloudapi.webhooks import NumberMetadata, sign
from hosting.models import Number, Webhook, WebhookCall
from hosting.models.webhooks import gives_up

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
class Claimed:
    """A call of which this process is the only one to make it, until its lease ends."""

    id: int
    attempt: int
    public_id: str
    body: bytes
    url: str
    is_slow: bool
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call; status is None where there was no HTTP answer."""

    call: Claimed
    status: int | None
    body: bytes
    error: str
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def _claim_beside(under_way: list[Claimed]) -> list[Claimed]:
    slow = sum(call.is_slow for call in under_way)
    return claim(limit=AT_ONCE - len(under_way), slow_limit=AT_ONCE_SLOW - slow)


def claim(*, limit: int = AT_ONCE, slow_limit: int = AT_ONCE_SLOW) -> list[Claimed]:
    """Claim due calls for `LEASE` seconds, counted and committed before the first byte is sent."""
    if limit < 1:
        return []
    with system("webhook calls of every business"), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
        cursor.execute(
            statement("hosting", "claim_calls"),
            {
                "limit": limit,
                "slow_limit": slow_limit,
                "per_webhook": PER_WEBHOOK,
                "per_host": PER_HOST,
                "slow_seconds": SLOW_SECONDS,
                "held": HELD,
                "lease": LEASE,
            },
        )
        rows = sorted(cursor.fetchall())
    return [
        Claimed(
            row[0],
            row[1],
            row[2],
            bytes(row[3]),
            row[4],
            row[5],
            tuple(map(decrypt, filter(None, row[6:]))),
        )
        for row in rows
    ]


def make(call: Claimed) -> Answer:
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


def headers_of(call: Claimed, *, at: int) -> dict[str, str]:
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


def finish(answers: Sequence[Answer]) -> None:
    """Write down what came of these calls, and how their receivers do."""
    with system("webhook calls of every business"), connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "finish_calls"),
            {
                "ids": [answer.call.id for answer in answers],
                "attempts": [answer.call.attempt for answer in answers],
                "accepted": [answer.accepted for answer in answers],
                "statuses": [answer.status for answer in answers],
                "bodies": [answer.body for answer in answers],
                "errors": [answer.error for answer in answers],
                "seconds": [answer.seconds for answer in answers],
                "delays": [
                    delay_after(answer.call.attempt, chance=random.random())  # noqa: S311
                    for answer in answers
                ],
            },
        )


def rerun(public_ids: Iterable[str]) -> int:
    """Open dead calls again, with seven new days; returns how many. Call inside a scope."""
    return WebhookCall.objects.filter(
        public_id__in=public_ids, state=WebhookCall.State.DEAD
    ).update(
        state=WebhookCall.State.OPEN,
        attempts=0,
        not_before=Now(),
        gives_up_at=gives_up(),
        leased_until=None,
    )


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
    """Call a webhook with a sample body of that field, in the account's name. Call inside a scope."""
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
        body=sample(field, line, at=timezone.now()),
        not_before=Now(),
        is_test=True,
    )


def expire() -> int:
    """Give up calls whose time ran out unanswered, as of a webhook that is switched off; returns
    how many.
    """
    with system("webhook calls of every business"):
        late = WebhookCall.objects.filter(
            state=WebhookCall.State.OPEN, gives_up_at__lt=timezone.now()
        )
        return late.filter(Q(leased_until=None) | Q(leased_until__lt=timezone.now())).update(
            state=WebhookCall.State.DEAD, leased_until=None
        )


def purge(limit: int = 5000) -> int:
    """Delete finished calls that are older than 30 days, the oldest `limit` at most; returns how
    many.
    """
    with system("the log of every business"), connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM hosting_webhookcall WHERE id IN (
                   SELECT id FROM (SELECT id, state, created_at FROM hosting_webhookcall ORDER BY id LIMIT %s) oldest
                    WHERE created_at < now() - make_interval(days => %s) AND state <> 'open')""",
            [limit, KEPT_DAYS],
        )
        return int(cursor.rowcount)


crew: Crew[Claimed, Answer] = Crew(
    "webhooks", size=AT_ONCE, claim=_claim_beside, do=make, finish=finish
)
# `call_due()` makes what is due and returns how many calls that were; `wake()` has a thread do it.
call_due, wake = crew.run, crew.wake
