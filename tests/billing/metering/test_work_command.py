"""`manage.py work` runs the jobs without a broker, and one that fails does not stop the others."""

from celery.schedules import schedule
from django.core.management import call_command

from billing.management.commands import work
from billing.models import Charge
from core.tenancy import system
from tests.factories import make_business, make_deliveries, make_number


def test_it_prices_what_was_delivered(committed_db):
    business = make_business(timezone="UTC")
    make_deliveries(business, make_number(business), 2)
    call_command("work", "--once")
    with system("test"):
        assert [c.price_micros for c in Charge.objects.all()] == [9_100, 9_100]


def test_it_runs_every_job_of_the_beat(settings):
    assert [job.name for job in work.jobs()] == list(settings.CELERY_BEAT_SCHEDULE)


def test_job_runs_when_due_and_survives_its_own_failure():
    ran = []

    def do():
        ran.append(1)
        raise ValueError("broken")

    assert not work.Job("later", schedule(60), do).run_if_due()
    assert work.Job("now", schedule(0), do).run_if_due()
    assert ran == [1]
