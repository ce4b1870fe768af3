"""App configuration of `core`."""

from typing import Any

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Mechanisms without business rules."""

    name = "core"
    verbose_name = "Core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Wake the worker that sends mails whenever some were written."""
        from core.outbox import emails_written

        emails_written.connect(_wake_sender)


def _wake_sender(**_ignored: Any) -> None:
    from core.tasks import send_emails
    from core.wake import ring

    ring(send_emails)
