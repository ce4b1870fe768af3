"""The Celery app: tasks carry no data, they only wake whoever claims rows in PostgreSQL."""

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
    """Leave logging as settings.LOGGING made it."""


@worker_process_init.connect
def drop_inherited_connections(**_: Any) -> None:
    """Close database connections that a forked worker inherited from its parent."""
    from django.db import connections

    connections.close_all()


@worker_init.connect
def listen(**_: Any) -> None:
    """Price deliveries as soon as PostgreSQL tells of them, also while the broker is away; once a worker, not a child."""
    from billing.metering.listener import Listener

    Listener().start()
