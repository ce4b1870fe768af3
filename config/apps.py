"""App configuration of `config`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WiringConfig(AppConfig):
    """What concerns all apps: the groups of operators."""

    name = "config"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Set the permissions of the groups after each app's migration has created them."""
        from config.operators import set_group_permissions

        post_migrate.connect(set_group_permissions, dispatch_uid="config.operators")
