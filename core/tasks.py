"""Celery tasks of core: they carry no data; each wakes, claims rows in PostgreSQL, and does
them.
"""

from celery import shared_task

from core.heartbeat import beat
from core.outbox import send


@shared_task
def send_emails() -> None:
    """Send mails that are due, in a thread: a mail server may take its time."""
    send.send_in_background()


@shared_task
def heartbeat() -> None:
    """Record that a worker runs, for /status."""
    beat()
