"""Prices that the network reports: charged within the card's limits, where the card takes them.

The card: marketing to North America costs 20,000 micros for the first two messages of a month, then
15,000; its floor is 4,000.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Business, User
from billing.documents import tables
from billing.invoices import close
from billing.metering import meter
from billing.metering.reconciliation import reconcile
from billing.metering.reversals import reverse_charge
from billing.models import (
    CardChoice,
    CardVersion,
    Charge,
    InvoiceLine,
    Quarantine,
    RateCard,
    Tally,
    Usage,
)
from billing.pricing import explanation
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.queue.work import work
from core.tenancy import scope, system
from hosting.cloudapi.webhooks import parse, sign
from hosting.inbound import events
from hosting.models import Delivery, Message, Number, ReportedPrice, Upstream
from tests.factories import make_business, make_messages, make_number
from tests.hosting.messages.test_endpoints import status
from tests.hosting.messages.test_incoming_endpoint import knock, webhook
from tests.hosting.receivers import Receiver
from tests.hosting.upstreams import put_behind

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business(timezone="UTC", clock_at=datetime(2026, 5, 20, tzinfo=UTC)))


def follow(business: Business, discount: int = 0, **rules: Any) -> CardVersion:
    with system("test"):
        card = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=4_000, ceiling_micros=90_000
        )
    sheet = Sheet("USD")
    for market in ("Other", "North America"):
        for category in ("marketing", "utility"):
            sheet.rates[market, category] = [Step(1, 2, 20_000), Step(3, None, 15_000)]
    version = versions.schedule(
        versions.make_draft(card=card, sheet=sheet, valid_from=MAY, **rules), today=MAY
    )
    with system("test"):
        CardChoice.objects.create(business=business, card=card, discount_percent=discount)
    return version


def cost(amount: str | float, currency: str = "USD") -> dict[str, Any]:
    return {"pricing": {"type": "regular", "amount": amount, "currency": currency}}


def reported(
    number: Number,
    *amounts: str | None,
    kind: str = "delivered",
    signature: str | None = None,
    category: str = "marketing",
    **more: Any,
) -> list[int]:
    """Messages whose delivery the network reports with these prices; their ids."""
    ids = make_messages(number.business, number, len(amounts), category=category)
    report(number, ids, amounts, kind=kind, signature=signature, **more)
    return ids


def report(
    number: Number,
    ids: list[int],
    amounts: Sequence[str | None],
    kind: str = "delivered",
    signature: str | None = None,
    **more: Any,
) -> None:
    with system("test"):
        wamids = dict(Message.objects.filter(pk__in=ids).values_list("pk", "wamid"))
    statuses = [
        status(wamids[one], kind, NOON, **(cost(amount, **more) if amount is not None else {}))
        for one, amount in zip(ids, amounts, strict=True)
    ]
    body = webhook(number, statuses=statuses)
    assert knock(number, body, sign(body, signature) if signature else None) == 200
    events.apply_due()


def metered() -> None:
    while meter.meter_due():
        pass


def ledger() -> list[tuple[str, int, int]]:
    with system("test"):
        rows = Charge.objects.order_by("position").values_list("rule", "position", "price_micros")
        return list(rows)


def test_a_reported_price_counts_between_the_floor_and_the_price_of_its_position(
    number: Number,
) -> None:
    follow(number.business, reported_prices=True)
    reported(number, "0.0123456", None, "0.001", "0.05")
    metered()
    assert ledger() == [
        # Rounded half-even to a micro-unit.
        ("reported", 1, 12_346),
        ("tier", 2, 20_000),
        ("reported", 3, 4_000),
        ("reported", 4, 15_000),
    ]
    with system("test"):
        assert list(Tally.objects.values_list("rule", "positions")) == [("tier", 4)]
        rows = Usage.objects.order_by("rule", "tier_id")
        assert list(rows.values_list("rule", "messages", "price_micros", "amount_micros")) == [
            ("reported", 1, 0, 12_346),
            ("reported", 2, 0, 19_000),
            ("tier", 1, 20_000, 20_000),
        ]
    assert reconcile() == []


def test_the_agreed_price_is_the_most_that_a_message_costs(number: Number) -> None:
    # 20,000 less 50 % is 10,000.
    follow(number.business, discount=50, reported_prices=True)
    reported(number, "0.012", "0.009")
    metered()
    assert ledger() == [("reported", 1, 10_000), ("reported", 2, 9_000)]
    assert reconcile() == []


@pytest.mark.parametrize(
    ("rules", "made"),
    [
        ({}, {}),
        ({"reported_prices": True}, {"currency": "EUR"}),
        ({"reported_prices": True}, {"category": "utility"}),
    ],
)
def test_other_cards_currencies_and_categories_keep_their_price(
    number: Number, rules: dict[str, Any], made: dict[str, Any]
) -> None:
    follow(number.business, **rules)
    reported(number, "0.005", **made)
    metered()
    assert ledger() == [("tier", 1, 20_000)]
    assert reconcile() == []


def test_only_a_delivery_has_a_price_and_the_first_proof_decides(number: Number) -> None:
    follow(number.business, reported_prices=True)
    ids = reported(number, "0.005", kind="sent")
    report(number, ids, [None], kind="read")
    report(number, ids, ["0.006"])
    metered()
    assert ledger() == [("tier", 1, 20_000)]
    with system("test"):
        assert list(ReportedPrice.objects.values_list("price_micros", "is_late")) == [(6_000, True)]
    assert reconcile() == []


def test_a_price_that_comes_before_its_message_is_kept_for_it(number: Number) -> None:
    follow(number.business, reported_prices=True)
    body = webhook(number, statuses=[status("wamid.early", "delivered", NOON, **cost("0.007"))])
    assert knock(number, body) == 200
    events.apply_due()
    (message,) = make_messages(number.business, number, 1, category="marketing")
    with system("test"):
        Message.objects.filter(pk=message).update(wamid="wamid.early")
    work(events.PARKED)
    metered()
    assert ledger() == [("reported", 1, 7_000)]
    assert reconcile() == []


@pytest.mark.parametrize("is_self_connected", [True, False])
def test_only_a_source_that_the_business_cannot_sign_reports_prices(
    number: Number, *, is_self_connected: bool
) -> None:
    follow(number.business, reported_prices=True)
    with Receiver() as upstream:
        put_behind(number, upstream)
    with system("test"):
        Upstream.objects.update(is_self_connected=is_self_connected)
    ids = make_messages(number.business, number, 1, category="marketing")
    with system("test"):
        Message.objects.update(upstream_wamid="wamid.theirs")
        body = webhook(
            number, statuses=[status("wamid.theirs", "delivered", NOON, **cost("0.004"))]
        ).replace(number.phone_number_id.encode(), b"5550001")
    assert ids
    assert knock(number, body, sign(body, "their-secret")) == 200
    events.apply_due()
    metered()
    # What is delivered is charged either way; to report a low price would be to set it.
    assert ledger() == ([("tier", 1, 20_000)] if is_self_connected else [("reported", 1, 4_000)])
    with system("test"):
        assert ReportedPrice.objects.exists() is not is_self_connected
    assert reconcile() == []


def test_the_business_own_secret_reports_nothing(number: Number) -> None:
    follow(number.business, reported_prices=True)
    reported(number, "0.004", signature=number.account.app_secret)
    with system("test"):
        assert not ReportedPrice.objects.exists()
        assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "pricing",
    [
        {"amount": "x", "currency": "USD"},
        {"amount": "NaN", "currency": "USD"},
        {"amount": -0.01, "currency": "USD"},
        {"amount": 100_001, "currency": "USD"},
        {"amount": True, "currency": "USD"},
        {"amount": ["1"], "currency": "USD"},
        {"amount": "0.01"},
        {"amount": "0.01", "currency": "DOLLAR"},
        {"amount": "0.01", "currency": 840},
        {"amount": "1e999999", "currency": "USD"},
    ],
)
def test_what_is_no_price_is_none_and_the_status_counts(
    number: Number, pricing: dict[str, Any]
) -> None:
    body = webhook(number, statuses=[status("wamid.1", "delivered", NOON, pricing=pricing)])
    (one,) = parse(body).statuses
    assert (one.status, one.price) == ("delivered", None)


def test_a_number_of_json_is_a_price_as_well(number: Number) -> None:
    body = webhook(number, statuses=[status("wamid.1", "delivered", NOON, **cost(0.0415, "usd"))])
    (one,) = parse(body).statuses
    assert one.price is not None
    assert (one.price.micros, one.price.currency) == (41_500, "USD")


def test_quarantine_keeps_what_was_reported(number: Number) -> None:
    with system("test"):
        RateCard.objects.create(name="Empty", currency="USD", floor_micros=0, ceiling_micros=1)
        CardChoice.objects.create(
            business=number.business, card=RateCard.objects.get(name="Empty"), valid_to=JUNE
        )
    reported(number, "0.005")
    metered()
    assert ledger() == []
    with system("test"):
        held = list(Quarantine.objects.values_list("id", flat=True))
        CardChoice.objects.all().delete()
    follow(number.business, reported_prices=True)
    assert meter.requeue(held) == 1
    metered()
    assert ledger() == [("reported", 1, 5_000)]


def test_rerating_counts_what_was_reported_where_the_other_version_takes_it(number: Number) -> None:
    with_reports = follow(number.business, reported_prices=True)
    ids = reported(number, "0.01", None, "0.01", "0.02", "0.01")
    metered()
    assert [price for _, _, price in ledger()] == [10_000, 20_000, 10_000, 15_000, 10_000]
    with system("test"):
        last = Charge.objects.get(message_id=ids[-1])
    reverse_charge(business_id=number.business_id, charge_id=last.pk, reason="test")
    assert reconcile() == []
    (same,) = versions.rerate(with_reports, MAY)
    assert (same.charged_micros, same.would_be_micros, same.messages) == (55_000, 55_000, 4)
    sheet = Sheet("USD")
    for market in ("Other", "North America"):
        sheet.rates[market, "marketing"] = [Step(1, None, 12_000)]
    other = {
        takes: versions.make_draft(
            card=with_reports.card, sheet=sheet, valid_from=JUNE, reported_prices=takes
        )
        for takes in (True, False)
    }
    # Four messages at 12,000; at reported prices 10,000 + 12,000 + 10,000 + 12,000.
    assert versions.rerate(other[False], MAY)[0].would_be_micros == 48_000
    assert versions.rerate(other[True], MAY)[0].would_be_micros == 44_000


def test_the_invoice_has_a_line_of_reported_prices_and_says_that_they_differ(
    number: Number,
) -> None:
    follow(number.business, reported_prices=True)
    first, *_ = reported(number, "0.01", "0.0125", None)
    metered()
    with scope(number.business_id):
        why = explanation.explain(number.business_id, first)
    assert why.reason == (
        "Number 1 of May 2026 in marketing to North America: tier from 1 to 2 costs $0.02 at most, "
        "$0.01 as the network reported."
    )
    invoice = close.close_period(business=number.business, month=MAY)
    assert invoice is not None
    with system("test"):
        lines = InvoiceLine.objects.filter(invoice=invoice, kind="messages").order_by("position")
        assert [(line.description, line.quantity, line.amount_micros) for line in lines] == [
            ("Marketing messages to North America, as reported", 2, 22_500),
            ("Marketing messages to North America", 1, 15_000),
        ]
        assert [line.prices_differ for line in lines] == [True, False]
        rows = "".join(tables.lines_csv(invoice)).splitlines()
        behind = "".join(tables.messages_csv(invoice)).splitlines()
    assert ",2,,0.02,USD,0.0225" in rows[-2]
    assert len(behind) == 4
    assert reconcile() == []


def test_operators_see_what_differs_from_the_upstreams_bill_and_why(
    number: Number, client: Client
) -> None:
    follow(number.business, reported_prices=True)
    reported(number, "0.01", "0.05", "0.001")
    reported(number, "0.007", category="utility")
    metered()
    with system("test"):
        client.force_login(User.objects.create_superuser("ops@example.com"))
    page = client.get("/admin/hosting/reportedprice/?differs=yes").content.decode()
    for text in (
        "Above the card&#x27;s price",
        "Below the card&#x27;s floor",
        "Tier of the rate card",
    ):
        assert text in page
    assert "$0.05" in page
    assert "$0.01<" not in page
    same = client.get("/admin/hosting/reportedprice/?differs=no").content.decode()
    assert "$0.01<" in same
    assert "$0.05" not in same
    # 0.01 + 0.05 + 0.001 + 0.007 reported; 0.01 + 0.02 + 0.004 + 0.02 charged.
    months = client.get(reverse("admin:hosting_reportedprice_by_month")).content.decode()
    for text in ("2026-05", "$0.068", "$0.054", "-$0.014"):
        assert text in months
