"""Celery tasks of billing: they carry no data.

Each wakes, claims rows in PostgreSQL, and works on them.
"""

import time

from celery import shared_task

from billing import finance_exports, spend_caps
from billing.invoices import close
from billing.metering import meter, reconciliation
from billing.payments import dunning, stripe_collection
from core.queue.sweep import run_steps

LONGEST = 20.0


def _meter_all() -> None:
    deadline = time.monotonic() + LONGEST
    while meter.meter_due() and time.monotonic() < deadline:
        pass


@shared_task
def sweep() -> None:
    """Price what was delivered, until nothing waits; then look after the spend caps."""
    run_steps(_meter_all, spend_caps.release_commitments, spend_caps.raise_alerts)


@shared_task
def close_due_periods() -> None:
    """Invoice the months that are over and past their grace."""
    close.close_due_periods()


@shared_task
def collect() -> None:
    """Take the steps of dunning that are due, charge and look up payments."""
    run_steps(dunning.run_due, stripe_collection.collect_due)


@shared_task
def reconcile() -> None:
    """Recount the books every night; differences are logged as errors and kept for the admin."""
    run_steps(reconciliation.request_recount, reconciliation.run_due)


@shared_task
def recount() -> None:
    """Do the recounts that operators asked for."""
    reconciliation.run_due()


@shared_task
def export() -> None:
    """Make the finance exports that wait; remove old files."""
    run_steps(finance_exports.run_due, finance_exports.expire_files)
