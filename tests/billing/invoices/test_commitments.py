"""Minimum commitments: what is missing up to one is a line of its own, and reconcile derives it.

1,000 utility messages to North America cost 9.10, 100 to Germany 8.65. The Team plan costs 49.00.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Business, Plan, User
from billing.documents import sources
from billing.invoices import close, draft
from billing.metering import meter
from billing.metering.reconciliation import reconcile
from billing.metering.reversals import reverse_charge
from billing.metering.usage import usage_of
from billing.models import (
    BillingDetails,
    Charge,
    CreditNote,
    Discount,
    Invoice,
    MinimumCommitment,
    Posting,
    RateCard,
)
from core.tenancy import scope, system
from hosting.models import Number
from tests.factories import make_business, make_deliveries, make_member, make_number

MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
IN_JUNE = datetime(2026, 6, 10, 12, tzinfo=UTC)


def founded(plan: str = "team", minimum: int | None = 100_000_000, **fields: Any) -> Business:
    fields.setdefault("clock_at", datetime(2026, 7, 10, tzinfo=UTC))
    business = make_business(plan_id=plan, timezone="UTC", **fields)
    if minimum is not None:
        with system("test"):
            MinimumCommitment.objects.create(
                business=business, amount_micros=minimum, first_month=MAY
            )
    return business


def sent(business: Business, count: int, number: Number | None = None, **fields: Any) -> Number:
    number = number or make_number(business, is_test=False)
    make_deliveries(business, number, count, **fields)
    while meter.meter_due():
        pass
    return number


def lines(invoice: Invoice | None) -> list[tuple[str, int]]:
    assert invoice is not None
    with system("test"):
        return list(invoice.lines.order_by("position").values_list("kind", "amount_micros"))


def closed(business: Business, month: date = MAY) -> Invoice | None:
    return close.close_period(business=business, month=month)


def test_what_is_missing_is_a_line_of_its_own(db: None) -> None:
    business = founded()
    sent(business, 1000)
    with scope(business.pk):
        usage = usage_of(business, MAY)
        shown = draft.preview(business=business, month=MAY)
    assert (usage.missing_micros, usage.net_minor) == (90_900_000, 14_900)
    assert shown is not None
    assert shown.invoice.total_minor == 14_900
    invoice = closed(business)
    assert lines(invoice) == [
        ("fee", 49_000_000),
        ("messages", 9_100_000),
        ("commitment", 90_900_000),
    ]
    assert invoice is not None
    assert invoice.total_minor == 14_900
    with system("test"):
        line = invoice.lines.get(kind="commitment")
        assert line.description == "Up to the agreed minimum of 100.00 USD a month"
        posted = Posting.objects.filter(business=business, event=f"invoice:{invoice.pk}")
        assert dict(posted.values_list("role", "amount_minor")) == {
            "receivable": 14_900, "hosting": -4900, "messages": -910, "commitment": -9090,
        }  # fmt: skip
    assert reconcile() == []


def test_a_month_without_messages_costs_the_minimum_and_one_with_more_costs_no_more(
    db: None,
) -> None:
    business = founded(plan="free", minimum=8_000_000)
    client = Client()
    client.force_login(make_member(business))
    page = client.get(reverse("usage"), {"month": "2026-05"}).content.decode()
    costs = re.findall(r"<th[^>]*>([^<]+)</th>\s*<td[^>]*>(?:<b>)?([^<]+)<", page)
    assert costs == [("Up to the agreed minimum", "$8.00"), ("On the invoice, before tax", "$8.00")]
    assert lines(closed(business)) == [("commitment", 8_000_000)]
    sent(business, 100, to="4915112345678", at=IN_JUNE)
    assert lines(closed(business, JUNE)) == [("messages", 8_650_000)]
    assert reconcile() == []


def test_discounts_take_off_what_is_missing_as_well(db: None) -> None:
    business = founded()
    with system("test"):
        Discount.objects.create(
            business=business, description="Partner", percent=Decimal(10), first_month=MAY
        )
    sent(business, 1000)
    invoice = closed(business)
    assert lines(invoice)[-1] == ("discount", -14_900_000)
    assert invoice is not None
    assert invoice.total_minor == 13_410
    assert reconcile() == []


def test_late_messages_and_reversals_of_another_month_neither_fill_nor_drain_it(db: None) -> None:
    business = founded(plan="free", minimum=10_000_000)
    number = sent(business, 100, to="4915112345678")
    assert lines(closed(business)) == [("messages", 8_650_000), ("commitment", 1_350_000)]
    # Ten of May are taken back, and 1,000 of May come late: both are billed in June.
    with system("test"):
        ids = list(Charge.objects.order_by("id").values_list("id", flat=True)[:10])
    for one in ids:
        reverse_charge(business_id=business.pk, charge_id=one, reason="test")
    sent(business, 1000, number)
    sent(business, 200, number, at=IN_JUNE)
    # 200 x 0.0091 = 1.82 of June are 8.18 short.
    assert lines(closed(business, JUNE)) == [
        ("messages", 1_820_000), ("late", -865_000), ("late", 9_100_000),
        ("commitment", 8_180_000),
    ]  # fmt: skip
    assert reconcile() == []


def test_reversals_of_the_month_itself_drain_it(db: None) -> None:
    business = founded(plan="free", minimum=10_000_000)
    sent(business, 100, to="4915112345678")
    with system("test"):
        first = Charge.objects.order_by("id").values_list("id", flat=True)[0]
    reverse_charge(business_id=business.pk, charge_id=first, reason="test")
    assert lines(closed(business)) == [("messages", 8_563_500), ("commitment", 1_436_500)]
    assert reconcile() == []


def test_a_month_that_is_a_credit_has_the_minimum_taken_off(db: None) -> None:
    business = founded(plan="free", minimum=1_000_000)
    sent(business, 100, to="4915112345678")
    assert lines(closed(business)) == [("messages", 8_650_000)]
    with system("test"):
        ids = list(Charge.objects.values_list("id", flat=True))
    for one in ids:
        reverse_charge(business_id=business.pk, charge_id=one, reason="test")
    assert closed(business, JUNE) is None
    with system("test"):
        note = CreditNote.objects.get()
        assert list(note.lines.values_list("kind", "amount_micros")) == [
            ("late", 8_650_000),
            ("commitment", -1_000_000),
        ]
    assert note.total_minor == 765
    assert reconcile() == []


def test_on_trial_the_minimum_is_on_the_test_invoice(db: None) -> None:
    business = founded(plan="free", minimum=10_000_000)
    sent(business, 1000, make_number(business, is_test=True))
    invoice = closed(business)
    assert invoice is not None
    assert invoice.is_test
    assert lines(invoice) == [("messages", 9_100_000), ("commitment", 900_000)]
    assert reconcile() == []


def test_void_and_issued_anew_it_stays(db: None) -> None:
    business = founded(plan="free", minimum=10_000_000)
    invoice = closed(business)
    assert invoice is not None
    close.void(invoice=invoice)
    assert lines(close.reissue(invoice=invoice)) == [("commitment", 10_000_000)]
    assert reconcile() == []


def test_a_closed_month_keeps_its_minimum_and_months_have_one_at_most(db: None) -> None:
    business = founded(plan="free", minimum=10_000_000)
    closed(business)
    with system("test"):
        commitment = MinimumCommitment.objects.get()
        for change in (
            lambda: MinimumCommitment.objects.update(amount_micros=1),
            lambda: MinimumCommitment.objects.update(first_month=JUNE),
            lambda: MinimumCommitment.objects.all().delete(),
            lambda: MinimumCommitment.objects.create(
                business=business, amount_micros=1, first_month=JULY
            ),
            lambda: MinimumCommitment.objects.create(
                business=business, amount_micros=0, first_month=date(2020, 1, 1), last_month=MAY
            ),
            lambda: MinimumCommitment.objects.create(
                business=business, amount_micros=5, first_month=date(2020, 1, 2)
            ),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                change()
        MinimumCommitment.objects.update(last_month=MAY)
        commitment.refresh_from_db()
        assert (commitment.amount_micros, commitment.last_month) == (10_000_000, MAY)
        MinimumCommitment.objects.create(
            business=business, amount_micros=20_000_000, first_month=JUNE
        )
    assert lines(closed(business, JUNE)) == [("commitment", 20_000_000)]


def test_the_currency_changes_only_after_the_minimum_has_ended(db: None) -> None:
    business = founded(plan="free", clock_at=datetime(2026, 5, 20, tzinfo=UTC))
    with system("test"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Business.objects.filter(pk=business.pk).update(currency="EUR")
        MinimumCommitment.objects.update(last_month=MAY)
        Business.objects.filter(pk=business.pk).update(currency="EUR")
        MinimumCommitment.objects.create(
            business=business, amount_micros=5_000_000, first_month=JUNE
        )
        found = MinimumCommitment.objects.order_by("first_month")
        assert list(found.values_list("currency", flat=True)) == ["USD", "EUR"]


def test_it_is_entered_as_a_decimal_and_audited(client: Client, db: None) -> None:
    business = founded(minimum=None)
    with system("test"):
        client.force_login(User.objects.create_superuser("ops@example.com"))
    url = reverse("admin:billing_minimumcommitment_add")
    data = {"business": business.pk, "amount_micros": "250.505", "first_month": "2026-08-01"}
    assert client.post(url, data).status_code == 302
    with system("test"):
        row = MinimumCommitment.objects.get()
        entry = AuditEntry.objects.get(action="minimumcommitment.added")
    assert (row.amount_micros, row.currency) == (250_505_000, "USD")
    assert entry.after["amount_micros"] == 250_505_000
    page = client.get(reverse("admin:billing_minimumcommitment_change", args=[row.pk]))
    assert 'value="250.505"' in page.content.decode()
    changed = client.post(
        reverse("admin:billing_minimumcommitment_change", args=[row.pk]),
        data | {"amount_micros": "1.0000001"},
    )
    assert changed.status_code == 200
    with system("test"):
        assert MinimumCommitment.objects.get().amount_micros == 250_505_000


@pytest.mark.parametrize(
    ("model", "field", "micros", "shown"),
    [(Plan, "monthly_fee_micros", 49_000_000, "49"), (RateCard, "floor_micros", 5_000, "0.005")],
)
def test_every_amount_of_the_admin_is_a_decimal(
    client: Client, db: None, model: Any, field: str, micros: int, shown: str
) -> None:
    with system("test"):
        client.force_login(User.objects.create_superuser("ops@example.com"))
        row = model.objects.filter(**{field: micros}).first()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    page = client.get(reverse(name, args=[row.pk])).content.decode()
    assert f'name="{field}" value="{shown}"' in page


def test_documents_say_it_in_the_customers_language(db: None) -> None:
    business = founded(plan="free", minimum=1_234_500_000)
    with system("test"):
        BillingDetails.objects.create(business=business, name="B", country="US", language="de")
    invoice = closed(business)
    assert invoice is not None
    with system("test"):
        (line,) = sources.document_content(invoice).lines
    assert line.description == "Bis zur vereinbarten Mindestabnahme von 1.234,50\xa0$ im Monat"
