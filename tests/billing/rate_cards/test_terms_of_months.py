"""What a month is priced by does not change while it runs: floor, default card, rules."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import Error

from accounts.models import Business
from billing.metering import meter
from billing.metering.reconciliation import reconcile
from billing.metering.reversals import reverse_charge
from billing.models import CardChoice, CardVersion, Charge, DefaultCard, RateCard
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.tenancy import system
from tests.factories import (
    make_business,
    make_deliveries,
    make_messages,
    make_number,
    queue_deliveries,
)

MAY, JUNE, JULY = (date(2026, month, 1) for month in (5, 6, 7))
TODAY = date(2026, 5, 20)


def card(name: str, price: int, *, floor: int = 0, **rules: object) -> CardVersion:
    """A card whose every price is the same, in force from 2026 on."""
    with system("test"):
        made = RateCard.objects.create(
            name=name, currency="USD", floor_micros=floor, ceiling_micros=90_000
        )
    markets, categories = ("Other", "North America"), ("marketing", "utility", "service")
    rates = {(m, c): [Step(1, None, price)] for m in markets for c in categories}
    draft = versions.make_draft(
        card=made, sheet=Sheet("USD", rates), valid_from=date(2026, 1, 1), **rules
    )
    return versions.schedule(draft, today=TODAY)


def prices(business: Business) -> list[int]:
    with system("test"):
        found = Charge.objects.filter(business_id=business.pk, reverses_id=None).order_by(
            "message_id"
        )
        return list(found.values_list("price_micros", flat=True))


def deliver(business: Business, count: int, month: date, **fields: object) -> list[int]:
    at = datetime(month.year, month.month, 10, tzinfo=UTC)
    ids = make_deliveries(business, make_number(business), count, at=at, **fields)  # type: ignore[arg-type]
    while meter.meter_due():
        pass
    return ids


def test_the_floor_of_a_card_changes_with_its_next_version_only(db: None) -> None:
    # 50 % off 6,000 is 3,000. A floor of 4,000 set in the middle of May holds from June on.
    version, business = card("Own", 6_000), make_business(timezone="UTC")
    with system("test"):
        CardChoice.objects.create(
            business=business, card=version.card, discount_percent=Decimal(50), valid_from=MAY
        )
    deliver(business, 1, MAY)
    with system("test"):
        RateCard.objects.filter(pk=version.card_id).update(floor_micros=4_000)
        version.card.refresh_from_db()
        sheet = versions.sheet_of(version)
    deliver(business, 1, MAY)
    draft = versions.make_draft(card=version.card, sheet=sheet, valid_from=JUNE)
    assert draft.floor_micros == 4_000
    versions.schedule(draft, today=TODAY)
    deliver(business, 1, MAY)
    deliver(business, 1, JUNE)
    assert prices(business) == [3_000, 3_000, 3_000, 4_000]
    assert reconcile() == []


def test_a_tier_outside_the_bounds_of_its_version_is_refused(db: None) -> None:
    version = card("Own", 6_000)
    with system("test"):
        sheet = versions.sheet_of(version)
    draft = versions.make_draft(card=version.card, sheet=sheet, valid_from=JUNE)
    with pytest.raises(Error, match="outside the new floor and ceiling"), system("test"):
        CardVersion.objects.filter(pk=draft.pk).update(floor_micros=6_001)
    with pytest.raises(Error, match="outside the card's floor 0 and ceiling 90000"), system("test"):
        draft.rates.get(market_id="Other", category="utility").tiers.update(price_micros=90_001)
    with system("test"):
        draft.refresh_from_db()
    assert draft.floor_micros == 0


def test_the_default_card_changes_from_a_month_on(db: None) -> None:
    # The standard card's utility message to North America costs $0.0091, the new one's $0.007.
    version, business = card("Next", 7_000), make_business(timezone="UTC")
    deliver(business, 1, MAY)
    with system("test"):
        DefaultCard.objects.create(currency="USD", card=version.card, valid_from=JUNE)
    deliver(business, 1, MAY)
    deliver(business, 1, JUNE)
    assert prices(business) == [9_100, 9_100, 7_000]
    assert reconcile() == []


@pytest.mark.parametrize("month", [MAY, date(2026, 4, 1)])
def test_the_default_card_of_a_month_with_charges_cannot_change(db: None, month: date) -> None:
    version, business = card("Next", 7_000), make_business(timezone="UTC")
    deliver(business, 1, MAY)
    with pytest.raises(Error, match="2026-05-01 has charges already"), system("test"):
        DefaultCard.objects.create(currency="USD", card=version.card, valid_from=month)
    with pytest.raises(Error, match="2026-05-01 has charges already"), system("test"):
        DefaultCard.objects.all().delete()
    with system("test"):
        assert DefaultCard.objects.count() == 1


def test_charges_of_a_business_with_a_card_of_its_own_hold_no_default_card(db: None) -> None:
    own, new, business = card("Own", 6_000), card("Next", 7_000), make_business(timezone="UTC")
    with system("test"):
        CardChoice.objects.create(business=business, card=own.card, valid_from=MAY)
    deliver(business, 1, MAY)
    with system("test"):
        DefaultCard.objects.create(currency="USD", card=new.card, valid_from=MAY)
    assert prices(business) == [6_000]


def test_rerating_leaves_out_what_was_reversed(db: None) -> None:
    # 1,002 messages: 1,000 at $0.0091 and 2 at $0.0082, of which the first and the last are taken
    # back.
    business = make_business(timezone="UTC")
    deliver(business, 1_002, MAY)
    with system("test"):
        ids = list(Charge.objects.order_by("position").values_list("id", flat=True))
        version = versions.version_on(RateCard.objects.get(name="Parley standard"), MAY)
    assert version is not None
    for charge in (ids[0], ids[-1]):
        reverse_charge(business_id=business.pk, charge_id=charge, reason="a test")
    found = versions.rerate(version, MAY)
    charged = 999 * 9_100 + 8_200
    assert [(one.messages, one.charged_micros, one.would_be_micros) for one in found] == [
        (1_000, charged, charged)
    ]


def test_rerating_counts_failures_as_the_other_version_does(db: None) -> None:
    # Four messages, the second failed: charged under a card that charges failures, then the third
    # is taken back. Without charges for failures the third would be the second on a ladder of
    # three.
    with system("test"):
        own = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    rates = {
        ("Other", "utility"): [Step(1, None, 1)],
        ("North America", "utility"): [Step(1, 1, 900), Step(2, 2, 700), Step(3, None, 400)],
    }
    drafts = [
        versions.make_draft(card=own, sheet=Sheet("USD", dict(rates)), valid_from=month, **rule)
        for month, rule in ((date(2026, 1, 1), {"failed_charged": True}), (date(2026, 7, 1), {}))
    ]
    versions.schedule(drafts[0], today=TODAY)
    business = make_business(timezone="UTC")
    with system("test"):
        CardChoice.objects.create(business=business, card=own)
    number, at = make_number(business), datetime(2026, 5, 10, tzinfo=UTC)
    for status in ("delivered", "failed", "delivered", "delivered"):
        queue_deliveries(make_messages(business, number, 1, at=at, status=status))
        meter.meter_due()
    with system("test"):
        third = Charge.objects.get(position=3)
    reverse_charge(business_id=business.pk, charge_id=third.pk, reason="a test")
    (same,), (other,) = (versions.rerate(draft, MAY) for draft in drafts)
    assert (same.charged_micros, same.would_be_micros) == (900 + 700 + 400, 900 + 700 + 400)
    assert (other.charged_micros, other.would_be_micros) == (900 + 700 + 400, 900 + 400)
