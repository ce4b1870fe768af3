"""WSGI entry point, for pages and API."""

import os

from django.core.wsgi import get_wsgi_application

from config.environment import run_as_web

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Its login to the database cannot do what the workers' can.
run_as_web()
application = get_wsgi_application()
