"""Celery tasks of billing: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

import time

from celery import shared_task

from billing import collecting, dunning, exports, invoicing, mailing, metering, reconciling, spending

LONGEST = 20.0


@shared_task
def sweep() -> None:
    """Price what was delivered, until nothing waits; then see to the spend caps."""
    deadline = time.monotonic() + LONGEST
    while metering.meter_due() and time.monotonic() < deadline:
        pass
    spending.release_commitments()
    spending.raise_alerts()


@shared_task
def close_due_periods() -> None:
    """Invoice the months that are over and past their grace."""
    invoicing.close_due_periods()


@shared_task
def collect() -> None:
    """Take the steps of dunning that are due, charge and look up payments, send what waits in the outbox."""
    dunning.run_due()
    collecting.collect_due()
    mailing.send_due()


@shared_task
def reconcile() -> None:
    """Recount the books every night; differences are logged as errors and kept for the admin."""
    reconciling.ask()
    reconciling.run_due()


@shared_task
def recount() -> None:
    """Do the recounts that operators asked for."""
    reconciling.run_due()


@shared_task
def export() -> None:
    """Make the finance exports that wait; remove old files."""
    exports.run_due()
    exports.expire()
