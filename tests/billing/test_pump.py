"""The pump knows every job of the beat, and one job that fails does not stop the others."""

from celery.schedules import schedule

from billing.management.commands import pump


def test_every_job_of_the_beat_is_known_to_the_pump(settings):
    assert [job.name for job in pump.jobs()] == list(settings.CELERY_BEAT_SCHEDULE)


def test_job_runs_when_due_and_survives_its_own_failure():
    ran = []

    def work():
        ran.append(1)
        raise ValueError("broken")

    assert not pump.Job("later", schedule(60), work).run_if_due()
    assert pump.Job("now", schedule(0), work).run_if_due()
    assert ran == [1]
