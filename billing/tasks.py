"""Celery tasks of billing: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

import time

from celery import shared_task

from billing import collecting, dunning, invoicing, mailing, metering

LONGEST = 20.0


@shared_task
def sweep() -> None:
    """Price what was delivered, until nothing waits."""
    deadline = time.monotonic() + LONGEST
    while metering.meter_due() and time.monotonic() < deadline:
        pass


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
