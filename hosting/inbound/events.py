"""Webhook events: raw bodies are stored first, then claimed and applied."""

import hashlib
from collections.abc import Sequence

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.queue import AsSet, Claimed, Queue, Selection
from core.queue.statements import IS_DUE
from core.queue.work import work
from core.sql import statement
from hosting.cloudapi.webhooks import StatusUpdate
from hosting.inbound import upstream_ids
from hosting.inbound.apply import StoredEvent, apply, apply_statuses
from hosting.models import Event, Number, ParkedStatus

BATCH = 500
PARKED_LOCK = 0x70_61_72_6B  # any number that no other lock of Parley has
# The message of a parked status is there, by our id or by its upstream's.
HAS_MESSAGE = """EXISTS (SELECT FROM hosting_number n JOIN hosting_message m ON m.number_id = n.id
                          WHERE n.phone_number_id = q.phone_number_id
                            AND q.wamid IN (m.wamid, m.upstream_wamid))"""


def store_event(*, body: bytes, account_id: int | None) -> None:
    """Store a webhook's raw bytes, one row for equal ones.

    They are durable when the surrounding transaction commits.
    """
    digest = hashlib.sha256(f"{account_id or 0}:".encode() + body).digest()
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "store_event"), [digest, account_id, body])


def apply_due(limit: int | None = None) -> int:
    """Apply waiting events, at most `limit` new ones; returns how many were claimed."""
    return work(QUEUE, limit)


def unpark() -> int:
    """Apply parked statuses whose message has come since; returns how many were claimed."""
    return work(PARKED)


def _apply_events(rows: Sequence[Claimed]) -> None:
    found = Event.objects.filter(pk__in=[row.key for row in rows]).order_by("pk")
    apply([StoredEvent(one.pk, one.account_id, bytes(one.body), one.received_at) for one in found])


def _apply_parked(rows: Sequence[Claimed]) -> None:
    found = list(ParkedStatus.objects.filter(pk__in=[row.key for row in rows]).order_by("pk"))
    names = {row.phone_number_id for row in found}
    numbers = {
        number.phone_number_id: number
        for number in Number.objects.filter(phone_number_id__in=names)
    }
    statuses = [
        (
            numbers.get(row.phone_number_id),
            StatusUpdate(row.phone_number_id, row.wamid, row.status, row.occurred_at, row.errors),
            StoredEvent(0, None, b"", row.received_at),
        )
        for row in found
    ]
    apply_statuses(upstream_ids.translate_statuses(statuses))


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
    owner="0::bigint",
    scoped=False,
    ready=HAS_MESSAGE,
    selection=Selection(
        f"""SELECT id AS key, 0::bigint AS owner, attempts, leased_until IS NOT NULL AS was_lost,
                   1 AS place
              FROM hosting_parkedstatus q
             WHERE dead_at IS NULL AND {IS_DUE} AND {HAS_MESSAGE}
             ORDER BY id LIMIT %(limit)s""",
        lock=PARKED_LOCK,
        parameters=lambda under_way: {},
    ),
    batch=1000,
    dead_title=_("Parked statuses not applied"),
)
