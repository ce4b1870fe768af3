"""Amounts of an invoice are exact; their sum is rounded once, shown, and what the usage page
says.
"""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Business
from billing.documents import pdf
from billing.documents.sources import document_content
from billing.documents.tables import lines_csv
from billing.invoices import close, draft
from billing.metering import meter, usage
from billing.metering.reconciliation import reconcile
from billing.models import CardChoice, Discount, Invoice, RateCard
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.tenancy import scope, system
from tests.billing.documents.test_documents import text_of
from tests.factories import make_business, make_deliveries, make_member, make_number

MAY = date(2026, 5, 1)
AT = datetime(2026, 5, 10, tzinfo=UTC)
TO = {"North America": "14155550100", "India": "919820012345", "Other": "9991234567"}
CATEGORIES = ("marketing", "utility", "authentication", "service")


class Undo(Exception):
    """Rolls one example back."""


def make_shop(prices: dict[tuple[str, str], int], discounts: list[Decimal]) -> Business:
    """A business on the $49 plan, charged one message for each market and category."""
    with system("test"):
        card = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    rates = {(market, category): [Step(1, None, 1)] for market in TO for category in CATEGORIES}
    rates |= {key: [Step(1, None, price)] for key, price in prices.items()}
    made = versions.make_draft(card=card, sheet=Sheet("USD", rates), valid_from=date(2026, 1, 1))
    versions.schedule(made, today=date(2025, 12, 1))
    business = make_business(
        timezone="UTC", plan_id="team", clock_at=datetime(2026, 5, 31, tzinfo=UTC)
    )
    with system("test"):
        CardChoice.objects.create(business=business, card=card)
        for percent in discounts:
            Discount.objects.create(
                business=business, description="Offer", percent=percent, first_month=MAY
            )
    number = make_number(business)
    for market, category in prices:
        make_deliveries(business, number, 1, to=TO[market], category=category, at=AT)
    while meter.meter_due():
        pass
    return business


def check(prices: dict[tuple[str, str], int], discounts: list[Decimal]) -> None:
    business = make_shop(prices, discounts)
    with scope(business.pk):
        said = usage.usage_of(business, MAY)
        preview = draft.preview(business=business, month=MAY)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    assert preview is not None
    exact = Decimal(49_000_000 + sum(prices.values()))
    for percent in discounts:
        exact -= (exact * percent / 100).quantize(Decimal(1), ROUND_HALF_EVEN)
    rounded = int((exact / 10_000).quantize(Decimal(1), ROUND_HALF_EVEN))
    assert (invoice.subtotal_minor, said.net_minor) == (rounded, rounded)
    assert preview.invoice.subtotal_minor == rounded
    with system("test"):
        lines = list(invoice.lines.all())
    assert sum(line.amount_micros for line in lines) == exact
    assert sum(line.amount_minor for line in lines) == rounded
    # A line's share is never a whole cent away from its exact amount.
    assert all(abs(line.amount_minor * 10_000 - line.amount_micros) < 10_000 for line in lines)
    assert said.rounding_micros == invoice.rounding_micros(lines) == rounded * 10_000 - exact


keys = st.tuples(st.sampled_from(list(TO)), st.sampled_from(CATEGORIES))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prices=st.dictionaries(keys, st.integers(1, 90_000), min_size=1, max_size=8),
    discounts=st.lists(st.sampled_from([Decimal(10), Decimal("33.33"), Decimal(100)]), max_size=2),
)
def test_the_exact_sum_is_rounded_once(db: None, prices: Any, discounts: Any) -> None:
    try:
        with transaction.atomic():
            check(prices, discounts)
            raise Undo
    except Undo:
        pass


@pytest.mark.parametrize(
    ("amounts", "discounts", "cents"),
    [
        # Running sums end in half a cent before and after the second line, of whole cents.
        ([5_000, 10_000, 5_000], [], [4900, 1, 1, 0]),
        ([5_000, 30_000], [], [4900, 1, 3]),
        # $49.015 is 4902, half-even; of $49.025 as well: there every tie goes down.
        ([5_000, 10_000], [], [4900, 1, 1]),
        ([5_000, 10_000, 10_000], [], [4900, 0, 1, 1]),
        # Discounts are lines like others.
        ([5_000], [Decimal(100)], [4900, 1, -4901]),
        ([15_000], [Decimal(50)], [4900, 2, -2451]),
    ],
)
def test_a_line_of_whole_cents_keeps_them(
    db: None, amounts: list[int], discounts: list[Decimal], cents: list[int]
) -> None:
    keys = [("North America", category) for category in sorted(CATEGORIES)]
    business = make_shop(dict(zip(keys, amounts, strict=False)), discounts)
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    with system("test"):
        assert [line.amount_minor for line in invoice.lines.order_by("position")] == cents
        assert invoice.subtotal_minor == sum(cents)
    assert reconcile() == []


@pytest.fixture
def invoice(db: None) -> Invoice:
    """Three messages at $0.004: rounded line by line they would cost nothing, in sum they are 1
    cent.
    """
    prices = dict.fromkeys([(market, "utility") for market in TO], 4_000)
    made = close.close_period(business=make_shop(prices, []), month=MAY)
    assert made is not None
    return made


def test_lines_show_exact_amounts_and_the_rounding(invoice: Invoice) -> None:
    with system("test"):
        content = document_content(invoice)
        text = " ".join(text_of(pdf.invoice_pdf(invoice)).split())
        csv = "".join(lines_csv(invoice)).splitlines()
    assert text.count("1 $0.004 $0.004") == 3
    assert "Rounding -$0.002 Subtotal $49.01" in text
    assert [line.amount_minor for line in content.lines] == [4900, 0, 1, 0]
    assert csv[0].endswith(",unit_price,amount,currency,exact_amount")
    assert [row.split(",")[-3:] for row in csv[1:]] == [
        ["49.00", "USD", "49"],
        ["0.00", "USD", "0.004"],
        ["0.01", "USD", "0.004"],
        ["0.00", "USD", "0.004"],
    ]


def test_the_pages_of_invoice_and_usage_say_the_same(invoice: Invoice) -> None:
    client = Client()
    user = make_member(invoice.business, "finance")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("invoice", args=[invoice.number])).content.decode()
    assert ">$0.004</td>" in page
    assert ">-$0.002</td>" in page
    assert "$49.01" in page
    page = client.get(reverse("usage"), {"month": "2026-05"}).content.decode()
    assert "$0.012" in page
    assert ">-$0.002</td>" in page
    assert "<b>$49.01</b>" in page
