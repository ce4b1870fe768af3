"""App configuration of `config`: what is about all apps at once."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WiringConfig(AppConfig):
    """The groups of operators."""

    name = "config"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Ship the groups with every migration, after the permissions they hold."""
        from config.operators import ship

        post_migrate.connect(ship, dispatch_uid="config.operators.ship")
