"""Names of ledger rows in the admin, and small pages around them."""

import csv
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse, set_urlconf

from accounts.dashboard.panels import Attention
from accounts.models import AuditEntry, User
from billing import erasure
from billing.dashboard import panels as dashboard
from billing.invoices import close
from billing.metering import meter
from billing.models import (
    CallingCode,
    CardChoice,
    Charge,
    Commitment,
    Invoice,
    Market,
    MeterBatch,
    NumberTally,
    Quarantine,
    Rate,
    RateCard,
    SpendAlert,
    Tally,
    Tier,
    Usage,
)
from billing.pricing import explanation
from billing.rate_cards import csv_files
from core import money
from core.tenancy import logins, scope, system
from hosting.extensions import Person
from hosting.models import Delivery
from tests.billing.rate_cards.test_agreed_terms import make_version
from tests.databases import admin
from tests.factories import make_business, make_deliveries, make_member, make_number

MAY = date(2026, 5, 1)


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


def page(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def bare(db: None) -> Any:
    """A business whose card has no version: its two delivered messages are in quarantine."""
    business = make_business(timezone="UTC", clock_at=datetime(2026, 5, 20, tzinfo=UTC))
    with system("test"):
        card = RateCard.objects.create(
            name="Bare", currency="USD", floor_micros=0, ceiling_micros=1
        )
        CardChoice.objects.create(business=business, card=card)
    make_deliveries(business, make_number(business), 2, to="4915112345678")
    meter.meter_due()
    return business


def test_cards_and_tiers_are_listed_with_their_prices(operator: Client) -> None:
    cards = page(operator, "admin:billing_ratecard_changelist")
    assert ("$0.005" in cards, "$0.09" in cards) == (True, True)
    assert "$0.0091" in page(operator, "admin:billing_tier_changelist")


def test_quarantine_is_metered_again_by_an_operator(operator: Client, bare: Any) -> None:
    assert "No rate card version for this business and month" in page(
        operator, "admin:billing_quarantine_changelist"
    )
    with system("test"):
        CardChoice.objects.all().delete()
        ids = list(Quarantine.objects.values_list("pk", flat=True))
    url = reverse("admin:billing_quarantine_changelist")
    answer = operator.post(url, {"action": "requeue", "_selected_action": ids}, follow=True)
    assert "2 deliveries are metered again." in answer.content.decode()
    meter.meter_due()
    with system("test"):
        assert not Quarantine.objects.exists()
        # Utility to Germany costs $0.0201 at the first tier.
        assert [c.market for c in Charge.objects.all()] == ["Germany", "Germany"]
        entry = AuditEntry.objects.get()
    assert (entry.action, sorted(entry.after["ids"])) == ("quarantine.requeued", sorted(ids))


def test_who_may_only_look_cannot_meter_again(client: Client, bare: Any) -> None:
    from django.contrib.auth.models import Permission

    looker = User.objects.create_user("looker@example.com", "x", is_staff=True)
    with logins("test"):
        looker.user_permissions.add(Permission.objects.get(codename="view_quarantine"))
    client.force_login(looker)
    with system("test"):
        ids = list(Quarantine.objects.values_list("pk", flat=True))
    client.post(
        reverse("admin:billing_quarantine_changelist"),
        {"action": "requeue", "_selected_action": ids},
    )
    with system("test"):
        assert (Quarantine.objects.count(), Delivery.objects.count()) == (2, 0)


def test_rows_have_readable_names(db: None) -> None:
    business = make_business("Bakery", timezone="UTC")
    number = make_number(business)
    version = make_version(free_messages=1)
    with system("test"):
        choice = CardChoice.objects.create(
            business=business, card=version.card, discount_percent="2.5"
        )
    make_deliveries(business, number, 2, category="service")
    meter.meter_due()
    with system("test"):
        rate = Rate.objects.get(version=version, market="India", category="service")
        tally, usage = (model.objects.get(rule="tier") for model in (Tally, Usage))
        found = [
            rate,
            rate.tiers.get(),
            Tier(first=1, last=9, price_micros=5),
            choice,
            CardChoice(business=business, valid_from=MAY, discount_percent=3),
            tally,
            NumberTally.objects.get(),
            usage,
            Market.objects.get(name="India"),
            CallingCode.objects.get(prefix="91"),
            Commitment(price_micros=7, wamid="wamid.1"),
            SpendAlert(percent=80, month=MAY),
            Charge(message_id=4),
            Quarantine(message_id=4, reason="no_rate"),
        ]
        assert [str(row) for row in found] == [
            "India service",
            "1–∞ at 6000",
            "1–9 at 5",
            "Bakery from 2025-01: Own (USD) −2.5 %",
            "Bakery from 2026-05: default card −3 %",
            "1 service to North America",
            f"2 of number {number.pk} in 2026-05",
            "1 service to North America in 2026-05",
            "India",
            "+91 India",
            "7 micros for wamid.1",
            "80 % of the cap in 2026-05",
            "charge of message 4",
            "message 4: The rate card has no price for this market and category",
        ]


def test_a_free_message_is_explained_and_its_page_has_no_tiers(client: Client, db: None) -> None:
    business = make_business(timezone="UTC")
    with system("test"):
        CardChoice.objects.create(
            business=business, card=make_version(service_free_in_window=True).card
        )
    ids = make_deliveries(business, make_number(business), 1, category="service", window_open=True)
    meter.meter_due()
    with scope(business.pk):
        why = explanation.explain(business.pk, ids[0])
        note = explanation.notes(business.pk, ids)[ids[0]]
    assert why.reason == "Service is free in the 24-hour window: this message costs nothing."
    assert (why.price, note.text, note.title) == (
        "$0.00",
        "free",
        "Service is free in the 24-hour window",
    )
    client.force_login(make_member(business))
    answer = client.get(reverse("charge", args=ids))
    assert answer.context["tiers"] == []
    assert "Free by a rule of the card" in answer.content.decode()


def test_a_note_has_no_url_without_pages(db: None) -> None:
    business = make_business(timezone="UTC")
    ids = make_deliveries(business, make_number(business), 1)
    meter.meter_due()
    try:
        set_urlconf("config.api")
        with scope(business.pk):
            note = explanation.notes(business.pk, ids)[ids[0]]
    finally:
        set_urlconf(None)
    assert (note.text, note.url) == ("$0.0091", "")


def test_the_home_page_has_the_month_what_is_due_and_what_waits_for_a_price(
    client: Client, bare: Any
) -> None:
    number = make_number(bare)
    with system("test"):
        CardChoice.objects.all().delete()
    make_deliveries(bare, number, 100)
    meter.meter_due()
    invoice = close.close_period(business=bare, month=MAY)
    assert invoice is not None
    with system("test"):
        bare.clock_at = datetime(2026, 9, 1, tzinfo=UTC)
        bare.save()
    with scope(bare.pk):
        assert dashboard.attention(bare) == [
            Attention(
                f"Invoice {invoice.number} over {money.show_minor(invoice.total_minor, 'USD')} "
                "is past due.",
                reverse("invoice", args=[invoice.number]),
                "bad",
            ),
            Attention("2 delivered messages could not be priced yet.", reverse("usage")),
        ]
        loaded = dashboard.month(bare)
    assert (loaded["usage"].month, loaded["usage"].messages) == (date(2026, 9, 1), 0)
    with system("test"):
        Quarantine.objects.all().delete()
        Invoice.objects.filter(pk=invoice.pk).update(status="uncollectible")
    with scope(bare.pk):
        assert dashboard.attention(bare) == []


def test_erasing_a_customer_keeps_only_the_digits_of_the_market(bare: Any) -> None:
    stranger = make_business("Stranger")
    for business, left in ((stranger, ["4915112345678"] * 2), (bare, ["49151120000"] * 2)):
        person = Person(business.pk, 1, (), ("4915112345678",), (), ())
        with system("test"):
            erasure.erase_person(person)
            assert list(Quarantine.objects.values_list("recipient", flat=True)) == left


def test_usage_shows_the_last_tier_full_and_the_share_of_the_plan(client: Client, db: None) -> None:
    business = make_business(
        plan_id="free", timezone="UTC", clock_at=datetime(2026, 5, 20, tzinfo=UTC)
    )
    with system("test"):
        CardChoice.objects.create(business=business, card=make_version().card)
    make_deliveries(business, make_number(business), 1)
    meter.meter_due()
    client.force_login(make_member(business))
    answer = client.get(reverse("usage"))
    (ladder,) = answer.context["usage"].ladders
    assert (ladder.share, ladder.to_next) == (100, None)
    assert "Lowest price reached" in answer.content.decode()


def test_a_delivery_that_would_be_lost_stays_in_the_queue(committed_db: None) -> None:
    business = make_business(timezone="UTC")
    with system("test"):
        card = RateCard.objects.create(
            name="Bare", currency="USD", floor_micros=0, ceiling_micros=1
        )
        CardChoice.objects.create(business=business, card=card)
    make_deliveries(business, make_number(business), 2)
    other = make_business("Other", timezone="UTC")
    make_deliveries(other, make_number(other), 3)
    with admin(_database()) as database:
        database.execute(
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
        database.execute(
            "CREATE TRIGGER swallow BEFORE INSERT ON billing_quarantine FOR EACH ROW EXECUTE "
            "FUNCTION swallow()"
        )
        try:
            for _ in range(2):
                with pytest.raises(RuntimeError, match="1 deliveries left the queue, 0 are kept"):
                    _meter_all()
            _meter_all()
        finally:
            database.execute("DROP FUNCTION swallow CASCADE")
    with system("test"):
        assert _counts() == (2, 3, 0)
        MeterBatch.objects.update(leased_until=datetime(2026, 1, 1, tzinfo=UTC))
    _meter_all()
    with system("test"):
        assert _counts() == (0, 3, 2)


def _meter_all() -> None:
    while meter.meter_due():
        pass


def _counts() -> tuple[int, int, int]:
    return Delivery.objects.count(), Charge.objects.count(), Quarantine.objects.count()


def _database() -> str:
    from django.db import connection

    return str(connection.settings_dict["NAME"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'market,category,first,last,price\nOther,utility,1,,0.02\n"'
            + "x" * 140_000
            + '",utility,1,,0.02\n',
            "f, row 3: It cannot be read as CSV: field larger than field limit (131072).",
        ),
        (
            "market,category,first,last,price\n" + "Other,utility,1,,0.02\n" * 250_000,
            "f: The file has 5,500,033 characters; 5,000,000 is the most.",
        ),
        (
            "Market,Currency,Marketing,Utility\nOther,$,0.02,0.02\n",
            "f, row 2, column 2: '$' is not a currency code.",
        ),
    ],
)
def test_half_a_card_does_not_pass_for_a_whole_one(
    text: str, problem: str, request: pytest.FixtureRequest
) -> None:
    limit = csv.field_size_limit(131_072)
    request.addfinalizer(lambda: csv.field_size_limit(limit))
    assert problem in [str(one) for one in csv_files.read(("f", text)).problems]


def test_blank_rows_of_the_published_sheet_are_passed_over() -> None:
    sheet = csv_files.read(("f", "Market,Currency,Marketing,Utility\n,,,\nOther,USD,0.02,0.03\n"))
    assert (sheet.problems, sorted(sheet.rates)) == (
        [],
        [("Other", "marketing"), ("Other", "utility")],
    )
    tiers = "Market,Currency,From,To,Rate type,Rate,vs.\n,,,,,,\nOther,USD,0,--,List rate,0.02,0%\n"
    sheet = csv_files.read(("f", tiers))
    assert (sheet.problems, sorted(sheet.rates)) == ([], [("Other", "utility")])


def test_a_month_is_closed_by_hand_once_it_is_over(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    business = make_business("Bakery", timezone="UTC", clock_at=datetime(2026, 5, 20, tzinfo=UTC))
    make_deliveries(business, make_number(business), 100)
    meter.meter_due()
    with pytest.raises(CommandError, match="2026-05 is not over yet for Bakery"):
        call_command("close_period", "--month", "2026-05")
    with pytest.raises(CommandError, match="write YYYY-MM"):
        call_command("close_period", "--month", "May")
    with pytest.raises(CommandError, match="There is no business 987654321"):
        call_command("close_period", "--month", "2026-05", "--business", "987654321")
    with system("test"):
        assert not Invoice.objects.exists()
        business.clock_at = datetime(2026, 6, 2, tzinfo=UTC)
        business.save()
    call_command("close_period", "--month", "2026-05", "--business", str(business.pk))
    with system("test"):
        invoice = Invoice.objects.get()
    call_command("close_period", "--month", "2026-05", "--business", str(business.pk))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"Bakery: {invoice.number}, $")
    assert said[1] == "Bakery: nothing to issue for 2026-05"
