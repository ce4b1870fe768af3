"""App configuration of `hosting`: what was said."""

from functools import partial

from django.apps import AppConfig


class HostingConfig(AppConfig):
    """Numbers, conversations, messages, and the doors they come and go by."""

    name = "hosting"
    verbose_name = "Hosting"

    def ready(self) -> None:
        """Tell the health page which queues there are."""
        from accounts import health
        from hosting import waiting

        for queue in ("events", "outgoing"):
            health.queues[queue] = partial(waiting.age_of, queue)
