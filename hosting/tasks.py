"""Celery tasks of hosting: they carry no data.

Each wakes, claims rows in PostgreSQL, and works on them.
"""

from celery import shared_task

from core.queue.sweep import across_businesses, run_steps, until_idle
from core.wake import notify
from hosting import quota
from hosting.broadcasts import run
from hosting.exports import jobs as export_jobs
from hosting.imports import jobs as import_jobs
from hosting.inbound import events, upstream_media
from hosting.limits import locked_messages, notices
from hosting.media import store
from hosting.message_templates import review, upstream_sync
from hosting.messages import idempotency, rejections
from hosting.privacy import erasure, retention
from hosting.transports import cloudapi, media_links, receipts, sandbox
from hosting.webhooks import delivery


def _wake_followers() -> None:
    delivery.wake()
    upstream_media.wake()


@shared_task
def deliver() -> None:
    """Hand accepted messages to their transports, and apply what a simulated phone answers."""
    run_steps(cloudapi.wake, receipts.wake)
    until_idle(sandbox.deliver_due, events.apply_due, after=_wake_followers)


@shared_task
def fetch_links() -> None:
    """Fetch the media links of accepted messages, then let them leave."""
    until_idle(media_links.fetch_due, after=cloudapi.wake)
    run_steps(cloudapi.wake)
    until_idle(sandbox.deliver_due, events.apply_due, after=_wake_followers)


@shared_task
def apply() -> None:
    """Apply stored webhook events."""
    until_idle(events.apply_due, after=_wake_followers)


@shared_task
def sweep() -> None:
    """Find rows for which no wake-up came."""
    run_steps(
        sandbox.deliver_due,
        cloudapi.release,
        cloudapi.wake,
        receipts.wake,
        events.apply_due,
        events.unpark,
        upstream_media.wake,
        delivery.wake,
    )


@shared_task
def call() -> None:
    """Make the webhook calls that are due."""
    delivery.wake()


@shared_task
def synchronise() -> None:
    """Synchronise the templates of accounts that have an upstream."""
    run_steps(upstream_sync.synchronise_due, delivery.wake)


@shared_task
def forget() -> None:
    """Erase the customers who wait for it, some at a time, so that other work comes in between."""
    if erasure.erase_due():
        notify(forget)


@shared_task
def purge() -> None:
    """Announce what will be kept shorter, and delete what is past its time."""
    run_steps(retention.schedule_changes, retention.purge_due, retention.delete_old_events)


@shared_task
def tidy() -> None:
    """Give up what is too old, and delete what is past its time and files that nothing names."""
    run_steps(
        delivery.expire,
        delivery.purge,
        review.resume_due,
        delivery.wake,
        erasure.erase_due,
        locked_messages.unlock_due,
        locked_messages.purge_due,
        notices.send_due_notices,
        quota.unlock_or_expire,
        across_businesses(store.collect_garbage),
        across_businesses(idempotency.delete_expired),
        across_businesses(rejections.delete_expired),
        across_businesses(import_jobs.expire),
        across_businesses(export_jobs.expire),
    )


@shared_task
def move_history() -> None:
    """Do a slice of an import and of an export; wakes itself again while there are more."""
    if import_jobs.work_due() + export_jobs.work_due():
        notify(move_history)


@shared_task
def broadcast() -> None:
    """Send the broadcasts that are due; a number at its rate limit rests for a moment between."""
    until_idle(run.work_due, after=lambda: notify(deliver), linger=0.3)
