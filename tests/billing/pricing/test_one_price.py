"""Quote, estimate, spend cap, charge and re-rating agree on the price for any card.

The expected price is derived here once more, in plain Python from the card as it was written down.
"""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from accounts.models import Business
from billing import spend_caps
from billing.metering import meter, reversals
from billing.models import CardChoice, CardVersion, Charge, Commitment, RateCard, SpendCap
from billing.pricing import estimate as pricing_estimate
from billing.pricing import quote as pricing_quote
from billing.rate_cards import csv_files, versions
from billing.rate_cards.versions import Sheet, Step
from core.tenancy import scope, system
from hosting.models import Contact, Conversation, Delivery, Message, Number, ReportedPrice
from tests.factories import make_business, make_number

DATA = Path(__file__).parent.parent / "rate_cards" / "data"
NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
MONTH = date(2026, 5, 1)
CEILING = 90_000
HOMES = {"US": "North America", "IN": "India", "DE": "Germany"}
RECIPIENTS = {
    "14155550100": "North America",
    "919820012345": "India",
    "4915112345678": "Germany",
    "9991234567": "Other",
}
CATEGORIES = ("marketing", "utility", "authentication", "service")
names = itertools.count(1)

price = st.integers(0, CEILING)
edges = st.lists(st.integers(1, 6), max_size=3, unique=True).map(sorted)


@dataclass(frozen=True)
class Sent:
    """One message: to whom, as what, and what was true when it was accepted."""

    to: str
    category: str
    is_reaction: bool
    window_open: bool
    hours_since_entry: int | None
    is_reversed: bool
    reported: int | None


@st.composite
def ladders(draw: Any) -> list[Step]:
    firsts = [1, *(edge + 1 for edge in draw(edges))]
    lasts = [*(first - 1 for first in firsts[1:]), None]
    return [Step(first, last, draw(price)) for first, last in zip(firsts, lasts, strict=True)]


@st.composite
def sheets(draw: Any) -> Sheet:
    """A card with a price for every market and category, and international authentication in some
    markets.
    """
    keys = [(market, category) for market in RECIPIENTS.values() for category in CATEGORIES]
    abroad = draw(st.sets(st.sampled_from(list(RECIPIENTS.values()))))
    keys += [(market, "authentication-international") for market in sorted(abroad)]
    return Sheet("USD", {key: draw(ladders()) for key in keys})


rules = st.fixed_dictionaries(
    {
        "service_free_in_window": st.booleans(),
        "utility_free_in_window": st.booleans(),
        "reactions_free": st.booleans(),
        "free_entry_hours": st.sampled_from([0, 24, 72, 168]),
        "free_messages": st.sampled_from([0, 1, 3]),
        "failed_charged": st.booleans(),
        "reported_prices": st.booleans(),
    }
)
sent = st.builds(
    Sent,
    to=st.sampled_from(list(RECIPIENTS)),
    category=st.sampled_from(CATEGORIES),
    is_reaction=st.booleans(),
    window_open=st.booleans(),
    hours_since_entry=st.sampled_from([None, None, 0, 23, 24, 71, 72, 100, 168]),
    is_reversed=st.integers(0, 5).map(lambda n: n == 0),
    reported=st.sampled_from([None, 0, 1, 7_000, 60_000, 10**6]),
)
many = st.lists(sent, min_size=1, max_size=8)
discount = st.sampled_from([Decimal(0), Decimal("12.5"), Decimal("33.33"), Decimal("99.99")])
country = st.sampled_from(list(HOMES))


class Undo(Exception):
    """Rolls one example back."""


SETTINGS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=12, **SETTINGS)
@given(sheets(), rules, discount, country, many, st.sampled_from([0, 5_000]))
def test_one_price_under_any_card(
    db: None,
    sheet: Sheet,
    rules: dict[str, Any],
    discount: Decimal,
    country: str,
    many: list[Sent],
    floor: int,
) -> None:
    for steps in sheet.rates.values():
        steps[:] = [Step(one.first, one.last, max(one.price_micros, floor)) for one in steps]
    undone(sheet, rules, discount, country, many, floor)


@settings(max_examples=6, **SETTINGS)
@given(rules, discount, country, many)
def test_one_price_under_the_card_that_meta_publishes(
    db: None, rules: dict[str, Any], discount: Decimal, country: str, many: list[Sent]
) -> None:
    undone(published(), rules, discount, country, many, 0)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=400, **SETTINGS)
@given(sheets(), rules, discount, country, many)
def test_one_price_under_very_many_cards(
    db: None, sheet: Sheet, rules: dict[str, Any], discount: Decimal, country: str, many: list[Sent]
) -> None:
    undone(sheet, rules, discount, country, many, 0)


