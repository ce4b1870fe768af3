"""Celery tasks of accounts."""

from celery import shared_task
from django.utils import timezone

from accounts.models import Heartbeat


@shared_task
def heartbeat() -> None:
    """Say that a worker is alive, for /readyz."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"beat_at": timezone.now()})
