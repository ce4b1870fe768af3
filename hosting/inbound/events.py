"""Webhook events: raw bodies are stored first, then claimed and applied."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.queue import AsSet, Claimed, Queue
from core.queue.work import work
from core.sql import statement
from hosting.cloudapi.updates import ReportedCost, StatusUpdate
from hosting.inbound import upstream_ids
from hosting.inbound.apply import apply, apply_statuses
from hosting.inbound.reach import StoredEvent
from hosting.models import Event, EventSource, Number, ParkedStatus

BATCH = 500
BATCH_BYTES = 64 * 1024
# The message of a parked status is there, by our id or by its upstream's.
HAS_MESSAGE = """EXISTS (
    SELECT FROM hosting_number n
     WHERE n.business_id = q.business_id AND n.phone_number_id = q.phone_number_id
       AND (EXISTS (SELECT FROM hosting_message m
                     WHERE m.number_id = n.id AND m.wamid = q.wamid)
            OR EXISTS (SELECT FROM hosting_message m
                        WHERE m.number_id = n.id AND m.upstream_wamid = q.wamid)))"""


def store_event(*, body: bytes, account_id: int | None, source: str = "") -> None:
    """Store a webhook's raw bytes, one row for equal ones of one source.

    It counts for the account's numbers only; for all numbers where the account is None, which the
    platform alone may say. `source` is whose credential verified it (`EventSource`); without it,
    Parley itself wrote the body. Durable when the surrounding transaction commits.
    """
    source = source or (EventSource.INTERNAL if account_id else EventSource.PLATFORM)
    # Equal bytes by another source are another event: what a business posts beforehand must not
    # take the place of what the network says later.
    digest = hashlib.sha256(f"{account_id or 0}:{source}:".encode() + body).digest()
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "store_event"), [digest, account_id, str(source), body])


def apply_due(limit: int | None = None) -> int:
    """Apply waiting events, at most `limit` new ones; returns how many were claimed."""
    return work(QUEUE, limit)


def unpark() -> int:
    """Apply parked statuses whose message has come since; returns how many were claimed."""
    return work(PARKED)


def _apply_events(rows: Sequence[Claimed]) -> None:
    found = list(Event.objects.filter(pk__in=[row.key for row in rows]).order_by("pk"))
    apply(
        [
            StoredEvent(one.pk, one.account_id, one.source, bytes(one.body), one.received_at)
            for one in found
        ]
    )
    _drop_over_plan(found)


def _drop_over_plan(applied: Iterable[Event]) -> None:
    """Count applied events, and delete those that their business's plan does not keep."""
    of_accounts = [one for one in applied if one.account_id]
    if not of_accounts:
        return
    values: dict[str, Any] = {
        "events": [one.pk for one in of_accounts],
        "accounts": [one.account_id for one in of_accounts],
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "count_raw_events"), values)


def _apply_parked(rows: Sequence[Claimed]) -> None:
    found = list(ParkedStatus.objects.filter(pk__in=[row.key for row in rows]).order_by("pk"))
    numbers = {
        (number.business_id, number.phone_number_id): number
        for number in Number.objects.filter(
            business__in={row.business_id for row in found},
            phone_number_id__in={row.phone_number_id for row in found},
        )
    }
    statuses = [
        (
            numbers[row.business_id, row.phone_number_id],
            _parked_status(row),
            StoredEvent(0, None, "", b"", row.received_at),
        )
        for row in found
        if (row.business_id, row.phone_number_id) in numbers
    ]
    apply_statuses(upstream_ids.translate_statuses(statuses))


def _parked_status(row: ParkedStatus) -> StatusUpdate:
    price = None if row.price_micros is None else ReportedCost(row.price_micros, row.price_currency)
    return StatusUpdate(
        row.phone_number_id, row.wamid, row.status, row.occurred_at, row.errors, price=price
    )


QUEUE = Queue(
    name="events",
    about="Webhook bodies that came in and are to be applied.",
    model=Event,
    work=AsSet(_apply_events),
    is_open=Q(applied_at=None),
    # Shared out by account; what the platform's own secret signed is one more.
    owner="coalesce(account_id, 0)",
    scoped=False,
    batch=BATCH,
    # One body holds up to a thousand updates, and others wait until a claim's are applied. The
    # platform's own speak for all businesses.
    weight="octet_length(body) / CASE WHEN account_id IS NULL THEN 4 ELSE 1 END",
    most_weight=BATCH_BYTES,
    # What applying it has noted stays.
    done={"applied_at": "statement_timestamp()", "last_error": "last_error"},
    dead_title=_("Webhook events not applied"),
)
PARKED = Queue(
    name="parked_statuses",
    about="Statuses that came before their message, which is there now.",
    model=ParkedStatus,
    work=AsSet(_apply_parked),
    is_open=Q(),
    scoped=False,
    ready=HAS_MESSAGE,
    batch=1000,
    dead_title=_("Parked statuses not applied"),
)
