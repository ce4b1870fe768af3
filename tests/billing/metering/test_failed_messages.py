"""Failed messages: free, or charged where the card says so; one charge at most, whatever comes
later.
"""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client

from billing import spend_caps
from billing.documents import tables
from billing.invoices import close
from billing.metering import meter as metering_meter
from billing.metering.reconciliation import reconcile
from billing.models import (
    CardChoice,
    CardVersion,
    Charge,
    Commitment,
    InvoiceLine,
    Period,
    Quarantine,
    RateCard,
    Tally,
)
from billing.pricing import explanation
from billing.rate_cards import versions
from billing.rate_cards.versions import Sheet, Step
from core.sql import statement
from core.tenancy import scope, system
from hosting.inbound import events
from hosting.models import Delivery, Message
from tests import databases
from tests.billing.test_spend_caps import make_shop, send
from tests.factories import make_business, make_deliveries, make_member, make_messages, make_number
from tests.hosting.messages.test_endpoints import status
from tests.hosting.messages.test_incoming_endpoint import knock, webhook

MAY = date(2026, 5, 1)
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=2)


@pytest.fixture
def number(db):
    return make_number(make_business(timezone="UTC", clock_at=datetime(2026, 5, 20, tzinfo=UTC)))


def follow(business, **rules):
    """A card of the business's own: the first two messages of a month cost 8,000 micros, then
    5,000.
    """
    with system("test"):
        card = RateCard.objects.create(
            name="Own", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
    sheet = Sheet("USD")
    for market in ("Other", "North America"):
        for category in ("utility", "service"):
            sheet.rates[market, category] = [Step(1, 2, 8_000), Step(3, None, 5_000)]
    version = versions.schedule(
        versions.make_draft(card=card, sheet=sheet, valid_from=MAY, **rules), today=MAY
    )
    with system("test"):
        CardChoice.objects.create(business=business, card=card)
    return version


def post_status(number, messages, kind, at=NOON):
    """Post a status of each message as the network's webhook."""
    with system("test"):
        wamids = list(
            Message.objects.filter(pk__in=messages).order_by("pk").values_list("wamid", flat=True)
        )
    assert (
        knock(number, webhook(number, statuses=[status(wamid, kind, at) for wamid in wamids]))
        == 200
    )
    events.apply_due()


def meter():
    while metering_meter.meter_due():
        pass


def ledger():
    with system("test"):
        rows = Charge.objects.order_by("message_id", "id")
        return list(rows.values_list("message_id", "rule", "position", "price_micros"))


def test_failed_messages_cost_nothing_and_leave_no_trace_unless_the_card_says_so(number):
    ids = make_messages(number.business, number, 3)
    post_status(number, ids, "failed")
    with system("test"):
        assert [(d.failed, d.delivered_at) for d in Delivery.objects.all()] == [(True, NOON)] * 3
    assert metering_meter.meter_due() == 3
    assert ledger() == []
    with system("test"):
        for nothing in (Delivery, Quarantine, Tally, Period):
            assert not nothing.objects.exists()
    assert reconcile() == []


def test_a_card_may_charge_failures_on_the_ladder_of_the_delivered_and_the_invoice_says_so(number):
    follow(number.business, failed_charged=True)
    first, second, third = make_messages(number.business, number, 3)
    post_status(number, [first, third], "delivered")
    post_status(number, [second], "failed", LATER)
    meter()
    # In the order of their moments: the failed one is the third of the month.
    assert ledger() == [
        (first, "tier", 1, 8_000),
        (second, "failed", 3, 5_000),
        (third, "tier", 2, 8_000),
    ]
    with system("test"):
        assert list(Tally.objects.values_list("rule", "positions")) == [("tier", 3)]
    assert reconcile() == []
    with scope(number.business_id):
        why = explanation.explain(number.business_id, second)
        note = explanation.notes(number.business_id, [second])[second]
    assert why.reason == (
        "Number 3 of May 2026 in utility to North America: tier from 3 on costs $0.005. "
        "It failed, and your rate card charges failed messages."
    )
    assert (note.text, note.title) == (
        "$0.005",
        "utility to North America, number 3 of the month, failed",
    )
    close.close_period(business=number.business, month=MAY)
    with system("test"):
        lines = InvoiceLine.objects.filter(kind="messages").order_by("position")
        assert list(lines.values_list("description", "rule", "quantity", "amount_micros")) == [
            ("Utility messages to North America, failed", "failed", 1, 5_000),
            ("Utility messages to North America", "tier", 2, 16_000),
        ]
    assert reconcile() == []


def test_what_would_have_been_free_is_free_when_it_fails_and_takes_from_the_allowance(number):
    follow(number.business, failed_charged=True, service_free_in_window=True, free_messages=1)
    inside = make_messages(number.business, number, 1, category="service", window_open=True)
    outside = make_messages(number.business, number, 2, category="service")
    post_status(number, inside + outside, "failed")
    meter()
    assert ledger() == [
        (inside[0], "service_in_window", 1, 0),
        (outside[0], "allowance", 1, 0),
        (outside[1], "failed", 1, 8_000),
    ]
    assert reconcile() == []


@pytest.mark.parametrize("charged", [True, False])
@pytest.mark.parametrize("metered_between", [True, False])
def test_failed_then_delivered_is_one_charge_of_the_same_price(number, charged, metered_between):
    follow(number.business, failed_charged=charged)
    ids = make_messages(number.business, number, 1)
    post_status(number, ids, "failed")
    if metered_between:
        meter()
    post_status(number, ids, "delivered", LATER)
    meter()
    rule = "failed" if charged and metered_between else "tier"
    assert ledger() == [(ids[0], rule, 1, 8_000)]
    with system("test"):
        assert Charge.objects.get().delivered_at == (NOON if rule == "failed" else LATER)
    post_status(number, ids, "read", LATER)
    meter()
    assert len(ledger()) == 1
    assert reconcile() == []


@pytest.mark.parametrize("metered_between", [True, False])
@pytest.mark.parametrize("proof", ["delivered", "read"])
def test_delivered_then_failed_is_one_charge_as_delivered(number, proof, metered_between):
    follow(number.business, failed_charged=True)
    ids = make_messages(number.business, number, 1)
    post_status(number, ids, proof)
    if metered_between:
        meter()
    post_status(number, ids, "failed", LATER)
    meter()
    assert ledger() == [(ids[0], "tier", 1, 8_000)]
    assert reconcile() == []


def test_a_failure_without_a_card_waits_in_quarantine_until_delivery_or_a_corrected_card(
    number,
):
    with system("test"):
        bare = RateCard.objects.create(
            name="Bare", currency="USD", floor_micros=0, ceiling_micros=90_000
        )
        choice = CardChoice.objects.create(business=number.business, card=bare)
    arrives, stays = make_messages(number.business, number, 2)
    post_status(number, [arrives, stays], "failed")
    meter()
    with system("test"):
        assert list(Quarantine.objects.values_list("reason", "failed")) == [("no_card", True)] * 2
        choice.delete()
    post_status(number, [arrives], "delivered", LATER)
    meter()
    assert ledger() == [(arrives, "tier", 1, 9_100)]
    with system("test"):
        ids = list(Quarantine.objects.values_list("pk", flat=True))
        assert list(Quarantine.objects.values_list("message_id", flat=True)) == [stays]
    assert metering_meter.requeue(ids) == 1
    meter()
    assert ledger() == [(arrives, "tier", 1, 9_100)]
    assert reconcile() == []


def test_the_month_of_a_moved_time_zone_decides_which_card_drops_a_failure(number):
    # May ends at 00:00 UTC for good; New York's calendar still says May for four hours, and the
    # stored edge wins.
    make_deliveries(number.business, number, 1)
    meter()
    with system("test"):
        number.business.timezone = "America/New_York"
        number.business.clock_at = None
        number.business.save()
        june = date(2026, 6, 1)
        card = RateCard.objects.get(name="Parley standard")
        sheet = versions.sheet_of(versions.version_on(card, MAY))
    versions.schedule(
        versions.make_draft(card=card, sheet=sheet, valid_from=june, failed_charged=True), today=MAY
    )
    ids = make_messages(number.business, number, 1, at=datetime(2026, 6, 1, 2, tzinfo=UTC))
    post_status(number, ids, "failed", datetime(2026, 6, 1, 2, tzinfo=UTC))
    meter()
    with system("test"):
        assert [(c.rule, c.month) for c in Charge.objects.filter(message_id=ids[0])] == [
            ("failed", june)
        ]
    assert reconcile() == []


def test_the_recount_names_a_failure_that_was_not_charged_and_one_that_should_not_have_been(number):
    version = follow(number.business, failed_charged=True)
    lost, wrong = make_messages(number.business, number, 2)
    post_status(number, [lost, wrong], "failed")
    with system("test"):
        Delivery.objects.filter(message_id=lost).delete()
    meter()
    with system("test"):
        Message.objects.filter(pk=wrong).update(failed_at=None)
        charge = Charge.objects.get()
    assert [(d.what, d.found) for d in reconcile()] == [
        (f"charge {charge.pk}", f"message {wrong} is not delivered"),
        (f"message {lost}", "0 charges, 0 waiting, 0 quarantined"),
    ]
    with system("owner"):
        assert CardVersion.objects.get(pk=version.pk).failed_charged


def test_another_version_of_the_card_is_rerated_with_or_without_failures(number):
    version = follow(number.business, failed_charged=True)
    ids = make_messages(number.business, number, 4)
    post_status(number, ids[:1], "failed")
    post_status(number, ids[1:], "delivered")
    meter()
    sheet = Sheet(
        "USD",
        rates={
            ("Other", "utility"): [Step(1, None, 1)],
            ("North America", "utility"): [Step(1, 3, 10_000), Step(4, None, 1_000)],
        },
    )
    june = date(2026, 6, 1)
    for charged, costs in ((True, 31_000), (False, 30_000)):
        draft = versions.make_draft(
            card=version.card, sheet=sheet, valid_from=june, failed_charged=charged
        )
        found = versions.rerate(draft, MAY)
        assert [(r.messages, r.charged_micros, r.would_be_micros) for r in found] == [
            (4, 26_000, costs)
        ]
        versions.withdraw(draft)


@pytest.mark.parametrize(("charged", "left"), [(True, 11_900), (False, 19_900)])
def test_a_hard_cap_keeps_a_failed_messages_commitment_until_it_is_metered(db, charged, left):
    business, number = make_shop(19_900)
    follow(business, failed_charged=charged)
    message = send(business, number)
    post_status(number, [message.pk], "failed")
    assert spend_caps.release_commitments() == 0
    meter()
    with system("test"):
        assert not Commitment.objects.exists()
        assert sum(Charge.objects.values_list("price_micros", flat=True)) == 19_900 - left
    assert reconcile() == []


def test_the_page_of_a_charge_says_that_it_failed(number, client: Client):
    follow(number.business, failed_charged=True)
    ids = make_messages(number.business, number, 1)
    post_status(number, ids, "failed")
    meter()
    client.force_login(make_member(number.business))
    page = client.get(f"/charges/{ids[0]}/").content.decode()
    assert "It failed" in page
    assert "Your rate card charges failed messages." in page
    assert "It was delivered" not in page


def plan(verb, parameters):
    """The plan of a statement on an empty copy of the ledger, undone afterwards: the table itself
    is as large as what other tests have left in it, and its plan would be their chance's.
    """
    # Without the condition of row-level security, in which the index's expression is not looked up.
    database = databases.admin(connection.settings_dict["NAME"])
    database.autocommit = False
    try:
        with psycopg.ClientCursor(database) as cursor:
            cursor.execute(
                "CREATE SCHEMA copied; GRANT USAGE ON SCHEMA copied TO parley_system;"
                "CREATE TABLE copied.billing_charge (LIKE public.billing_charge INCLUDING INDEXES);"
                "GRANT SELECT ON copied.billing_charge TO parley_system;"
                "SET LOCAL search_path = copied, public; SET LOCAL ROLE parley_system;"
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
                # On an empty table every index costs the same; the wanted one saves the sorting.
                "SET LOCAL enable_sort = off"
            )
            cursor.execute(f"EXPLAIN (COSTS OFF) {statement('billing', verb)}", parameters)
            return [line.strip() for (line,) in cursor.fetchall()]
    finally:
        database.rollback()
        database.close()


def test_messages_behind_a_line_are_found_by_their_position_in_the_unique_index(number):
    follow(number.business, failed_charged=True)
    ids = make_messages(number.business, number, 4)
    post_status(number, ids[:1], "failed")
    post_status(number, ids[1:], "delivered")
    meter()
    invoice = close.close_period(business=number.business, month=MAY)
    with scope(number.business_id):
        behind = {
            line.rule: [
                row["message_id"] for row in tables.messages_page(invoice, line=line.position)[0]
            ]
            for line in invoice.lines.filter(kind="messages", tier_first=1)
        }
    # Dealt in the order of their ids, as all came at the same moment: the failed one and the next
    # have tier 1.
    assert behind == {"failed": ids[:1], "tier": ids[1:2]}
    wanted = {
        "invoice_id": invoice.pk,
        "line": 1,
        "position": 0,
        "upto": None,
        "after": 0,
        "limit": 100,
    }
    for verb in ("messages_behind", "positions_behind"):
        found = plan(verb, wanted)
        assert any(
            line.startswith("Index Cond") and "CASE" in line and '"position"' in line
            for line in found
        ), found
