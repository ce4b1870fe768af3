"""ASGI entry point, for live event streams only.

Pages and API are served by WSGI, which is ten times faster for them.
"""

import os

import django

from config.environment import run_as_web

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Its login to the database cannot do what the workers' can.
run_as_web()
django.setup()

from hosting.live.stream import application  # noqa: E402

__all__ = ["application"]
