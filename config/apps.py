"""App configuration of `config`."""

from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import register
from django.db.models.signals import post_migrate


class WiringConfig(AppConfig):
    """What concerns all apps: the groups of operators, and tables that no business owns."""

    name = "config"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Set the permissions of the groups after each app's migration has created them."""
        from config.checks import check_logins
        from config.operators import set_group_permissions

        register(check_logins, "database_logins", deploy=True)

        post_migrate.connect(set_group_permissions, dispatch_uid="config.operators")
        # Sent for each app that has models, when the tables of all are there.
        core = apps.get_app_config("core")
        post_migrate.connect(_close_tables, sender=core, dispatch_uid="config.tenancy")


def _close_tables(using: str, **_ignored: Any) -> None:
    from core import tenancy

    tenancy.install(using)
