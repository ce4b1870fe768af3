"""Reversals keep the books in balance; the recount finds every difference by id."""

import io
from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from django.db import connections

from billing import tasks
from billing.invoices import close
from billing.metering import meter
from billing.metering.reconciliation import CHECKS, reconcile
from billing.metering.reversals import ReversalError, reverse_charge
from billing.models import (
    CardChoice,
    Charge,
    Invoice,
    InvoiceLine,
    Payment,
    Tally,
    Usage,
)
from billing.payments import receipts
from billing.pricing import explanation
from core.errors import NotYours
from core.tenancy import scope, system
from hosting.models import Delivery, Message
from tests.factories import make_business, make_deliveries, make_number

MAY = date(2026, 5, 1)


@pytest.fixture
def books(db):
    """May of one business, closed and invoiced: 1,002 messages across a tier edge, one of them with
    no price at home.
    """
    business = make_business(timezone="UTC", clock_at=datetime(2026, 6, 10, tzinfo=UTC))
    number = make_number(business)
    with system("test"):
        CardChoice.objects.create(business=business, discount_percent="12.5")
    ids = make_deliveries(business, number, 1002)
    ids += make_deliveries(business, number, 3, to="919820012345", category="marketing")
    meter.meter_due()
    close.close_period(business=business, month=MAY)
    return business, number, ids


def test_sound_books_have_no_difference(books):
    assert reconcile() == []
    assert reconcile(MAY) == []
    assert reconcile(date(2026, 4, 1)) == []
    tasks.reconcile()
    out = io.StringIO()
    call_command("reconcile", stdout=out)
    assert out.getvalue().count("agrees: ") == len(CHECKS)


def test_reversal_of_a_closed_month_is_credited_in_the_open_one(books):
    # $0.0091 less 12.5 % is $0.0079625; to a micro, half to even: $0.007962.
    business, _, ids = books
    with system("test"):
        charge = Charge.objects.get(message_id=ids[0])
    assert charge.price_micros == 7_962
    back = reverse_charge(
        business_id=business.pk, charge_id=charge.pk, reason="  Sent twice by our fault "
    )
    with system("test"):
        row = Charge.objects.get(pk=back)
        assert (row.price_micros, row.reverses_id, row.note) == (
            -7_962,
            charge.pk,
            "Sent twice by our fault",
        )
        assert (row.month, row.billed_month, row.position) == (
            MAY,
            date(2026, 6, 1),
            charge.position,
        )
        usage = Usage.objects.get(billed_month=date(2026, 6, 1))
        assert (usage.month, usage.messages, usage.amount_micros, usage.price_micros) == (
            MAY,
            -1,
            -7_962,
            7_962,
        )
        assert Tally.objects.get(category="utility").positions == 1002
    assert reconcile() == []
    with scope(business.pk):
        why = explanation.explain(business.pk, ids[0])
        assert explanation.notes(business.pk, ids[:1])[ids[0]].text == "$0.007962"
    assert why.reason.startswith(
        "Number 1 of May 2026 in utility to North America: tier from 1 to 1,000 costs $0.0091, "
        "$0.007962 with your discount. Taken back on "
    )


def test_reversal_within_the_open_month_lowers_its_line(books):
    business, number, _ = books
    ids = make_deliveries(business, number, 2, at=datetime(2026, 6, 2, tzinfo=UTC))
    meter.meter_due()
    with system("test"):
        charge = Charge.objects.get(message_id=ids[1])
    reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="Test message")
    with system("test"):
        business.clock_at = datetime(2026, 7, 10, tzinfo=UTC)
        business.save()
        invoice = close.close_period(business=business, month=date(2026, 6, 1))
        line = InvoiceLine.objects.get(invoice=invoice, kind="messages")
        assert (line.quantity, line.amount_micros) == (1, 7_962)
    assert reconcile() == []


def test_reversal_without_reason_twice_of_itself_or_by_a_stranger_is_refused(books):
    business, _, ids = books
    with system("test"):
        charge = Charge.objects.get(message_id=ids[0])
    stranger = make_business("Stranger")
    refused = [
        (business.pk, charge.pk, " ", ReversalError, "Say why"),
        (business.pk, charge.pk, "x" * 201, ReversalError, "Say why"),
        (stranger.pk, charge.pk, "mine", NotYours, "no such charge"),
        (business.pk, 2**40, "gone", NotYours, "no such charge"),
    ]
    for business_id, charge_id, reason, error, words in refused:
        with pytest.raises(error, match=words):
            reverse_charge(business_id=business_id, charge_id=charge_id, reason=reason)
    back = reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="once")
    with pytest.raises(ReversalError, match="reversed before"):
        reverse_charge(business_id=business.pk, charge_id=charge.pk, reason="twice")
    with pytest.raises(ReversalError, match="cannot be reversed"):
        reverse_charge(business_id=business.pk, charge_id=back, reason="undo")
    with system("test"):
        assert Charge.objects.exclude(reverses_id=None).count() == 1
        connections["default"].cursor().execute("UPDATE billing_period SET state = 'closed'")
    with system("test"):
        other = Charge.objects.get(message_id=ids[1])
    with pytest.raises(ReversalError, match="no open month"):
        reverse_charge(business_id=business.pk, charge_id=other.pk, reason="late")


