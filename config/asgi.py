"""ASGI entry point, for live event streams only.

Pages and API are served by WSGI, which is ten times faster for them.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from hosting.live.stream import application  # noqa: E402

__all__ = ["application"]
