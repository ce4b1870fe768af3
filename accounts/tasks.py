"""Celery tasks of accounts."""

from celery import shared_task
from django.utils import timezone

from accounts.models import Heartbeat
from accounts.plans import changes


@shared_task
def heartbeat() -> None:
    """Say that a worker is alive, for /readyz."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"beat_at": timezone.now()})


@shared_task
def plans() -> None:
    """Carry out changes of plans whose month has begun."""
    changes.apply_due()
