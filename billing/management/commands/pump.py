"""`manage.py pump`: do what worker and beat do, in one process and without a broker."""

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

from billing.metering.listener import Ear

log = structlog.get_logger(__name__)
IDLE = 0.2
TOLD = "billing.sweep"  # what is run at once when deliveries wait


@dataclass(slots=True)
class Job:
    """One entry of the beat's schedule; `work` is the task, called here and now."""

    name: str
    schedule: Any
    work: Callable[[], Any]
    last_run: datetime = field(default_factory=timezone.now)

    def run_if_due(self) -> bool:
        """Run it when its schedule says so; a failure is logged, its rows stay waiting."""
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
            log.exception("pump_failed", job=self.name)
        finally:
            close_old_connections()


def jobs() -> list[Job]:
    """The same schedule that beat reads."""
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    current_app.loader.import_default_modules()
    return [
        Job(name, maybe_schedule(entry["schedule"]), current_app.tasks[entry["task"]])
        for name, entry in schedule.items()
    ]


class Command(BaseCommand):
    """Every row that waits is found by a sweep, so the broker and its workers can be left out."""

    help = "Do what worker and beat do, in one process and without a broker; Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For ever, or once."""
        parser.add_argument("--once", action="store_true", help="run every sweep once and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run what is due, again and again."""
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
        self.stdout.write(f"Pumping {len(found)} jobs. Ctrl-C ends it.")
        ear, at_once = Ear(), [job for job in found if job.name == TOLD]
        while going:
            ran = [job.run_if_due() for job in found]
            if not any(ran) and ear.wait(IDLE):
                for job in at_once:
                    job.run()
        ear.close()
