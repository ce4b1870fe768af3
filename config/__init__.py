"""Configuration of Parley: settings, URLs, entry points; no business rules."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
