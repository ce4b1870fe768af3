"""Random lives of businesses: whatever happens, nothing is billed twice and nothing is left out.

The ledger and the fees of all closed months are the invoices and credit notes of them; what is due
and what arrived is the posted journal; and the recount, which derives all of it anew, finds no
difference.
"""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import Error, transaction

from accounts.models import Business, Plan
from accounts.plans import changes
from billing import commitments, plan_fees
from billing.invoices import close, credit_notes
from billing.metering import meter
from billing.metering.reconciliation import reconcile
from billing.metering.reversals import reverse_charge
from billing.models import (
    CardChoice,
    CashReceipt,
    Charge,
    CreditNote,
    CreditNoteLine,
    CreditUse,
    DefaultCard,
    Discount,
    Invoice,
    InvoiceLine,
    LineKind,
    MinimumCommitment,
    Period,
    Posting,
    RateCard,
    Refund,
)
from billing.payments import outcomes, receipts, settlement
from billing.rate_cards import versions
from billing.rate_cards.versions import Step
from core.errors import ParleyError
from core.tenancy import system
from hosting.models import Number
from tests.factories import make_deliveries, make_number

FOUNDED = datetime(2026, 1, 12, 9, tzinfo=UTC)
LIMITS = ("hosted_messages", "days_kept", "max_numbers", "max_seats", "requests_per_second")
PHONES = ["14155550100", "919820012345", "4915112345678"]


class Undo(Exception):
    """Raised to roll one life back."""


