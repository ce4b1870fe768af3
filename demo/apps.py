"""App configuration of `demo`."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Seeds a demo business."""

    name = "demo"

    def ready(self) -> None:
        """Show above the demo's pages how far its history is."""
        from accounts.dashboard.panels import banner_sources
        from demo import progress

        banner_sources.register(progress.banners)
