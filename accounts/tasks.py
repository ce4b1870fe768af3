"""Celery tasks of accounts."""

from celery import shared_task

from accounts.plans import changes


@shared_task
def plans() -> None:
    """Apply scheduled plan changes whose month has begun."""
    changes.apply_due()
