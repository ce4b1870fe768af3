"""A period for every month of every business since it began; fees from the first day on a plan."""

import io
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Business, Plan, PlanTerm
from accounts.plans import changes
from billing.invoices import close, draft
from billing.invoices.clock import advance_clock
from billing.models import Invoice, Period
from core.tenancy import system
from tests.factories import make_deliveries, make_number

APRIL, MAY, JUNE, JULY = (date(2026, month, 1) for month in (4, 5, 6, 7))


def at(business: Business, moment: datetime) -> Business:
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=moment)
        return Business.objects.select_related("plan").get(pk=business.pk)


def founded(moment: datetime, **fields: object) -> Business:
    """A business that really began at a moment: the trigger's own plan term is kept."""
    with system("test"):
        return Business.objects.create(
            name="New", timezone="UTC", clock_at=moment, **{"plan_id": "team"} | fields
        )


def billed() -> list[tuple[int, date, int]]:
    with system("test"):
        return [
            (one.business_id, one.period.month, one.total_minor)
            for one in Invoice.objects.select_related("period").order_by("period__month", "id")
        ]


def test_a_business_that_sends_nothing_pays_its_fee_every_month(db: None) -> None:
    business = founded(datetime(2026, 5, 1, tzinfo=UTC))
    at(business, datetime(2026, 8, 4, tzinfo=UTC))  # 95 days on
    assert len(close.close_due_periods()) == 3
    assert billed() == [(business.pk, month, 4900) for month in (MAY, JUNE, JULY)]
    assert close.close_due_periods() == []
    with system("test"):
        states = Period.objects.filter(business=business).order_by("month")
        assert list(states.values_list("month", "state")) == [
            (MAY, "closed"),
            (JUNE, "closed"),
            (JULY, "closed"),
            (date(2026, 8, 1), "open"),
        ]


def test_a_month_with_nothing_is_closed_without_an_invoice(db: None) -> None:
    business = founded(datetime(2026, 5, 20, tzinfo=UTC), plan_id="free")
    at(business, datetime(2026, 7, 3, tzinfo=UTC))
    assert close.close_due_periods() == []
    with system("test"):
        closed = Period.objects.filter(business=business, state="closed").order_by("month")
        assert list(closed.values_list("month", flat=True)) == [MAY, JUNE]
    assert billed() == []


def test_command_clock_and_sweep_issue_the_same(db: None) -> None:
    # Founded on 16 May: 16 of 31 days, 49 x 16 / 31 = 25.2903... = $25.29; then $49.00.
    day = datetime(2026, 5, 16, 15, tzinfo=UTC)
    swept, moved, ordered = (founded(day) for _ in range(3))
    at(swept, datetime(2026, 7, 2, tzinfo=UTC))
    close.close_due_periods()
    make_number(moved, is_test=True)
    advance_clock(business=moved, to=datetime(2026, 7, 2, tzinfo=UTC))
    at(ordered, datetime(2026, 7, 2, tzinfo=UTC))
    for month in ("2026-04", "2026-05", "2026-06"):
        call_command(
            "close_period", "--month", month, business=ordered.pk, stdout=(out := io.StringIO())
        )
    assert "PARLEY-2026" in out.getvalue()
    for business in (swept, moved, ordered):
        assert [row[1:] for row in billed() if row[0] == business.pk] == [
            (MAY, 2529),
            (JUNE, 4900),
        ]
    with pytest.raises(CommandError, match="not over yet"):
        call_command("close_period", "--month", "2026-07", business=ordered.pk)


def test_a_month_before_the_business_began_is_not_billed_and_no_period(db: None) -> None:
    business = founded(datetime(2026, 6, 10, tzinfo=UTC))
    assert close.close_period(business=business, month=MAY) is None
    out = io.StringIO()
    call_command("close_period", "--month", "2026-05", stdout=out)
    assert "nothing to issue for 2026-05" in out.getvalue()
    with system("test"):
        assert not Invoice.objects.exists()
        assert not Period.objects.filter(business=business, month__lt=JUNE).exists()


def test_messages_from_before_the_first_plan_have_their_month(db: None) -> None:
    business = founded(datetime(2026, 6, 1, tzinfo=UTC), plan_id="free")
    make_deliveries(business, make_number(business), 3, at=datetime(2026, 4, 30, tzinfo=UTC))
    invoice = close.close_period(business=business, month=APRIL)
    assert invoice is not None
    assert invoice.total_minor == 3  # 3 x 0.0091
    at(business, datetime(2026, 6, 3, tzinfo=UTC))
    assert close.close_due_periods() == []
    with system("test"):
        months = Period.objects.filter(business=business).order_by("month")
        assert list(months.values_list("month", flat=True)) == [APRIL, MAY, JUNE]


def test_one_day_on_a_plan_costs_one_day(db: None) -> None:
    business = founded(datetime(2026, 5, 31, 23, tzinfo=UTC))
    at(business, datetime(2026, 6, 2, tzinfo=UTC))
    (invoice,) = close.close_due_periods()
    # 49 / 31 = 1.5806...
    assert invoice.total_minor == 158


def test_up_and_down_in_one_month_is_charged_by_days(db: None) -> None:
    business = founded(datetime(2026, 5, 6, tzinfo=UTC), plan_id="free")
    for day, plan in ((11, "team"), (21, "free")):
        business = at(business, datetime(2026, 5, day, 9, tzinfo=UTC))
        with system("test"):
            changes.move(business, Plan.objects.get(pk=plan))
    at(business, datetime(2026, 6, 2, tzinfo=UTC))
    (invoice,) = close.close_due_periods()
    # Ten days on Team, 11 to 20 May: 49 x 10 / 31 = 15.8064...
    assert invoice.total_minor == 1581
    with system("test"):
        (line,) = invoice.lines.all()
    assert line.description == "Hosting, plan Team, 11 to 20 May (10 of 31 days)"


def test_a_plan_that_costs_more_later_costs_no_more_for_the_days_before(db: None) -> None:
    business = founded(datetime(2026, 5, 1, tzinfo=UTC))
    at(business, datetime(2026, 6, 16, tzinfo=UTC))
    with system("test"):
        Plan.objects.filter(pk="team").update(monthly_fee_micros=98_000_000)
        assert PlanTerm.objects.filter(business=business).count() == 2
    at(business, datetime(2026, 8, 2, tzinfo=UTC))
    close.close_due_periods()
    # June: 15 days at 49 and 15 at 98: 24.50 + 49.00.
    assert [total for _, _, total in billed()] == [4900, 7350, 9800]


def test_months_follow_each_other_without_gap_in_any_time_zone(db: None) -> None:
    business = founded(datetime(2025, 9, 30, 23, tzinfo=UTC))
    with system("test"):
        Business.objects.filter(pk=business.pk).update(timezone="Pacific/Auckland")
    business = at(business, datetime(2026, 5, 31, 12, tzinfo=UTC))  # 1 June in Auckland
    with system("test"):
        draft.open_months()
        draft.open_months(business)
        periods = list(Period.objects.filter(business=business).order_by("month"))
    assert [one.month.month for one in periods] == [10, 11, 12, 1, 2, 3, 4, 5, 6]
    for earlier, later in itertools.pairwise(periods):
        assert earlier.ends_at == later.starts_at
    assert periods[-1].starts_at <= business.now() < periods[-1].ends_at + timedelta(0)
