"""App configuration of `demo`."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Seeds a demo business."""

    name = "demo"
