"""`manage.py work`: run the jobs of worker and beat in one process, without a message broker."""

import signal
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from celery import current_app
from celery.schedules import crontab, maybe_schedule
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils import timezone

from billing.metering.listener import DeliveryNotifications

log = structlog.get_logger(__name__)
IDLE = 0.2
RUN_ON_DELIVERY = "billing.sweep"  # the job run at once on a notification


@dataclass(slots=True)
class Job:
    """An entry of the beat schedule; `work` is the task, called directly."""

    name: str
    schedule: Any
    work: Callable[[], Any]
    last_run: datetime = field(default_factory=timezone.now)

    def run_if_due(self) -> bool:
        """Run it when its schedule says so; a failure is logged and its rows stay waiting."""
        if not self.schedule.is_due(self.last_run).is_due:
            return False
        self.run()
        return True

    def run(self) -> None:
        """Run it now."""
        self.last_run = timezone.now()
        try:
            self.work()
        except Exception:
            log.exception("job_failed", job=self.name)
        finally:
            close_old_connections()


def jobs() -> list[Job]:
    """The jobs of the beat schedule."""
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    current_app.loader.import_default_modules()
    return [
        Job(name, maybe_schedule(entry["schedule"]), current_app.tasks[entry["task"]])
        for name, entry in schedule.items()
    ]


class Command(BaseCommand):
    """Runs the sweeps, which find every waiting row without broker or workers."""

    help = "Do what worker and beat do, in one process and without a broker; Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--once` runs every sweep once."""
        parser.add_argument("--once", action="store_true", help="run every sweep once and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run due jobs until stopped."""
        found = jobs()
        if options["once"]:
            for job in found:
                if not isinstance(job.schedule, crontab):
                    job.run()
            return
        going = True

        def stop(*_: Any) -> None:
            nonlocal going
            going = False

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.stdout.write(f"Running {len(found)} jobs. Ctrl-C ends it.")
        notifications, at_once = (
            DeliveryNotifications(),
            [job for job in found if job.name == RUN_ON_DELIVERY],
        )
        while going:
            ran = [job.run_if_due() for job in found]
            if not any(ran) and notifications.wait(IDLE):
                for job in at_once:
                    job.run()
        notifications.close()
