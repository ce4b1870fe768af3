"""The demo's history is made while people look: its banner, and going on after an interruption."""

from datetime import UTC, date, datetime

import httpx
import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client

from accounts.models import PlanTerm
from billing.invoices import close
from billing.models import BillingDetails, CreditNote, Invoice
from core.tenancy import system
from demo import clock, invoices, progress, script, seed
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


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # On the first two days the month before cannot be closed yet.
        (datetime(2026, 12, 1, 8, tzinfo=UTC), ["2026-09-01", "2026-10-01"]),
        (datetime(2026, 12, 3, 20, tzinfo=UTC), ["2026-09-01", "2026-10-01", "2026-11-01"]),
        (datetime(2026, 12, 31, 20, tzinfo=UTC), ["2026-09-01", "2026-10-01", "2026-11-01"]),
    ],
)
def test_the_demo_has_two_ended_months_at_least(now: datetime, expected: list[str]) -> None:
    months = invoices.ended_months(seed.founded(now).date(), now)
    assert [month.date().isoformat() for month in months] == expected


def test_the_demo_leaves_one_invoice_open_one_past_due_and_a_credit_note() -> None:
    demo = seed.create(httpx.WSGITransport(app=get_wsgi_application()))
    business = demo.business
    with system("the test's demo began earlier"):
        PlanTerm.objects.filter(business=business).update(started_at=seed.founded(NOW))
    invoices.hold_back(business)
    # What a worker does meanwhile is not issued.
    clock.set_clock(business, datetime(2026, 9, 3, tzinfo=UTC))
    with system("test"):
        business.refresh_from_db()
    assert close.close_period(business=business, month=date(2026, 8, 1)).number is None
    invoices.issue(business, seed.founded(NOW).date(), NOW)
    invoices.issue(business, seed.founded(NOW).date(), NOW)
    clock.set_clock(business, NOW)
    with system("test"):
        found = Invoice.objects.filter(business=business).order_by("number")
        # Each costs the Team plan's fee, 49.00; the second is credited 4.90 of it.
        assert [
            (str(one.issued_on), str(one.due_at.date()), one.status, one.due_now()) for one in found
        ] == [
            ("2026-09-02", "2026-09-16", "paid", 0),
            ("2026-11-07", "2026-11-21", "open", 4410),
            ("2026-11-22", "2026-12-06", "open", 4900),
        ]
        note = CreditNote.objects.get(business=business)
        assert (note.invoice, note.total_minor, str(note.issued_on)) == (
            found[1],
            490,
            "2026-11-22",
        )
        assert not BillingDetails.of(business).needs_approval