class Life:
    """A business and what chance does to it; months pass one after the other."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = FOUNDED + timedelta(days=self.chance.randrange(40))
        self.founded = self.now
        zone = self.chance.choice(["UTC", "America/New_York", "Asia/Kolkata"])
        with system("test"):
            self.business = Business.objects.create(
                name=f"Life {seed}",
                plan_id=self.chance.choice(["free", "team"]),
                timezone=zone,
                clock_at=self.now,
            )
        self.number = make_number(self.business)

    def run(self, months: int) -> None:
        for _ in range(months):
            for _ in range(self.chance.randrange(2, 9)):
                self.now += timedelta(hours=self.chance.randrange(1, 150))
                self.set_clock()
                self.chance.choice(
                    [
                        *([self.deliver] * 3),
                        self.late,
                        self.reverse,
                        self.move,
                        self.pay,
                        self.pay,
                        self.credit,
                        self.void,
                        self.give_up,
                        self.pay_out,
                        self.discount,
                        self.pay_part,
                        self.agree,
                        self.new_prices,
                        self.commit,
                        self.change_currency,
                    ]
                )()
            self.end_month()
        self.now += timedelta(days=3)
        self.end_month()

    def set_clock(self) -> None:
        with system("test"):
            Business.objects.filter(pk=self.business.pk).update(clock_at=self.now)
            self.business.refresh_from_db()

    def end_month(self) -> None:
        self.now = (self.now.replace(day=1) + timedelta(days=32)).replace(day=3, hour=12)
        self.set_clock()
        close.close_due_periods()

    def deliver(self, back: int = 0) -> None:
        make_deliveries(
            self.business,
            self.number,
            self.chance.choice([1, 7, 120]),
            to=self.chance.choice(PHONES),
            category=self.chance.choice(["utility", "marketing"]),
            at=max(self.founded, self.now - timedelta(days=back)),
        )
        meter.meter_due()

    def late(self) -> None:
        self.deliver(back=self.chance.randrange(1, 45))

    def reverse(self) -> None:
        with system("test"):
            undone = Charge.objects.exclude(reverses_id=None).values("reverses_id")
            found = Charge.objects.filter(business_id=self.business.pk, reverses_id=None)
            ids = list(found.exclude(pk__in=undone).values_list("id", flat=True).order_by("id"))
        for one in self.chance.sample(ids, min(len(ids), self.chance.choice([1, 30]))):
            # Refused where no month of its currency is open.
            refused(
                lambda one=one: reverse_charge(
                    business_id=self.business.pk, charge_id=one, reason="chance"
                )
            )

    def move(self) -> None:
        plan = self.chance.choice(["free", "team", "euro-team"])
        refused(lambda: changes.move(self.business, Plan.objects.get(pk=plan)))
        with system("test"):
            self.business.refresh_from_db()

    def next_month(self) -> date:
        return (self.now.replace(day=1) + timedelta(days=40)).date().replace(day=1)

    def agree(self) -> None:
        """A discount on the prices of a card, for next month."""
        percent = self.chance.choice([Decimal("12.5"), Decimal("33.33"), Decimal(50)])
        month = self.next_month()
        refused(
            lambda: CardChoice.objects.create(
                business=self.business,
                discount_percent=percent,
                valid_from=month,
                valid_to=close.next_month(month),
            )
        )

    def new_prices(self) -> None:
        """A version of the business's default card from next month on, 7 % dearer or cheaper."""
        factor = self.chance.choice([93, 107])
        with system("test"):
            month = self.next_month()
            card = DefaultCard.objects.get(currency=self.business.currency).card
            version = versions.version_on(card, month)
            assert version is not None
            sheet = versions.sheet_of(version)
        for key, steps in sheet.rates.items():
            sheet.rates[key] = [
                Step(one.first, one.last, min(90_000, max(5_000, one.price_micros * factor // 100)))
                for one in steps
            ]
        refused(
            lambda: versions.schedule(
                versions.make_draft(card=card, sheet=sheet, valid_from=month), today=self.now.date()
            )
        )

    def commit(self) -> None:
        """A minimum for next month, and perhaps the one after."""
        first = self.next_month()
        last = self.chance.choice([first, close.next_month(first)])
        micros = self.chance.choice([1, 500_000, 20_000_000])
        refused(
            lambda: MinimumCommitment.objects.create(
                business=self.business, amount_micros=micros, first_month=first, last_month=last
            )
        )

    def change_currency(self) -> None:
        """The other currency, from next month on; refused while anything is agreed in the old."""
        other = {"USD": "EUR", "EUR": "USD"}[self.business.currency]
        refused(
            lambda: Business.objects.filter(pk=self.business.pk, plan_id="free").update(
                currency=other
            )
        )
        with system("test"):
            self.business.refresh_from_db()

    def pay_part(self) -> None:
        """A transfer that names an invoice: a part of it, all, or more."""
        invoice = self.invoice()
        if invoice is None:
            return
        minor = 1 + invoice.total_minor * self.chance.choice([1, 3, 10, 12]) // 10
        refused(
            lambda: receipts.record_transfer(
                invoice=invoice, amount_minor=minor, reference=str(self.chance.random())
            )
        )

    def invoice(self) -> Invoice | None:
        with system("test"):
            found = list(
                Invoice.objects.filter(business=self.business)
                .exclude(number=None)
                .select_related("business")
                .order_by("id")
            )
        return self.chance.choice(found) if found else None

    def pay(self) -> None:
        receipts.record(
            business=self.business,
            amount_minor=self.chance.choice([1, 700, 4900, 12_345]),
            currency=self.chance.choice(["USD", self.business.currency]),
            reference=str(self.chance.random()),
            fee_minor=self.chance.choice([0, 0, 1]),
        )

    def credit(self) -> None:
        if invoice := self.invoice():
            use = self.chance.choice([None, CreditUse.REFUND, CreditUse.BALANCE])
            amounts = self.chance.choice([None, {1: 1}, {1: 500}])
            refused(
                lambda: credit_notes.credit(
                    invoice=invoice, reason="chance", amounts=amounts, use=use
                )
            )
        with system("test"):
            open_ones = list(Refund.objects.filter(business=self.business, status="open"))
        for refund in open_ones:
            outcomes.settle_manually(
                refund, moved=self.chance.random() < 0.8, reference=str(self.chance.random())
            )

    def void(self) -> None:
        if (invoice := self.invoice()) and refused(lambda: close.void(invoice=invoice)):
            close.reissue(invoice=invoice)

    def give_up(self) -> None:
        if invoice := self.invoice():
            refused(lambda: close.mark_uncollectible(invoice=invoice))

    def pay_out(self) -> None:
        refused(
            lambda: receipts.pay_out_balance(
                business=self.business,
                currency=self.chance.choice(["USD", self.business.currency]),
                amount_minor=self.chance.choice([1, 500]),
            )
        )

    def discount(self) -> None:
        month = self.next_month()
        with system("test"):
            Discount.objects.create(
                business=self.business,
                description="Chance",
                percent=Decimal(10),
                first_month=month,
                last_month=month,
            )


def refused(deed: object) -> bool:
    """Do it; whether it was done. A refusal changes nothing, which the sums show."""
    try:
        with system("test"), transaction.atomic():
            deed()  # type: ignore[operator]
    except (ParleyError, Error):
        return False
    return True


def euros() -> None:
    """A default card and a plan with a fee in euros."""
    with system("test"):
        card = RateCard.objects.create(
            name="Euro", currency="EUR", floor_micros=5_000, ceiling_micros=90_000
        )
        Plan.objects.create(
            code="euro-team",
            name="Team, euros",
            currency="EUR",
            monthly_fee_micros=45_000_000,
            **{name: getattr(Plan.objects.get(pk="team"), name) for name in LIMITS},
        )
        standard = DefaultCard.objects.get(currency="USD").card
        version = versions.version_on(standard, FOUNDED.date().replace(day=1))
        assert version is not None
        sheet = versions.sheet_of(version)
    sheet.currency = "EUR"
    january = FOUNDED.date().replace(day=1)
    draft = versions.make_draft(card=card, sheet=sheet, valid_from=january)
    versions.schedule(draft, today=date(2025, 12, 1))
    with system("test"):
        DefaultCard.objects.create(currency="EUR", card=card, valid_from=january)


def check(life: Life) -> None:
    """The promises about one life."""
    business = life.business
    with system("test"):
        closed = list(Period.objects.filter(business=business, state="closed").order_by("month"))
        months = [period.month for period in closed]
        charges = Charge.objects.filter(business_id=business.pk, billed_month__in=months)
        ledger = sum(charges.values_list("price_micros", flat=True))
        fees = sum(
            plan_fees.plan_fee(one)
            for month in months
            for one in changes.stretches(business, month)
        )
        lines = InvoiceLine.objects.filter(business=business).exclude(invoice__status="void")
        of_month = CreditNoteLine.objects.filter(business=business, invoice_line=None)

        def total(*kinds: str) -> int:
            billed = sum(lines.filter(kind__in=kinds).values_list("amount_micros", flat=True))
            return billed - sum(
                of_month.filter(kind__in=kinds).values_list("amount_micros", flat=True)
            )

        minimums = sum(commitments.missing(business, month) for month in months)
        assert total("messages", "late") == ledger
        assert total("fee") == fees
        assert total("commitment") == minimums
        assert total(*LineKind.values) - total("discount") == ledger + fees + minimums
        # Every month since the business began is there, once, and billed once at most.
        first = date(FOUNDED.year, FOUNDED.month, 1)
        assert all(first <= month for month in months)
        assert len(set(months)) == len(months)
        live = Invoice.objects.filter(business=business).exclude(status="void")
        assert len(set(live.values_list("period_id", flat=True))) == live.count()
        # Receivables and cash are the journal's.
        for currency in ("USD", "EUR"):
            check_journal(business, currency)
        assert not CreditNote.objects.filter(business=business, total_minor__lte=0).exists()
        assert Number.objects.filter(business=business).count() == 1
    assert reconcile() == []


def check_journal(business: Business, currency: str) -> None:
    """Receivables are what is due, cash is what arrived less what went back, and what the customer
    has is its balance, unallocated money and what is on the way back.
    """
    of = {"business": business, "currency": currency}
    roles: Counter[str] = Counter()
    for role, minor in Posting.objects.filter(**of).values_list("role", "amount_minor"):
        roles[role] += minor
    assert sum(roles.values()) == 0
    live = Invoice.objects.filter(**of).exclude(status__in=["void", "uncollectible"])
    assert roles["receivable"] == sum(one.due_now() for one in live)
    arrived = CashReceipt.objects.filter(**of)
    back = Refund.objects.filter(**of, status="succeeded")
    cash = sum(one.amount_minor - one.fee_minor for one in arrived)
    assert roles["bank"] == cash - sum(one.amount_minor for one in back)
    held = settlement.balance_minor(business, currency)
    held += settlement.unallocated_minor(business, currency)
    waiting = Refund.objects.filter(**of, status="open")
    failed = Refund.objects.filter(**of, status="failed", credit_note__isnull=False)
    on_the_way = sum(one.amount_minor for one in (*waiting, *failed))
    assert -roles["balance"] - roles["unallocated"] == held + on_the_way


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_billed_twice_and_nothing_is_left_out(db: None, seed: int) -> None:
    lived(seed, months=5)


# A test each: what one rolls back slows down the next within the same transaction.
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 300))
def test_many_more_lives(db: None, seed: int) -> None:
    lived(seed, months=14)


def lived(seed: int, months: int) -> None:
    try:
        with transaction.atomic():
            euros()
            life = Life(seed)
            life.run(months)
            check(life)
            raise Undo
    except Undo:
        pass
