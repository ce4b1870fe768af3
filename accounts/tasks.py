"""Celery tasks of accounts."""

from celery import shared_task

from accounts.heartbeat import beat
from accounts.plans import changes


@shared_task
def heartbeat() -> None:
    """Record that a worker runs, for /readyz."""
    beat()


@shared_task
def plans() -> None:
    """Apply scheduled plan changes whose month has begun."""
    changes.apply_due()