def published() -> Sheet:
    """Meta's rates and tiers; it has no rate for service, which gets that of utility."""
    texts = [
        (name, (DATA / name).read_text(encoding="utf-8"))
        for name in ("USD_rates.csv", "USD_volume_tiers.csv")
    ]
    sheet = csv_files.read(*texts)
    assert ("India", "authentication-international") in sheet.rates
    for market in sheet.markets:
        sheet.rates[market, "service"] = list(sheet.rates[market, "utility"])
    return sheet


def undone(*example: Any) -> None:
    try:
        with transaction.atomic():
            play(*example)
            raise Undo
    except Undo:
        pass


@dataclass
class Expected:
    """What each message must cost, in plain Python; counts what it has priced."""

    sheet: Sheet
    rules: dict[str, Any]
    discount: Decimal
    home: str
    floor: int
    positions: dict[tuple[str, str], int]
    counted: int = 0

    def of(self, one: Sent) -> tuple[str, int]:
        """Rule and price of the next message."""
        rule = self._rule(one)
        return (rule, 0) if rule != "tier" else (rule, self.listed(one))

    def charged(self, one: Sent) -> tuple[str, int]:
        """Rule and price once it is delivered: what the network reports, between the floor and
        what was said before.
        """
        rule, micros = self.of(one)
        if rule != "tier" or one.category != "marketing" or one.reported is None:
            return rule, micros
        if not self.rules["reported_prices"]:
            return rule, micros
        return "reported", min(micros, max(self.floor, one.reported))

    def _rule(self, one: Sent) -> str:
        rules = self.rules
        if one.hours_since_entry is not None and one.hours_since_entry < rules["free_entry_hours"]:
            return "free_entry"
        if one.is_reaction and rules["reactions_free"]:
            return "reaction"
        if (
            one.window_open
            and one.category in ("service", "utility")
            and rules[f"{one.category}_free_in_window"]
        ):
            return f"{one.category}_in_window"
        return (
            "allowance"
            if one.category == "service" and self.counted < rules["free_messages"]
            else "tier"
        )

    def key(self, one: Sent) -> tuple[str, str]:
        """Market and category that it is priced as."""
        market = RECIPIENTS[one.to]
        abroad = (market, "authentication-international")
        if one.category == "authentication" and market != self.home and abroad in self.sheet.rates:
            return abroad
        return market, one.category

    def listed(self, one: Sent) -> int:
        """The price of the next position, less the discount."""
        position = self.positions.get(self.key(one), 0) + 1
        steps = self.sheet.rates[self.key(one)]
        listed = next(
            step.price_micros for step in steps if step.last is None or position <= step.last
        )
        if not self.discount:
            return listed
        exact = listed * (100 - self.discount) / 100
        return max(self.floor, int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)))

    def take(self, one: Sent) -> None:
        """Count it as delivered."""
        rule = self._rule(one)
        if rule in ("tier", "allowance") and one.category == "service":
            self.counted += 1
        if rule == "tier":
            self.positions[self.key(one)] = self.positions.get(self.key(one), 0) + 1


def play(
    sheet: Sheet,
    rules: dict[str, Any],
    discount: Decimal,
    country: str,
    many: list[Sent],
    floor: int,
) -> None:
    business = make_business(country=country, timezone="UTC", clock_at=NOW)
    number = make_number(business)
    version = agree(business, sheet, rules, discount, floor)
    expected = Expected(sheet, rules, discount, HOMES[country], floor, {})
    total = 0
    for one in many:
        note(repr(one))
        rule, micros = expected.of(one)
        message = accepted(business, number, one)
        assert_asked_before(business, message, one, rule, micros, expected.listed(one))
        rule, micros = expected.charged(one)
        charge = delivered(message, one)
        assert (charge.rule, charge.price_micros, charge.category) == (
            rule,
            micros,
            expected.key(one)[1],
        )
        expected.take(one)
        total += micros
        if one.is_reversed:
            reversals.reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="a test")
            total -= micros
    (rerated,) = versions.rerate(version, MONTH, business_ids=[business.pk])
    assert (rerated.charged_micros, rerated.would_be_micros, rerated.unpriced) == (total, total, 0)
    assert rerated.messages == sum(not one.is_reversed for one in many)


def agree(
    business: Business, sheet: Sheet, rules: dict[str, Any], discount: Decimal, floor: int
) -> CardVersion:
    with system("test"):
        card = RateCard.objects.create(
            name=f"Card {next(names)}", currency="USD", floor_micros=floor, ceiling_micros=10**6
        )
    draft = versions.make_draft(card=card, sheet=sheet, valid_from=MONTH, **rules)
    version = versions.schedule(draft, today=date(2026, 4, 20))
    with system("test"):
        CardChoice.objects.create(business=business, card=card, discount_percent=discount)
        SpendCap.objects.create(business=business, limit_micros=10**9)
    return version


