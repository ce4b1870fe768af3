"""Celery tasks of shops: they carry no data; each wakes, claims rows in PostgreSQL, and does them."""

from celery import shared_task

from accounts.tenancy import system
from shops import ordering


@shared_task
def sweep() -> None:
    """Give back the goods of orders that were not paid in time."""
    with system("orders expire for every shop"):
        ordering.expire_due()
