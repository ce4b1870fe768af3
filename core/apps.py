"""App configuration of `core`."""

from typing import Any

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Mechanisms without business rules."""

    name = "core"
    verbose_name = "Core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register health checks, and wake the worker that sends mails whenever some were
        written.
        """
        from core import health, heartbeat, metrics
        from core.outbox import emails_written, send
        from core.queue import queues

        health.checks.register(
            health.HealthCheck("database", health.check_database, is_needed=True)
        )
        health.checks.register(health.HealthCheck("broker", health.check_broker))
        health.checks.register(health.HealthCheck("queues", health.check_queues))
        health.checks.register(health.HealthCheck("worker", heartbeat.check_worker))
        queues.register(send.QUEUE)
        for figure in metrics.own_figures():
            metrics.database_figures.register(figure)
        emails_written.connect(_wake_sender)


def _wake_sender(**_ignored: Any) -> None:
    from core.tasks import send_emails
    from core.wake import notify

    notify(send_emails)