def accepted(business: Business, number: Number, one: Sent) -> Message:
    """A message as it is written when it is accepted, its conversation in the state that it
    says.
    """
    opened = None if one.hours_since_entry is None else NOW - timedelta(hours=one.hours_since_entry)
    with system("test"):
        contact, _ = Contact.objects.get_or_create(business=business, wa_id=one.to)
        thread, _ = Conversation.objects.update_or_create(
            business=business,
            number=number,
            contact=contact,
            defaults={"last_inbound_at": NOW if one.window_open else None, "free_entry_at": opened},
        )
        thread.business = business
        return Message.objects.create(
            business=business,
            number=number,
            conversation=thread,
            contact=contact,
            direction="out",
            kind="reaction" if one.is_reaction else "text",
            category=one.category,
            status="accepted",
            created_at=NOW,
            window_open=thread.window_open(at=NOW),
            free_entry_at=thread.free_entry(at=NOW),
        )


def assert_asked_before(
    business: Business, message: Message, one: Sent, rule: str, micros: int, listed: int
) -> None:
    """The quote, the estimate and the spend cap, asked before the message is sent."""
    with scope(business.pk):
        quotes = {quote.category: quote for quote in pricing_quote.prices(message.conversation)}
        estimate = pricing_estimate.estimate(
            business, category=one.category, counts={one.to[:7]: 1}
        )
        spend_caps.check_cap(message)
        held = list(
            Commitment.objects.filter(wamid=message.wamid).values_list("price_micros", flat=True)
        )
    # A quote is asked for a template or a text, never for a reaction.
    if not one.is_reaction:
        assert (quotes[one.category].rule, quotes[one.category].micros) == (rule, micros)
        assert quotes[one.category].market == RECIPIENTS[one.to]
    # An estimate knows no window and no number: it is the most that the message can cost.
    assert estimate.total_micros == listed
    # What is free by a count holds its place in it; what is free anyway holds nothing.
    assert held == ([] if micros == 0 and rule != "allowance" else [micros])


def delivered(message: Message, one: Sent) -> Charge:
    with system("test"):
        Message.objects.filter(pk=message.pk).update(status="delivered", delivered_at=NOW)
        if one.reported is not None:
            ReportedPrice.objects.create(
                business_id=message.business_id,
                message_id=message.pk,
                price_micros=one.reported,
                currency="USD",
            )
        Delivery.objects.create(
            message_id=message.pk,
            business_id=message.business_id,
            number_id=message.number_id,
            recipient=one.to,
            category=one.category,
            window_open=message.window_open,
            free_entry=False,
            kind=message.kind,
            free_entry_at=message.free_entry_at,
            accepted_at=message.created_at,
            delivered_at=NOW,
        )
    assert meter.meter_due() == 1
    with system("test"):
        assert not Commitment.objects.exists()
        return Charge.objects.get(message_id=message.pk, reverses_id=None)


FUNCTIONS = """
    SELECT p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.proname LIKE 'billing\\_%' AND l.lanname = 'sql'
"""
ASKING = {
    "next_prices": {
        "number_id": 1,
        "wa_id": "1",
        "at": NOW,
        "categories": ["utility"],
        "window_open": False,
        "free_entry_at": None,
    },
    "commit_price": {
        "number_id": 1,
        "contact_id": 1,
        "wamid": "x",
        "category": "utility",
        "kind": "text",
        "window_open": False,
        "free_entry_at": None,
        "at": NOW,
        "limit": 1,
        "currency": "USD",
    },
    "estimate": {"at": NOW, "category": "utility", "prefixes": ["1"], "counts": [1]},
    "cap_left": {"at": NOW},
    "terms_of": {"month": MONTH},
    "home_market": {"country": "US", "month": MONTH},
    "agreed_tiers": {"month": MONTH, "market": "India"},
    "usage_ladders": {"month": MONTH},
    "rerate": {"month": MONTH, "version_id": 1, "card_id": 1, "businesses": None},
    "margin": {"month": MONTH},
    "pricing_points": {"account_id": 1, "start": NOW, "end": NOW, "granularity": "DAY"},
    "drop_failed": {},
    "open_periods": {},
    "meter": {},
}


@pytest.mark.parametrize("verb", ASKING)
def test_every_function_is_inlined_into_the_statements_that_call_it(db: None, verb: str) -> None:
    from core.sql import statement

    with system("test"), connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
        functions = [name for (name,) in cursor.fetchall()]
        assert {
            "billing_terms",
            "billing_market",
            "billing_rule",
            "billing_steps",
            "billing_price",
        } <= {*functions}
        cursor.execute(meter._BATCH_TABLE)
        asked: Any = ASKING[verb]
        parameters = {"business_id": 1} | asked if asked else None
        cursor.execute(f"EXPLAIN (VERBOSE) {statement('billing', verb)}", parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert [name for name in functions if f"{name}(" in plan] == []
