"""Celery tasks of hosting: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

import time

from celery import shared_task

from accounts.tenancy import system
from hosting import (
    broadcasting,
    calling,
    erasing,
    exporting,
    importing,
    linking,
    locking,
    purging,
    receiving,
    refusing,
    repeating,
    retrieving,
    reviewing,
    storing,
    synchronising,
    warning,
    weighing,
)
from hosting.bells import ring
from hosting.transports import cloudapi, receipts, sandbox

# A woken worker stays this long after the last row, so that rings in between can be skipped.
LINGER = 0.06
LONGEST = 20.0


def _until_idle(*verbs) -> None:  # type: ignore[no-untyped-def]
    deadline, idle_until = time.monotonic() + LONGEST, time.monotonic() + LINGER
    while time.monotonic() < min(deadline, idle_until):
        if sum(verb() for verb in verbs):
            idle_until = time.monotonic() + LINGER
            calling.wake()
            retrieving.wake()
        else:
            time.sleep(LINGER / 3)


@shared_task
def deliver() -> None:
    """Hand accepted messages to their transports, and apply what a sandbox phone answers."""
    cloudapi.wake()
    receipts.wake()
    _until_idle(sandbox.deliver_due, receiving.apply_due)


@shared_task
def fetch_links() -> None:
    """Fetch the media links of accepted messages, then let them leave."""
    _until_idle(linking.fetch_due)
    cloudapi.wake()
    _until_idle(sandbox.deliver_due, receiving.apply_due)


@shared_task
def apply() -> None:
    """Apply stored webhook events."""
    _until_idle(receiving.apply_due)


@shared_task
def sweep() -> None:
    """Find what no bell was rung for."""
    sandbox.deliver_due()
    cloudapi.release()
    cloudapi.wake()
    receipts.wake()
    receiving.apply_due()
    receiving.unpark()
    retrieving.wake()
    calling.wake()


@shared_task
def call() -> None:
    """Make the webhook calls that are due."""
    calling.wake()


@shared_task
def synchronise() -> None:
    """Synchronise the templates of accounts that have an upstream."""
    synchronising.synchronise_due()
    calling.wake()


@shared_task
def forget() -> None:
    """Forget the customers who wait for it, a few at a time, so that other work comes in between."""
    if erasing.erase_due() == erasing.AT_ONCE:
        forget.delay()


@shared_task
def purge() -> None:
    """Announce what will be kept shorter, and delete what is past its time."""
    purging.announce()
    purging.purge_due()
    purging.forget_events()


@shared_task
def tidy() -> None:
    """Give up what is too old to be called, forget what was called long ago, remove files that nothing names."""
    calling.expire()
    calling.purge()
    if reviewing.resume_due():
        calling.wake()
    erasing.erase_due()
    locking.unlock_due()
    locking.purge_due()
    warning.warn_due()
    weighing.tidy()
    with system("files and replies of every business"):
        storing.collect_garbage()
        repeating.forget()
        refusing.forget()
        importing.expire()
        exporting.expire()


@shared_task
def move_history() -> None:
    """Do a slice of an import and of an export, and ring again while there is more: other work has its turn between."""
    if importing.work_due() + exporting.work_due():
        ring(move_history)


@shared_task
def broadcast() -> None:
    """Write to the lists that are due; a paced number rests for a moment between."""
    deadline, idle_until = time.monotonic() + LONGEST, time.monotonic() + LINGER
    while time.monotonic() < min(deadline, idle_until):
        if broadcasting.work_due():
            ring(deliver)
            idle_until = time.monotonic() + 5 * LINGER
        else:
            time.sleep(LINGER / 3)
