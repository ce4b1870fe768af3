"""Ledger in the admin: background recounts, reversals with a reason, spend caps, test clocks."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db.utils import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Business, User
from billing import tasks
from billing.invoices.clock import advance_clock
from billing.metering import meter, reconciliation
from billing.models import (
    CardVersion,
    Charge,
    DefaultCard,
    Invoice,
    Payment,
    Period,
    Rate,
    RateCard,
    Recount,
    SpendCap,
    Tally,
    Tier,
)
from billing.rate_cards.versions import schedule
from core.tenancy import system
from hosting.models import Number
from hosting.numbers.sandbox_clock import ClockRefused, set_clock
from tests.factories import make_business, make_deliveries, make_member, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def business() -> Business:
    """Two priced messages of May, with the business's clock in June."""
    business = make_business(clock_at=datetime(2026, 5, 20, tzinfo=UTC))
    make_member(business)
    make_deliveries(business, make_number(business), 2)
    meter.meter_due()
    return business


def _audited() -> list[str]:
    with system("test"):
        return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def _page(operator: Client, name: str, *args: Any, **query: Any) -> str:
    return operator.get(reverse(f"admin:{name}", args=args), query).content.decode()


def test_a_recount_is_asked_for_and_done_in_the_background(
    operator: Client, business: Business
) -> None:
    assert "Recount the books" in _page(operator, "billing_recount_run_now")
    assert (
        operator.post(reverse("admin:billing_recount_run_now"), {"month": "2026-05-17"}).status_code
        == 302
    )
    with system("test"):
        recount = Recount.objects.get()
        Tally.objects.update(positions=3)
    assert (recount.month, recount.asked_by, recount.finished_at) == (
        date(2026, 5, 1),
        "ops@example.com",
        None,
    )
    assert "Waiting" in _page(operator, "billing_recount_changelist")
    tasks.recount()
    with system("test"):
        recount.refresh_from_db()
    assert [one["check"] for one in recount.differences] == ["reconcile_positions"]
    assert recount.finished_at is not None
    assert re.search(r"\b1 difference\b", _page(operator, "billing_recount_changelist"))
    shown = _page(operator, "billing_recount_show_differences", recount.pk)
    assert "a tally of 3 and positions 1 to 2" in shown
    front = _page(operator, "index")
    assert "Discrepancies" in front
    assert "last recount" in front
    assert _audited() == ["recount.asked"]


def test_every_nightly_recount_is_stored(operator: Client, business: Business) -> None:
    assert "never recounted" in _page(operator, "index")
    tasks.reconcile()
    assert "All agrees" in _page(operator, "billing_recount_changelist")
    with system("test"):
        assert str(Recount.objects.get()).endswith("all months")
    assert str(reconciliation.request_recount(month=date(2026, 5, 1))).endswith("2026-05")


def test_a_charge_is_taken_back_once_and_with_a_reason(
    operator: Client, business: Business
) -> None:
    with system("test"):
        charge = Charge.objects.order_by("id").first()
    assert charge is not None
    url = reverse("admin:billing_charge_reverse_row", args=[charge.pk])
    assert operator.get(url).status_code == 200
    assert operator.post(url, {"reason": " "}).status_code == 400
    assert _audited() == []
    assert operator.post(url, {"reason": "our fault"}).status_code == 302
    refused = operator.post(url, {"reason": "again"})
    assert (refused.status_code, "reversed before" in refused.content.decode()) == (400, True)
    with system("test"):
        back = Charge.objects.get(reverses_id=charge.pk)
        entry = AuditEntry.objects.get()
    assert (back.price_micros, back.note) == (-charge.price_micros, "our fault")
    assert (entry.action, entry.after["reversal"], entry.after["reason"]) == (
        "charge.reversed",
        back.pk,
        "our fault",
    )


