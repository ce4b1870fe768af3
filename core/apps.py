"""App configuration of `core`."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Mechanisms without business rules."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"
