"""App configuration of `demo`."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Seeds a business to look at."""

    name = "demo"
