"""For any history the books equal the closed-form price of the set of messages, to the micro."""

from datetime import UTC, date, datetime

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing.invoices import close
from billing.metering import meter
from billing.metering.reconciliation import reconcile
from billing.models import Charge, InvoiceLine, RateCard
from billing.rate_cards.versions import Step, make_draft, schedule, sheet_of, version_on
from core.tenancy import system
from hosting.models import Delivery, Message
from tests.billing.recount import assert_books_agree, failed_from
from tests.factories import (
    make_business,
    make_deliveries,
    make_messages,
    make_number,
    queue_deliveries,
)

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
# The price that a new version of the card sets from June on, for every tier of one market and
# category.
DEARER = ("India", "utility", 9_000)
# Around the edges: of the month, of the calling code that becomes a market of its own, of the day
# in New York.
MOMENTS = [
    datetime(2026, 5, 1, 4, tzinfo=UTC),
    datetime(2026, 5, 17, 9, tzinfo=UTC),
    datetime(2026, 6, 1, 3, 59, 59, tzinfo=UTC),
    datetime(2026, 6, 1, 4, tzinfo=UTC),
]
deliver = st.tuples(
    st.just("deliver"),
    st.integers(0, 1),
    st.sampled_from(["14155550100", "919820012345", "18095550100", "9991234567"]),
    st.sampled_from(["marketing", "utility", "service", "authentication"]),
    st.sampled_from(MOMENTS),
    st.sampled_from([1, 2, 3, 1001]),
)
history = st.lists(
    st.one_of(
        deliver,
        deliver,
        st.tuples(st.just("meter"), st.sampled_from([1, 2, 700])),
        st.tuples(st.just("double"), st.integers(0, 10**6)),
        st.tuples(
            st.just("fail"),
            st.integers(0, 1),
            st.sampled_from(["919820012345", "14155550100"]),
            st.sampled_from(["utility", "service"]),
            st.sampled_from(MOMENTS),
            st.sampled_from([1, 2, 1001]),
        ),
        st.tuples(st.just("deliver_failed"), st.integers(0, 10**6)),
        st.tuples(st.just("close"), st.integers(0, 1), st.sampled_from([MAY, JUNE])),
        st.tuples(st.just("card")),
    ),
    max_size=12,
)


class Undo(Exception):
    """Raised to roll one example back."""


SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=3, **SETTINGS)
@given(history)
@example(
    [
        ("card",),
        ("fail", 0, "919820012345", "utility", MOMENTS[3], 2),
        ("fail", 0, "919820012345", "utility", MOMENTS[1], 2),
        ("meter", 700),
        ("deliver_failed", 0),
        ("deliver_failed", 2),
        ("fail", 0, "919820012345", "utility", MOMENTS[3], 1),
        ("deliver_failed", 4),
    ]
)
@example(
    [
        ("card",),
        ("deliver", 0, "919820012345", "utility", MOMENTS[3], 3),
        ("close", 0, MAY),
        ("deliver", 0, "919820012345", "utility", MOMENTS[1], 2),
    ]
)
def test_any_history_of_deliveries_doubled_late_and_closed_between_costs_what_its_set_costs(
    db, steps
):
    undone(steps)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=500, **SETTINGS)
@given(history)
def test_many_more_histories(db, steps):
    undone(steps)


def undone(steps):
    try:
        with transaction.atomic():
            play(steps)
            raise Undo
    except Undo:
        pass


def play(steps):
    businesses = [
        make_business("UTC shop", timezone="UTC"),
        make_business("NY shop", timezone="America/New_York"),
    ]
    numbers = [make_number(business) for business in businesses]
    known, failed, dearer = [], [], False
    for step, *values in steps:
        if step == "deliver":
            who, to, category, at, count = values
            known += make_deliveries(
                businesses[who], numbers[who], count, to=to, category=category, at=at
            )
        elif step == "meter":
            meter.meter_due(limit=values[0])
        elif step == "fail":
            who, to, category, at, count = values
            ids = make_messages(
                businesses[who],
                numbers[who],
                count,
                to=to,
                category=category,
                at=at,
                status="failed",
            )
            queue_deliveries(ids)
            failed += ids
        elif step == "deliver_failed" and failed:
            deliver_failed(failed[values[0] % len(failed)])
        elif step == "double" and known:
            double(known[values[0] % len(known)])
        elif step == "close":
            close.close_period(business=businesses[values[0]], month=values[1])
        elif step == "card" and not dearer:
            dearer = scheduled()
    while meter.meter_due():
        pass
    total = assert_books_agree(
        dearer={(JUNE, *DEARER[:2]): DEARER[2]} if dearer else {},
        failed_charged_from=JUNE if dearer else None,
    )
    for business in businesses:
        for month in (MAY, JUNE, date(2026, 7, 1)):
            close.close_period(business=business, month=month)
    with system("test"):
        lines = InvoiceLine.objects.filter(kind__in=["messages", "late"]).values_list(
            "amount_micros", flat=True
        )
        assert sum(lines) == total
    assert reconcile() == []


def double(message):
    """Queue a delivery again after it was charged; the queue itself holds a message once."""
    with system("test"):
        charged = Charge.objects.filter(message_id=message).exists()
        waits = Delivery.objects.filter(message_id=message).exists()
    if charged and not waits:
        queue_deliveries([message])


def deliver_failed(message):
    """Deliver a failed message at the same moment; the queue holds it once, as delivered."""
    with system("test"):
        Message.objects.filter(pk=message, delivered_at=None).update(
            status="delivered", delivered_at=F("failed_at")
        )
        Delivery.objects.filter(message_id=message).delete()
    queue_deliveries([message])


def scheduled():
    """A version of the standard card from June on that charges failures too, unless June has been
    priced already, or had messages that failed; says whether it holds.
    """
    with system("test"):
        if Charge.objects.filter(month__gte=JUNE).exists() or failed_from(JUNE):
            return False
        card = RateCard.objects.get(name="Parley standard")
        sheet = sheet_of(version_on(card, MAY))
        market, category, price = DEARER
        sheet.rates[market, category] = [
            Step(step.first, step.last, price) for step in sheet.rates[market, category]
        ]
    schedule(
        make_draft(card=card, sheet=sheet, valid_from=JUNE, failed_charged=True),
        today=date(2026, 5, 20),
    )
    return True