def test_the_front_page_has_the_margin_where_a_cost_card_is_set(
    operator: Client, business: Business
) -> None:
    def shown() -> list[tuple[str, str, bool]]:
        items = operator.get(reverse("admin:index")).context["figures"]
        return [
            (i.value, str(i.note), i.is_urgent)
            for i in items
            if str(i.title) == "Margin this month"
        ]

    with system("test"):
        Business.objects.update(clock_at=None)
        month = timezone.now().replace(day=1, hour=12)
        numbers = [
            Number.objects.select_related("business").get(),
            make_number(make_business(clock_at=None)),
        ]
        card = RateCard.objects.create(
            name="Upstream", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
        version = CardVersion.objects.create(card=card, valid_from=month.date())
        rate = Rate.objects.create(version=version, market_id="North America", category="utility")
        Tier.objects.create(rate=rate, first=1, last=100, price_micros=4_000)
        Tier.objects.create(rate=rate, first=101, price_micros=3_000)
    for number in numbers:
        make_deliveries(number.business, number, 100, at=month)
    meter.meter_due()
    with system("test"):
        schedule(version, today=date(2020, 1, 1))
    assert shown() == []
    with system("test"):
        RateCard.objects.filter(pk=card.pk).update(is_cost=True)
    # Revenue: twice 100 x 0.0091 = 1.82. Cost, as one customer of the upstream: 100 x 0.004 + 100 x
    # 0.003 = 0.70.
    assert shown() == [("$1.12", "$0.70 to the upstream", False)]
    make_deliveries(
        numbers[0].business, numbers[0], 1, to="919820012345", category="marketing", at=month
    )
    meter.meter_due()
    [(_, note, urgent)] = shown()
    assert (note, urgent) == ("$0.70 to the upstream, 1 message without a cost", True)
    with system("test"), pytest.raises(IntegrityError, match="nobody is billed by it"):
        DefaultCard.objects.create(currency="USD", card=card, valid_from=date(2040, 1, 1))


def test_the_front_page_has_the_revenue_of_the_month(operator: Client, business: Business) -> None:
    with system("test"):
        number = Number.objects.get()
        Business.objects.update(clock_at=None)
    make_deliveries(business, number, 100, at=timezone.now())
    meter.meter_due()
    front = _page(operator, "index")
    assert "Message revenue this month" in front
    assert "100 messages priced" in front
    assert "$0.91" in front
    for business_id, count in ((business.pk, 102), (business.pk + 1, 0)):
        listed = operator.get(
            reverse("admin:billing_charge_changelist"), {"business_id__exact": business_id}
        )
        assert listed.context["cl"].result_count == count


def test_spend_caps_are_set_for_a_business(operator: Client, business: Business) -> None:
    data = {"business": business.pk, "limit_micros": "5.00", "is_hard": "on"}
    assert operator.post(reverse("admin:billing_spendcap_add"), data).status_code == 302
    with system("test"):
        cap = SpendCap.objects.get()
    assert (cap.limit_micros, cap.is_hard) == (5_000_000, True)
    assert "$5.00" in _page(operator, "billing_spendcap_changelist")
    assert _audited() == ["spendcap.added"]


def _go(operator: Client, business: Business, day: str) -> Any:
    return operator.post(
        f"{reverse('admin:billing_period_clock')}?business={business.pk}", {"to": day, "sent": 1}
    )


def test_advancing_the_clock_through_months_issues_their_invoices(operator: Client) -> None:
    business = make_business(plan_id="team", clock_at=datetime(2026, 5, 20, tzinfo=UTC))
    make_number(business, is_test=True)
    assert "Test clock" in _page(operator, "accounts_business_change", business.pk)
    assert "2026-05-20 00:00 UTC" in _page(operator, "billing_period_clock", business=business.pk)
    assert _go(operator, business, "2026-06-01").status_code == 302
    with system("test"):
        assert not Invoice.objects.exists()  # the grace of a day is not over
    assert _go(operator, business, "2026-08-03").status_code == 302
    with system("test"):
        months = list(
            Invoice.objects.order_by("period__month").values_list("period__month", flat=True)
        )
        entry = AuditEntry.objects.latest("id")
    assert months == [date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)]
    assert len(entry.after["invoices"]) == 3
    assert "2026-07" in _page(operator, "billing_period_clock", business=business.pk)
    back = _go(operator, business, "2026-07-01")
    assert (back.status_code, "only goes forward" in back.content.decode()) == (400, True)
    assert _go(operator, business, "2036-07-01").status_code == 400
    assert _go(operator, business, "").status_code == 302
    with system("test"):
        business.refresh_from_db()
    assert business.clock_at is None
    assert "real time" in _page(operator, "billing_period_clock", business=business.pk)
    assert _audited() == ["business.clock_set"] * 3


def test_a_month_in_which_nothing_is_owed_brings_no_invoice() -> None:
    free = make_business(plan_id="free", clock_at=datetime(2026, 5, 20, tzinfo=UTC))
    assert advance_clock(business=free, to=datetime(2026, 7, 3, tzinfo=UTC)) == []
    with system("test"):
        assert Period.objects.filter(business=free, state="closed").count() == 2


def test_a_real_number_prevents_a_test_clock(operator: Client, business: Business) -> None:
    with system("test"):
        Number.objects.update(transport="cloudapi")
    refused = _go(operator, business, "2026-08-03")
    assert (refused.status_code, "only test numbers" in refused.content.decode()) == (400, True)
    with pytest.raises(ClockRefused):
        set_clock(business=business, at=None)
    with system("test"):
        business.refresh_from_db()
        assert not Invoice.objects.exists()
        assert not Payment.objects.exists()
    assert business.clock_at == datetime(2026, 5, 20, tzinfo=UTC)
    assert _audited() == []


def test_the_clock_asks_for_a_business(operator: Client) -> None:
    for chosen in ("", "x", "9" * 30, "4"):
        answer = operator.get(reverse("admin:billing_period_clock"), {"business": chosen})
        assert answer["Location"] == reverse("admin:accounts_business_changelist")
