"""App configuration of `hosting`: what was said."""

from django.apps import AppConfig


class HostingConfig(AppConfig):
    """Numbers, conversations, messages, and the doors they come and go by."""

    name = "hosting"
    verbose_name = "Hosting"
