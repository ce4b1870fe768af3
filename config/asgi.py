"""ASGI entry point: the live event streams only; pages and API are WSGI, which is ten times faster for them."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from hosting.live.stream import application  # noqa: E402

__all__ = ["application"]