def test_every_kind_of_difference_is_named_by_id(books):
    business, number, ids = books
    lost = make_deliveries(business, number, 1)[0]
    with system("test"):
        Delivery.objects.all().delete()
        Message.objects.filter(pk=ids[5]).update(delivered_at=None)
        charge = Charge.objects.get(message_id=ids[5])
        Tally.objects.filter(category="marketing").update(positions=4)
        Usage.objects.filter(category="marketing").update(messages=2)
    found = {(d.check, d.what): (d.expected, d.found) for d in reconcile()}
    assert found == {
        ("reconcile_messages", f"message {lost}"): (
            "one of charge, waiting, quarantined",
            "0 charges, 0 waiting, 0 quarantined",
        ),
        ("reconcile_messages", f"charge {charge.pk}"): (
            "a message delivered in 2026-05",
            f"message {ids[5]} is not delivered",
        ),
        ("reconcile_positions", "2026-05-01, India, marketing, tier"): (
            "3 charges at positions 1 to 3",
            "a tally of 4 and positions 1 to 3",
        ),
        (
            "reconcile_rollup",
            f"2026-05-01, 2026-05-01, India, marketing, tier, tier {tier_of('marketing')}",
        ): (
            f"3 messages, {3 * 10_325} micros",
            f"2 messages, {3 * 10_325} micros",
        ),
    }
    with pytest.raises(SystemExit):
        call_command(
            "reconcile", "--month", "2026-05", stdout=(out := io.StringIO()), stderr=io.StringIO()
        )
    assert f"business {business.pk}, message {lost}: expected one of charge" in out.getvalue()


def tier_of(category):
    with system("test"):
        return Charge.objects.filter(category=category).values_list("tier_id", flat=True)[0]


def test_wrong_price_and_unbilled_charge_in_the_ledger_are_found(books):
    # A row that went past the metering: it agrees with nothing.
    business, number, _ = books
    message = make_deliveries(business, number, 1)[0]
    with system("test"):
        Delivery.objects.all().delete()
        good = Charge.objects.filter(category="marketing").latest("position")
        bad = Charge.objects.create(
            message_id=message,
            business_id=business.pk,
            month=MAY,
            billed_month=MAY,
            market="India",
            category="marketing",
            rule="tier",
            position=9,
            tier_id=good.tier_id,
            version_id=good.version_id,
            price_micros=1,
            delivered_at=good.delivered_at,
        )
    found = [(d.check, d.expected, d.found) for d in reconcile(MAY)]
    assert ("reconcile_prices", "10325", "1") in found
    assert [d.what for d in reconcile(MAY) if d.check == "reconcile_prices"] == [f"charge {bad.pk}"]
    assert [check for check, _, _ in found if check == "reconcile_invoices"] == [
        "reconcile_invoices"
    ]


def test_money_that_disagrees_with_the_invoice_is_found(books):
    business, _, _ = books
    with system("test"):
        invoice = Invoice.objects.get()
    receipts.record_transfer(
        invoice=invoice, amount_minor=invoice.total_minor, reference="Statement 1"
    )
    assert reconcile() == []
    with system("test"):
        payment = Payment.objects.get()
        Payment.objects.update(allocated_minor=payment.amount_minor - 1)
    found = [one for one in reconcile(MAY) if one.check == "reconcile_payments"]
    assert [str(difference) for difference in found] == [
        f"business {business.pk}, invoice {invoice.number}, paid: expected nothing left to pay, "
        f"found {invoice.total_minor} less {invoice.total_minor - 1} paid less 0 credited"
    ]
    with system("test"):
        Payment.objects.update(status="failed", allocated_minor=0)
    found = [one for one in reconcile() if one.check == "reconcile_payments"]
    assert [difference.what for difference in found] == [f"invoice {invoice.number}, paid"]
    assert [one for one in reconcile(date(2026, 4, 1)) if one.check == "reconcile_payments"] == []


def test_what_a_row_names_without_a_foreign_key_must_be_there(db):
    business = make_business()
    ids = make_deliveries(business, make_number(business), 3)
    meter.meter_due()
    theirs = make_number(make_business(name="Other"))
    assert reconcile() == []
    with system("test"):
        Message.objects.filter(pk__in=ids[1:]).update(number_id=theirs.pk)
        Message.objects.filter(pk=ids[0]).update(template_id=1)
    found = [
        (d.what, d.expected, d.found) for d in reconcile() if d.check == "reconcile_references"
    ]
    assert found == [
        ("numbers of messages", "none missing", f"2 missing, the first at id {ids[1]}"),
        ("templates of messages", "none missing", f"1 missing, the first at id {ids[0]}"),
    ]
    with system("test"):
        month = Message.objects.get(pk=ids[0]).created_at.astimezone(UTC).date().replace(day=1)
    assert len([d for d in reconcile(month) if d.check == "reconcile_references"]) == 2
    assert reconcile(date(2020, 1, 1)) == []
