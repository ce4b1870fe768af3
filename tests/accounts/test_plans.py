"""Plan changes: a larger plan at once, a smaller one next month; days count for their last plan."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import AuditEntry, Business, Plan, PlanTerm
from accounts.plans import changes
from billing import plan_fees
from billing.errors import NotConfigured
from billing.invoices import draft
from billing.metering.usage import usage_of
from core.tenancy import scope, system
from tests.factories import make_business, make_member

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
MAY = date(2026, 5, 1)


@pytest.fixture
def business() -> Business:
    with system("test"):
        Plan.objects.filter(pk="team").update(monthly_fee_micros=49_000_000)
        Plan.objects.filter(pk="business").update(monthly_fee_micros=199_000_000)
    return make_business(plan_id="free", clock_at=NOON, timezone="America/New_York")


def at(business: Business, moment: datetime) -> Business:
    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=moment)
        return Business.objects.select_related("plan").get(pk=business.pk)


def take(business: Business, code: str) -> datetime | None:
    with scope(business.pk):
        return changes.choose(business, Plan.objects.get(pk=code))


def days(business: Business, month: date = MAY) -> list[tuple[str, int, int]]:
    with system("test"):
        return [
            (one.plan.pk, one.first.day, one.last.day) for one in changes.stretches(business, month)
        ]


def test_a_larger_plan_begins_at_once_and_is_charged_by_days(business: Business) -> None:
    assert take(business, "team") is None
    business = at(
        business, datetime(2026, 5, 22, 3, 59, tzinfo=UTC)
    )  # 23:59 of the 21st in New York
    assert take(business, "business") is None
    assert days(business) == [("free", 1, 9), ("team", 10, 20), ("business", 21, 31)]
    assert days(business, date(2026, 4, 1)) == []
    assert days(business, date(2026, 6, 1)) == [("business", 1, 30)]
    with system("test"):
        draft.ensure_period(business, MAY)
        made = draft.preview(business=business, month=MAY)
        assert made is not None
        # 49 x 11 / 31 = 17.387...; 199 x 11 / 31 = 70.6129...
        assert [
            (one.description, one.unit_price_micros, one.amount_minor) for one in made.lines
        ] == [
            ("Hosting, plan Team, 10 to 20 May (11 of 31 days)", 17_387_097, 1739),
            ("Hosting, plan Business, 21 to 31 May (11 of 31 days)", 70_612_903, 7061),
        ]
        assert usage_of(business, MAY).fee_micros == 88_000_000
        entry = AuditEntry.objects.filter(action="business.plan").latest("id")
    assert (entry.before, entry.after) == ({"plan": "team"}, {"plan": "business"})


def test_a_smaller_plan_begins_with_the_next_month_of_the_business(business: Business) -> None:
    take(business, "team")
    assert take(at(business, NOON), "free") == datetime(2026, 6, 1, 4, tzinfo=UTC)
    business = at(business, datetime(2026, 6, 1, 3, 59, 59, tzinfo=UTC))
    assert (changes.apply_due(), at(business, business.now()).plan_id) == (0, "team")
    business = at(business, datetime(2026, 6, 1, 4, tzinfo=UTC))
    assert (changes.apply_due(), changes.apply_due()) == (1, 0)
    business = at(business, business.now())
    assert (business.plan_id, business.next_plan_id, business.next_plan_at) == ("free", None, None)
    assert days(business) == [("free", 1, 9), ("team", 10, 31)]
    assert days(business, date(2026, 6, 1)) == [("free", 1, 30)]


def test_a_change_to_come_can_be_taken_back(business: Business) -> None:
    take(business, "team")
    business = at(business, NOON)
    take(business, "free")
    business = at(business, NOON)
    with scope(business.pk):
        changes.cancel(business)
    business = at(business, NOON + timedelta(days=40))
    assert (changes.apply_due(), business.plan_id, business.next_plan_id) == (0, "team", None)


def test_the_last_change_of_a_day_holds_for_the_day(business: Business) -> None:
    for code in ("team", "business", "team"):
        with system("test"):
            changes.move(business, Plan.objects.get(pk=code))
    assert days(business) == [("free", 1, 9), ("team", 10, 31)]
    with system("test"):
        assert PlanTerm.objects.filter(business=business).count() == 4
        assert [plan_fees.plan_fee(one) for one in changes.stretches(business, MAY)] == [
            0,
            34_774_194,
        ]


def test_what_cannot_be_taken_changes_nothing(business: Business, settings: object) -> None:
    with system("test"):
        Plan.objects.create(code="private", name="Private", is_public=False)
        Plan.objects.create(code="euro", name="Euro", monthly_fee_micros=1, currency="EUR")
    for code in ("free", "private", "euro"):
        with pytest.raises(changes.Refused):
            take(business, code)
    settings.STRIPE_API_KEY = "sk_test"  # type: ignore[attr-defined]
    with pytest.raises(NotConfigured):
        take(business, "team")
    assert (at(business, NOON).plan_id, at(business, NOON).next_plan_id) == ("free", None)
    with system("test"):
        assert PlanTerm.objects.filter(business=business).count() == 1


def test_the_page_shows_what_is_used_and_what_would_be_over(business: Business) -> None:
    client = Client()
    client.force_login(make_member(business))
    for _ in range(2):
        make_member(
            business, "agent"
        ) if business.plan.max_seats is None or business.plan.max_seats > 2 else None
    take(business, "team")
    for _ in range(3):
        make_member(business, "agent")
    page = client.get("/settings/plan/").content.decode()
    assert "Used of the Team plan" in page
    assert "Upgrade for $199.00 a month" in page
    # 10 to 31 May of 31 days: 199 x 22 / 31 and 49 x 22 / 31.
    words = "$141.23 for the 22 days left of this month, instead of $34.77; then $199.00 a month."
    assert words in page
    assert "Nothing is removed; no more can be added." in page
    assert "Change on 1 Jun 2026" in page
    answer = client.post("/settings/plan/choose/", {"plan": "free"}, follow=True)
    assert "The Free plan begins on 1 June 2026." in answer.content.decode()
    answer = client.post("/settings/plan/keep/", follow=True)
    assert "Nothing changes: you keep your plan." in answer.content.decode()
    assert client.post("/settings/plan/choose/", {"plan": "team"}).status_code == 409
    assert client.post("/settings/plan/choose/", {"plan": "none"}).status_code == 404
