"""Celery tasks of hosting: they carry no data.

Each wakes, claims rows in PostgreSQL, and does them.
"""

import time

from celery import shared_task

from core.tenancy import system
from core.wake import notify
from hosting import quota
from hosting.broadcasts import run
from hosting.exports import jobs
from hosting.imports import jobs as imports_jobs
from hosting.inbound import events, upstream_media
from hosting.limits import locked_messages, notices
from hosting.media import store
from hosting.message_templates import review, upstream_sync
from hosting.messages import idempotency, rejections
from hosting.privacy import erasure, retention
from hosting.transports import cloudapi, media_links, receipts, sandbox
from hosting.webhooks import delivery

# A woken worker stays this long after the last row, so that rings in between can be skipped.
LINGER = 0.06
LONGEST = 20.0


def _until_idle(*verbs) -> None:  # type: ignore[no-untyped-def]
    deadline, idle_until = time.monotonic() + LONGEST, time.monotonic() + LINGER
    while time.monotonic() < min(deadline, idle_until):
        if sum(verb() for verb in verbs):
            idle_until = time.monotonic() + LINGER
            delivery.wake()
            upstream_media.wake()
        else:
            time.sleep(LINGER / 3)


@shared_task
def deliver() -> None:
    """Hand accepted messages to their transports, and apply what a sandbox phone answers."""
    cloudapi.wake()
    receipts.wake()
    _until_idle(sandbox.deliver_due, events.apply_due)


@shared_task
def fetch_links() -> None:
    """Fetch the media links of accepted messages, then let them leave."""
    _until_idle(media_links.fetch_due)
    cloudapi.wake()
    _until_idle(sandbox.deliver_due, events.apply_due)


@shared_task
def apply() -> None:
    """Apply stored webhook events."""
    _until_idle(events.apply_due)


@shared_task
def sweep() -> None:
    """Find what no bell was rung for."""
    sandbox.deliver_due()
    cloudapi.release()
    cloudapi.wake()
    receipts.wake()
    events.apply_due()
    events.unpark()
    upstream_media.wake()
    delivery.wake()


@shared_task
def call() -> None:
    """Make the webhook calls that are due."""
    delivery.wake()


@shared_task
def synchronise() -> None:
    """Synchronise the templates of accounts that have an upstream."""
    upstream_sync.synchronise_due()
    delivery.wake()


@shared_task
def forget() -> None:
    """Forget the customers who wait for it, a few at a time, so that other work comes in between."""
    if erasure.erase_due() == erasure.AT_ONCE:
        forget.delay()


@shared_task
def purge() -> None:
    """Announce what will be kept shorter, and delete what is past its time."""
    retention.schedule_changes()
    retention.purge_due()
    retention.delete_old_events()


@shared_task
def tidy() -> None:
    """Give up what is too old to be called, forget what was called long ago, remove files that
    nothing names.
    """
    delivery.expire()
    delivery.purge()
    if review.resume_due():
        delivery.wake()
    erasure.erase_due()
    locked_messages.unlock_due()
    locked_messages.purge_due()
    notices.send_due_notices()
    quota.unlock_or_expire()
    with system("files and replies of every business"):
        store.collect_garbage()
        idempotency.delete_expired()
        rejections.delete_expired()
        imports_jobs.expire()
        jobs.expire()


@shared_task
def move_history() -> None:
    """Do a slice of an import and of an export, and ring again while there is more: other work has
    its turn between.
    """
    if imports_jobs.work_due() + jobs.work_due():
        notify(move_history)


@shared_task
def broadcast() -> None:
    """Write to the lists that are due; a paced number rests for a moment between."""
    deadline, idle_until = time.monotonic() + LONGEST, time.monotonic() + LINGER
    while time.monotonic() < min(deadline, idle_until):
        if run.work_due():
            notify(deliver)
            idle_until = time.monotonic() + 5 * LINGER
        else:
            time.sleep(LINGER / 3)
