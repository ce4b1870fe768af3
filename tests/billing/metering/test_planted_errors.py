"""The recount names every planted error by its row; each is written past the database's rules.

The books: four businesses in June 2026. One was billed for May, taxed at 23 %, paid with a
transfer that was too much, credited, and paid back; one is void and issued anew; one wrote off; one
had a month of reversals.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import tasks
from billing.invoices import close, credit_notes
from billing.metering import meter
from billing.metering.reconciliation import ACTIONS, CHECKS, reconcile
from billing.metering.reversals import reverse_charge
from billing.models import (
    BillingDetails,
    CardChoice,
    Charge,
    CreditUse,
    MinimumCommitment,
    RateCard,
    Recount,
    Refund,
    Seller,
    Tally,
)
from billing.payments import outcomes, receipts
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.sql import statement
from core.tenancy import system
from hosting.models import ReportedPrice
from tests import databases
from tests.factories import (
    make_business,
    make_deliveries,
    make_exchange_rates,
    make_number,
)

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
Plant = Callable[[Any], Any]


def books() -> None:
    with system("test"):
        Seller.objects.update(country="IE", vat_id="IE6388047V")
    make_exchange_rates()
    clock = datetime(2026, 7, 10, tzinfo=UTC)
    taxed, void, lost, reversed_ = (
        make_business(name, plan_id=plan, timezone="UTC", clock_at=clock)
        for name, plan in (("A", "team"), ("B", "team"), ("C", "team"), ("D", "free"))
    )
    with system("test"):
        BillingDetails.objects.create(business=taxed, name="A Ltd", country="IE")
    number = make_number(taxed)
    make_deliveries(taxed, number, 1002)
    make_deliveries(taxed, number, 3, to="919820012345", category="marketing")
    make_deliveries(reversed_, make_number(reversed_), 5, to="4915112345678")
    meter.meter_due()
    report_prices(clock)
    with system("test"):
        MinimumCommitment.objects.create(business=void, amount_micros=7_000_000, first_month=MAY)
    may = {
        one.pk: close.close_period(business=one, month=MAY)
        for one in (taxed, void, lost, reversed_)
    }
    first, second, third = (may[one.pk] for one in (taxed, void, lost))
    assert first is not None
    assert second is not None
    assert third is not None
    receipts.record_transfer(invoice=first, amount_minor=first.total_minor + 500, reference="R")
    credit_notes.credit(invoice=first, reason="x", amounts={1: 1000}, use=CreditUse.REFUND)
    credit_notes.credit(invoice=first, reason="y", amounts={1: 500})
    with system("test"):
        refund = Refund.objects.get()
    outcomes.settle_manually(refund, moved=True, reference="back")
    close.void(invoice=second)
    close.reissue(invoice=second)
    close.mark_uncollectible(invoice=third)
    with system("test"):
        charges = list(Charge.objects.filter(business_id=reversed_.pk).values_list("id", flat=True))
    for charge in charges:
        reverse_charge(business_id=reversed_.pk, charge_id=charge, reason="x")
    for one in (taxed, void, lost, reversed_):
        close.close_period(business=one, month=JUNE)


def report_prices(clock: datetime) -> None:
    """A business whose card takes what the network reports, with one such charge of two."""
    business = make_business("E", plan_id="free", timezone="UTC", clock_at=clock)
    with system("test"):
        card = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    sheet = Sheet("USD", {(m, "marketing"): [Step(1, None, 20_000)] for m in ("Other", "Germany")})
    draft = versions.make_draft(card=card, sheet=sheet, valid_from=MAY, reported_prices=True)
    versions.schedule(draft, today=MAY)
    with system("test"):
        CardChoice.objects.create(business=business, card=card)
    number = make_number(business)
    first, _ = make_deliveries(business, number, 2, to="4915112345678", category="marketing")
    with system("test"):
        ReportedPrice.objects.create(
            business=business, message_id=first, price_micros=10_000, currency="USD"
        )
    meter.meter_due()


# What is planted, the check that must name it, and what the name begins with.
PLANTS: list[tuple[str, str, str]] = [
    (
        "UPDATE billing_charge SET market = CASE market WHEN 'India' THEN 'Germany' ELSE 'India' "
        "END WHERE id = (SELECT min(id) FROM billing_charge)",
        "reconcile_markets",
        "charge ",
    ),
    (
        "UPDATE billing_charge SET rule = 'service_in_window', price_micros = 0, tier_id = NULL "
        "WHERE id = (SELECT min(id) FROM billing_charge)",
        "reconcile_rules",
        "charge ",
    ),
    (
        "UPDATE billing_charge SET category = 'service' WHERE id = "
        "(SELECT min(id) FROM billing_charge)",
        "reconcile_rules",
        "charge ",
    ),
    (
        "UPDATE hosting_message SET window_open = true, category = 'service' WHERE id = "
        "(SELECT min(message_id) FROM billing_charge)",
        "reconcile_rules",
        "charge ",
    ),
    (
        "UPDATE billing_charge SET version_id = version_id + 1000 WHERE business_id = "
        "(SELECT min(business_id) FROM billing_charge)",
        "reconcile_terms",
        "1005 charges",
    ),
    (
        "UPDATE billing_charge SET price_micros = price_micros + 1 WHERE id = "
        "(SELECT min(id) FROM billing_charge)",
        "reconcile_prices",
        "charge ",
    ),
    (
        "UPDATE billing_charge SET position = 5000 WHERE id = (SELECT min(id) FROM billing_charge)",
        "reconcile_positions",
        "2026-05-01",
    ),
    ("UPDATE billing_tally SET positions = positions + 1", "reconcile_positions", "2026-05-01"),
    (
        "DELETE FROM billing_charge WHERE id = (SELECT min(id) FROM billing_charge)",
        "reconcile_messages",
        "message ",
    ),
    ("UPDATE billing_usage SET amount_micros = amount_micros + 1", "reconcile_rollup", "2026-"),
    (
        "UPDATE billing_charge SET price_micros = -price_micros WHERE reverses_id IS NOT NULL",
        "reconcile_prices",
        "charge ",
    ),
    (
        "DELETE FROM billing_period WHERE month = '2026-06-01' AND business_id = "
        "(SELECT min(business_id) FROM billing_period)",
        "reconcile_periods",
        "month 2026-07",
    ),
    (
        "UPDATE billing_period SET ends_at = ends_at - interval '1 hour' WHERE "
        "month = '2026-05-01'",
        "reconcile_periods",
        "month 2026-06",
    ),
    # $10 added to a line and its total.
    (
        "UPDATE billing_invoiceline SET amount_minor = amount_minor + 1000, amount_micros = "
        "amount_micros + 10000000 WHERE kind = 'messages'; UPDATE billing_invoice SET "
        "subtotal_minor = subtotal_minor + 1000, total_minor = total_minor + 1000",
        "reconcile_lines",
        "invoice ",
    ),
    (
        "UPDATE billing_invoiceline SET amount_minor = amount_minor + 1000, amount_micros = "
        "amount_micros + 10000000 WHERE kind = 'fee'",
        "reconcile_fees",
        "month 2026-0",
    ),
    (
        "UPDATE billing_invoiceline SET amount_minor = amount_minor + 1 WHERE kind = 'fee'",
        "reconcile_lines",
        "invoice ",
    ),
    (
        "UPDATE billing_invoice SET subtotal_minor = subtotal_minor + 1, total_minor = "
        "total_minor + 1 WHERE status = 'paid'",
        "reconcile_lines",
        "invoice ",
    ),
    (
        "UPDATE billing_creditnoteline SET amount_minor = amount_minor + 1",
        "reconcile_lines",
        "credit note ",
    ),
    # $5 of tax.
    (
        "UPDATE billing_invoice SET taxes = jsonb_set(taxes, '{0,tax_minor}', to_jsonb("
        "(taxes->0->>'tax_minor')::bigint + 500)), tax_minor = tax_minor + 500, total_minor = "
        "total_minor + 500 WHERE tax_minor > 0",
        "reconcile_taxes",
        "invoice ",
    ),
    (
        "UPDATE billing_invoice SET tax_minor = tax_minor + 500, total_minor = total_minor + 500 "
        "WHERE tax_minor > 0",
        "reconcile_taxes",
        "invoice ",
    ),
    (
        "UPDATE billing_invoiceline SET tax_percent = 9 WHERE tax_percent > 0",
        "reconcile_taxes",
        "invoice ",
    ),
    (
        "UPDATE billing_invoice SET currency = 'EUR' WHERE status = 'paid'",
        "reconcile_currencies",
        "invoice ",
    ),
    ("UPDATE billing_refund SET currency = 'EUR'", "reconcile_currencies", "refund "),
    ("UPDATE billing_payment SET currency = 'EUR'", "reconcile_currencies", "payment "),
    (
        "DELETE FROM billing_invoice WHERE replaces_id IS NOT NULL",
        "reconcile_fees",
        "month 2026-05",
    ),
    (
        "UPDATE billing_invoice SET number = NULL, issued_on = NULL, status = "
        "'void' WHERE status = "
        "'uncollectible'",
        "reconcile_fees",
        "month 2026-05",
    ),
    (
        "DELETE FROM billing_creditnote WHERE period_id IS NOT NULL",
        "reconcile_fees",
        "month 2026-06",
    ),
    (
        "UPDATE accounts_planterm SET fee_micros = fee_micros + 1000000 WHERE fee_micros > 0",
        "reconcile_fees",
        "month 2026-0",
    ),
    ("UPDATE billing_numberseries SET last = last + 1", "reconcile_series", "series "),
    (
        "UPDATE billing_invoice SET issued_on = issued_on - 365 WHERE status = 'paid'",
        "reconcile_series",
        "document ",
    ),
    (
        "UPDATE billing_invoice SET is_test = true WHERE status = 'paid'",
        "reconcile_series",
        "document ",
    ),
    (
        "UPDATE billing_payment SET allocated_minor = allocated_minor - 1 WHERE method = 'bank'",
        "reconcile_payments",
        "invoice ",
    ),
    ("UPDATE billing_refund SET amount_minor = 999999", "reconcile_payments", "payment "),
    ("UPDATE billing_cashreceipt SET amount_minor = 1", "reconcile_allocations", "receipt "),
    ("UPDATE billing_cashreceipt SET fee_minor = 1", "reconcile_journal", "entry fee"),
    (
        "UPDATE billing_creditnote SET total_minor = 1, subtotal_minor = 1, "
        "tax_minor = 0 WHERE use "
        "= 'refund'",
        "reconcile_allocations",
        "credit note ",
    ),
    (
        "UPDATE billing_creditnoteline SET amount_minor = 999999 WHERE invoice_line_id IS NOT NULL",
        "reconcile_allocations",
        "invoice line ",
    ),
    (
        "UPDATE billing_creditnote SET use = 'refund' WHERE use = 'balance'; INSERT INTO "
        "billing_refund (business_id, currency, method, status, amount_minor, key, reference, "
        "failure, created_at) SELECT business_id, 'USD', 'bank', 'open', 7, 'k', '', '', now() "
        "FROM billing_creditnote LIMIT 1",
        "reconcile_allocations",
        "credit balance",
    ),
    ("DELETE FROM billing_posting WHERE event LIKE 'invoice:%'", "reconcile_journal", "entry "),
    (
        "UPDATE billing_posting SET amount_minor = amount_minor + 1 WHERE "
        "event LIKE 'receipt:%' AND "
        "role = 'bank'",
        "reconcile_journal",
        "entry receipt",
    ),
    (
        "DELETE FROM billing_posting WHERE event LIKE 'write_off:%'",
        "reconcile_journal",
        "receivables in USD",
    ),
    (
        "UPDATE billing_posting SET posted_on = posted_on + 1 WHERE event LIKE 'credit:%'",
        "reconcile_journal",
        "entry credit",
    ),
    ("DELETE FROM billing_posting WHERE event LIKE 'void:%'", "reconcile_journal", "entry void"),
    # Minimum commitments.
    (
        "UPDATE billing_minimumcommitment SET amount_micros = amount_micros + 1",
        "reconcile_commitments",
        "month 2026-0",
    ),
    ("DELETE FROM billing_minimumcommitment", "reconcile_commitments", "month 2026-0"),
    (
        "UPDATE billing_invoiceline SET kind = 'fee' WHERE kind = 'commitment'",
        "reconcile_commitments",
        "month 2026-0",
    ),
    # What the network reported.
    (
        "UPDATE billing_charge SET price_micros = 9999 WHERE rule = 'reported'",
        "reconcile_prices",
        "charge ",
    ),
    (
        "UPDATE billing_charge SET rule = 'tier' WHERE rule = 'reported'",
        "reconcile_rules",
        "charge ",
    ),
    (
        "UPDATE billing_charge SET rule = 'reported' WHERE rule = 'tier' AND reverses_id IS NULL",
        "reconcile_rules",
        "charge ",
    ),
    ("UPDATE hosting_reportedprice SET price_micros = 8000", "reconcile_prices", "charge "),
    ("UPDATE hosting_reportedprice SET is_late = true", "reconcile_rules", "charge "),
    ("DELETE FROM hosting_reportedprice", "reconcile_rules", "charge "),
]


@pytest.fixture(scope="module")
def database(database_snapshot: databases.Snapshot, django_db_blocker: Any) -> Any:
    """The books, committed once for all plants; put back at the end."""
    with django_db_blocker.unblock():
        try:
            books()
            assert reconcile() == []
            yield database_snapshot.name
        finally:
            database_snapshot.put_back()


@pytest.mark.parametrize(("plant", "check", "name"), PLANTS)
def test_every_planted_error_is_named_by_its_row(
    database: str, plant: str, check: str, name: str
) -> None:
    with databases.admin(database) as rows, rows.transaction(force_rollback=True):
        rows.execute("SET LOCAL session_replication_role = replica")
        for one in _constraints(rows, plant):
            rows.execute(one)
        assert sum(rows.execute(part).rowcount for part in plant.split(";")) > 0
        found = rows.execute(statement("billing", check), {"month": None}).fetchall()
    assert [row[1] for row in found if row[1].startswith(name)], found


def _constraints(rows: "psycopg.Connection[Any]", plant: str) -> list[str]:
    """Statements that take the checks off the plant's tables of billing for this transaction."""
    found = rows.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint WHERE contype "
        "= 'c' AND conrelid::regclass::text = ANY(%s)",
        [re.findall(r"\bbilling_\w+", plant)],
    ).fetchall()
    return [f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name in found]


def test_there_are_enough_kinds_of_errors() -> None:
    assert len(PLANTS) >= 50
    # Messages and references have their plants in test_reconciliation.
    assert {check for _, check, _ in PLANTS} >= set(CHECKS) - {
        "reconcile_references",
        "reconcile_invoices",
    }
    assert set(ACTIONS) == set(CHECKS)


@pytest.mark.django_db
def test_the_page_says_what_differs_since_when_and_what_mends_it(client: Client) -> None:
    business = make_business(clock_at=datetime(2026, 6, 10, tzinfo=UTC))
    make_deliveries(business, make_number(business), 1)
    meter.meter_due()
    with system("test"):
        Tally.objects.update(positions=7)
    tasks.reconcile()
    tasks.reconcile()
    client.force_login(User.objects.create_superuser("ops@example.com"))
    with system("test"):
        first, second = Recount.objects.order_by("id")
        assert first.finished_at
        assert second.differences[0]["since"] == first.finished_at.isoformat()
    page = client.get(
        reverse("admin:billing_recount_show_differences", args=[second.pk])
    ).content.decode()
    assert "a tally of 7" in page
    assert f"{first.finished_at:%Y-%m-%d %H:%M}" in page
    assert ACTIONS["reconcile_positions"] in page
