"""App configuration of `core`."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Mechanisms without business rules."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the health checks that need no other app."""
        from core import health

        health.checks.register(health.HealthCheck("database", health.check_database))
        health.checks.register(health.HealthCheck("broker", health.check_broker))
        health.checks.register(health.HealthCheck("queues", health.check_queues))
