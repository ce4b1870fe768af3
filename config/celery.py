"""The Celery app: tasks carry no data and only wake workers, which claim rows in PostgreSQL."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("parley")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """Keep the logging of settings.LOGGING."""


@worker_process_init.connect
def drop_inherited_connections(**_: Any) -> None:
    """Close database connections that a forked worker inherited from its parent."""
    from django.db import connections

    connections.close_all()


@worker_init.connect
def start_listener(**_: Any) -> None:
    """Meter deliveries on PostgreSQL's notifications, also while the broker is unavailable.

    Runs once per worker, not in its child processes.
    """
    from billing.metering.listener import Listener

    Listener().start()
