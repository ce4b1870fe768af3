"""The demo's history is made while people look: its banner, and going on after an interruption."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from demo import progress, script, seed
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_the_banner_counts_weeks_and_goes_when_the_demo_is_complete(client: Client) -> None:
    client.force_login(make_member(make_business(name=script.BUSINESS)))
    stranger = Client()
    stranger.force_login(make_member(make_business(name="Stranger")))
    with progress.shown() as show:
        show(3, 13)
        page = client.get("/").content.decode()
        assert "week 4 of 13" in page
        assert '<progress value="3" max="13">' in page
        piece = client.get("/demo/progress/")
        assert piece.status_code == 200
        assert 'hx-get="/demo/progress/"' in piece.content.decode()
        show(13, 13)
        assert "week 13 of 13" in client.get("/demo/progress/").content.decode()
        assert "<progress" not in stranger.get("/").content.decode()
        assert stranger.get("/demo/progress/").status_code == 286
    gone = client.get("/demo/progress/")
    # htmx stops asking at this status, and puts nothing in the banner's place.
    assert (gone.status_code, gone.content.strip()) == (286, b"")
    assert "<progress" not in client.get("/").content.decode()


def test_an_interrupted_history_goes_on_with_the_next_week() -> None:
    every = seed.weeks_left(NOW, None)
    first = seed.first_month(NOW)
    assert (first.date().isoformat(), len(every)) == ("2026-09-01", 11)
    assert seed.weeks_left(NOW, first) == every
    # In the third week of September: the fourth, which begins on the 25th, is next.
    assert seed.weeks_left(NOW, every[2][0].replace(hour=20)) == every[3:]
    assert every[3][0].day == 25
    assert seed.weeks_left(NOW, NOW) == []
