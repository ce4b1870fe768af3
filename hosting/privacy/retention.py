"""Retention: messages older than a number's limit are deleted in batches, after notice.

The plan sets the days that messages are kept, a number may set fewer. A shorter time is announced
to the owners by mail and begins two weeks after a mail server took that mail, a longer one begins
at once. Charges, invoices and counts stay.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from django.db import connection
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from accounts.models import ADMINS, Membership
from core import outbox
from core.models import Email
from core.sql import statement
from core.tenancy import system
from hosting.cloudapi import sends
from hosting.media import references
from hosting.models import Conversation, Event, Message, Number, Retention

log = structlog.get_logger(__name__)
NOTICE_PERIOD = timedelta(days=14)
EMAIL = "retention"
BATCH = 1000
EVENTS_KEPT = timedelta(days=30)
# Stands for "unlimited" where days are compared.
UNLIMITED_DAYS = 10**6


def schedule_changes() -> int:
    """Schedule changed retention times of numbers, and mail owners about deletions.

    Return how many.
    """
    with system("numbers of every business"):
        wanted = Coalesce(Least("business__plan__days_kept", "days_kept"), UNLIMITED_DAYS)
        known = Coalesce("retention__next_days", "retention__days", UNLIMITED_DAYS)
        changed = Number.objects.annotate(wanted=wanted, known=known).exclude(wanted=F("known"))
        rows = list(changed.select_related("business__plan").order_by("id")[:500])
        for number in rows:
            _schedule(number, None if number.wanted == UNLIMITED_DAYS else number.wanted)
        _activate_due()
    return len(rows)


def _schedule(number: Number, days: int | None) -> None:
    held, _created = Retention.objects.select_for_update().get_or_create(
        number=number, defaults={"business_id": number.business_id}
    )
    is_longer = days is None or (held.days is not None and days >= held.days)
    if is_longer or not _has_older(number, days or 0):
        held.days, held.next_days, held.starts_at = days, None, None
    else:
        now = timezone.now()
        held.next_days, held.announced_at, held.starts_at = days, now, now + NOTICE_PERIOD
        _mail_owners(number, held)
    held.save()


def _has_older(number: Number, days: int) -> bool:
    """Return whether messages would be deleted during the notice period."""
    edge = number.business.now() - timedelta(days=days) + NOTICE_PERIOD
    return Message.objects.filter(
        business_id=number.business_id, number=number, created_at__lt=edge
    ).exists()


def _activate_due() -> None:
    """Activate announced times whose notice was handed over long enough ago; put off the others."""
    now = timezone.now()
    for held in Retention.objects.select_for_update().filter(starts_at__lte=now).order_by("id"):
        handed_over_at = _handed_over_at(held)
        if handed_over_at is None:
            continue
        held.starts_at = handed_over_at + NOTICE_PERIOD
        if held.starts_at <= now:
            held.days, held.next_days, held.starts_at = held.next_days, None, None
        held.save(update_fields=["days", "next_days", "starts_at"])


def _handed_over_at(held: Retention) -> datetime | None:
    """When the last owner's notice was handed over to a mail server.

    None while one waits, and when none was handed over. A notice that is dead or of unknown result
    does not count: another owner's may.
    """
    notices = Email.objects.filter(kind=EMAIL, key=_key(held))
    if notices.filter(state__in=[Email.State.WAITING, Email.State.SENDING]).exists():
        return None
    found: datetime | None = notices.aggregate(last=Max("sent_at"))["last"]
    return found


def _key(held: Retention) -> str:
    assert held.announced_at is not None, "only what was announced has a notice"
    return f"{held.pk}-{held.announced_at:%Y%m%dT%H%M%S.%f}"


def _mail_owners(number: Number, held: Retention) -> None:
    owners = Membership.objects.filter(business_id=number.business_id, role__in=ADMINS)
    context = {
        "number": number,
        "business": number.business,
        "days": held.next_days,
        "starts_at": held.starts_at,
    }
    outbox.write(
        outbox.render(EMAIL, context),
        key=_key(held),
        recipients=sorted(owners.values_list("user__email", flat=True)),
        business_id=number.business_id,
    )


@dataclass(frozen=True, slots=True)
class PurgeTask:
    """One number whose messages before a time are to be deleted."""

    retention_id: int
    business_id: int
    number_id: int
    before: datetime


def purge_due(*, batch: int = BATCH, batches: int = 50) -> int:
    """Delete messages past their retention, a batch a transaction; return how many."""
    total = 0
    for task in _tasks():
        deleted = 0
        for _n in range(batches):
            count = _purge_batch(task, batch)
            deleted += count
            if count < batch:
                break
        _finish(task, deleted)
        total += deleted
    return total


def _tasks() -> list[PurgeTask]:
    with system("numbers of every business"):
        rows = Retention.objects.filter(days__isnull=False, number__held_at=None).select_related(
            "number__business"
        )
        return [
            PurgeTask(
                row.pk,
                row.business_id,
                row.number_id,
                row.number.business.now() - timedelta(days=row.days or 0),
            )
            for row in rows.order_by("id")
        ]


def _purge_batch(task: PurgeTask, limit: int) -> int:
    with system("messages past their time"), connection.cursor() as cursor:
        # One worker after the other purges a number; one put on hold meanwhile is left alone.
        mine = Retention.objects.select_for_update(of=("self",))
        if not mine.filter(pk=task.retention_id, number__held_at=None).exists():
            return 0
        cursor.execute(
            statement("hosting", "purge_messages"),
            {
                "business_id": task.business_id,
                "number_id": task.number_id,
                "before": task.before,
                "limit": limit,
            },
        )
        rows = cursor.fetchall()
        references.mark_deleted(business_id=task.business_id, media_ids=_media_ids(rows))
        return len(rows)


def _media_ids(rows: list[tuple[str, Any]]) -> set[str]:
    held = (
        (kind, orjson.loads(content) if isinstance(content, str) else content)
        for kind, content in rows
        if content
    )
    return {
        str(one["id"])
        for kind, content in held
        for _kind, one in sends.media_of(kind, content)
        if one.get("id")
    }


def _finish(task: PurgeTask, deleted: int) -> None:
    with system("messages past their time"):
        if deleted:
            # The inbox must not show text of deleted messages.
            Conversation.objects.filter(
                number=task.number_id, last_message_at__lt=task.before
            ).exclude(Q(last_message_text="") | Q(contact__held_at__isnull=False)).update(
                last_message_text=""
            )
            log.info("messages_purged", number=task.number_id, messages=deleted)
        Retention.objects.filter(pk=task.retention_id).update(
            last_run_at=timezone.now(), last_messages=deleted, messages=F("messages") + deleted
        )


def delete_old_events(*, limit: int = 5000, batches: int = 200) -> int:
    """Delete raw webhook events a month after they were applied, a batch a transaction; return
    how many.
    """
    total = 0
    for _n in range(batches):
        with system("raw events of every business"):
            old = Event.objects.filter(applied_at__lt=timezone.now() - EVENTS_KEPT).order_by("id")
            ids = list(old.values_list("id", flat=True)[:limit])
            total += Event.objects.filter(pk__in=ids)._raw_delete("default")
        if len(ids) < limit:
            break
    return total
