"""A delivery that cannot be priced goes into quarantine, and no other waits for it.

Also: no business waits for another's backlog.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Business, User
from billing.metering import batches, meter
from billing.metering.reconciliation import reconcile
from billing.models import Charge, MeterBatch, Quarantine
from core.sql import statement
from core.tenancy import system
from hosting.models import Delivery
from tests.billing.recount import assert_books_agree
from tests.core import workers
from tests.databases import admin
from tests.factories import make_business, make_deliveries, make_number


@pytest.fixture
def businesses(committed_db: None) -> Iterator[list[Business]]:
    batches._served = 0
    yield [make_business(name, timezone="UTC") for name in ("Bakery", "Florist", "Grocer")]
    workers.mend_faults()


def deliver(business: Business, count: int) -> list[int]:
    return make_deliveries(business, make_number(business), count)


def meter_all() -> None:
    while meter.meter_due():
        pass


def charged() -> set[int]:
    with system("test"):
        return set(Charge.objects.values_list("message_id", flat=True))


def quarantined() -> dict[int, tuple[str, str]]:
    with system("test"):
        rows = Quarantine.objects.values_list("message_id", "reason", "error")
        return {message_id: (reason, error) for message_id, reason, error in rows}


def waiting() -> int:
    with system("test"):
        return Delivery.objects.count() + MeterBatch.objects.count()


def left() -> list[tuple[object, ...]]:
    """Batches that nobody has priced, and who is connected: why something was not charged."""
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, attempts, leased_by, leased_until, not_before, statement_timestamp(),"
            " ARRAY(SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            " FROM billing_meterbatch ORDER BY id LIMIT 10"
        )
        return list(cursor.fetchall())


def any_of(messages: list[int]) -> str:
    return f"NEW.message_id IN ({', '.join(map(str, messages))})"


def test_deliveries_that_raise_are_in_quarantine_and_all_others_are_charged(
    businesses: list[Business], client: Client
) -> None:
    messages = [message for business in businesses for message in deliver(business, 300)]
    bad = [messages[0], messages[299], *messages[400:402], messages[-1]]
    workers.plant_faults("billing_charge", "INSERT", raising=any_of(bad), killing="")
    meter_all()
    assert charged() == set(messages) - set(bad), left()
    assert quarantined() == dict.fromkeys(bad, ("error", "ProgrammingError: planted"))
    assert waiting() == 0
    assert reconcile() == []

    client.force_login(User.objects.create_superuser("ops@example.com"))
    listed = reverse("admin:billing_quarantine_changelist")
    page = client.get(listed)
    assert b"Pricing it failed with an error" in page.content
    assert b"planted" in page.content
    workers.mend_faults()
    with system("test"):
        keys = list(Quarantine.objects.values_list("pk", flat=True))
    client.post(listed, {"action": "requeue", "_selected_action": keys})
    meter_all()
    assert charged() == set(messages)
    assert quarantined() == {}
    assert_books_agree()


def test_a_delivery_that_kills_its_workers_is_in_quarantine_and_all_others_are_charged(
    businesses: list[Business],
) -> None:
    messages = [message for business in businesses for message in deliver(business, 100)]
    bad = [messages[150]]
    workers.plant_faults("billing_charge", "INSERT", raising="", killing=any_of(bad))
    ends = [workers.run(meter.meter_due)]
    assert ends == [-9]
    # What is delivered meanwhile does not wait for what killed the worker.
    messages += deliver(businesses[1], 3)
    while charged() != set(messages) - set(bad):
        ends.append(workers.run(meter.meter_due))
        assert len(ends) < 12, (ends, left())
    while waiting():
        ends.append(workers.run(meter.meter_due))
        assert len(ends) < 20
    assert quarantined() == {
        bad[0]: ("worker_lost", "Its worker ended without a word 5 times."),
    }
    assert reconcile() == []
    workers.mend_faults()
    with system("test"):
        keys = list(Quarantine.objects.values_list("pk", flat=True))
    assert meter.requeue(keys) == 1
    meter_all()
    assert_books_agree()


def test_a_value_that_breaks_the_statements_is_found(businesses: list[Business]) -> None:
    messages = [message for business in businesses for message in deliver(business, 40)]
    with system("test"):
        Delivery.objects.filter(message_id=messages[7]).update(category="")
    with system("test"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE hosting_delivery SET delivered_at = 'infinity' WHERE message_id = %s",
            [messages[50]],
        )
        cursor.execute(
            "UPDATE hosting_delivery SET delivered_at = '294276-12-31' WHERE message_id = %s",
            [messages[90]],
        )
    meter_all()
    bad = {messages[7], messages[50], messages[90]}
    assert charged() == set(messages) - bad, left()
    assert set(quarantined()) == bad
    assert waiting() == 0


@pytest.mark.parametrize("state", ["40P01", "42501", "57014"])
def test_a_fault_of_the_moment_puts_nothing_into_quarantine(
    businesses: list[Business], state: str
) -> None:
    messages = deliver(businesses[0], 5)
    with admin(str(connection.settings_dict["NAME"])) as database:
        database.execute(
            "CREATE FUNCTION planted_raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$;"
            " CREATE TRIGGER planted_raise BEFORE INSERT ON billing_charge FOR EACH ROW"
            f" WHEN ({any_of(messages[:1])}) EXECUTE FUNCTION planted_raise()"
        )
    for _ in range(10):
        meter_all()
        with system("test"):
            MeterBatch.objects.update(not_before=datetime(2026, 1, 1, tzinfo=UTC))
    assert charged() == set(messages[1:])
    assert quarantined() == {}
    with admin(str(connection.settings_dict["NAME"])) as database:
        database.execute("DROP FUNCTION planted_raise CASCADE")
    with system("test"):
        batch = MeterBatch.objects.get()
        assert 1 < batch.attempts < batches.MAX_ATTEMPTS_ALONE
        assert batch.leased_by is None
    meter_all()
    assert charged() == set(messages)
    assert waiting() == 0


def test_a_worker_that_was_replaced_cannot_price_its_batch_any_more(
    businesses: list[Business],
) -> None:
    messages = deliver(businesses[0], 3)
    batch = batches.choose(10)
    assert batch is not None
    with system("test"):
        MeterBatch.objects.update(leased_until=datetime(2026, 1, 1, tzinfo=UTC))
    meter_all()
    assert charged() == set(messages)
    assert meter._price_batch(batch) == 0
    assert batches.choose(10) is None


def test_one_delivery_does_not_wait_for_the_backlog_of_another_business(
    businesses: list[Business],
) -> None:
    first, second, third = businesses
    deliver(first, 300)
    one = deliver(second, 1)
    few = deliver(third, 30)
    # 20 for each; what is left of 60 is shared out among those that have more.
    assert meter.meter_due(limit=60) == 59
    assert charged() >= {*one, *few[:29]}
    assert meter.meter_due(limit=60) == 60
    assert charged() >= {*few}


def test_businesses_that_do_not_fit_into_one_batch_have_their_turn(
    committed_db: None,
) -> None:
    batches._served = 0
    made = [make_business(f"b{n}", timezone="UTC") for n in range(5)]
    messages = [deliver(business, 3) for business in made]
    for served in (2, 4, 5):
        assert meter.meter_due(limit=2) == 2
        assert {found[0] for found in messages if found[0] in charged()} == {
            found[0] for found in messages[:served]
        }


def test_batches_of_two_sessions_never_name_the_same_delivery(businesses: list[Business]) -> None:
    deliver(businesses[0], 9)
    deliver(businesses[1], 2)
    url = str(connection.settings_dict["NAME"])
    values = {"limit": 6, "after": 0, "lease": 60.0}
    with admin(url) as one, admin(url) as two:
        one.execute(statement("billing", "choose_deliveries"), values)
        two.execute(statement("billing", "choose_deliveries"), values)
        assert two.execute(statement("billing", "choose_deliveries"), values).fetchone() is None
    with system("test"):
        ranges = [
            (business, first, last)
            for batch in MeterBatch.objects.all()
            for business, first, last in zip(
                batch.businesses, batch.firsts, batch.lasts, strict=True
            )
        ]
        named = [
            key
            for business, first, last in ranges
            for key in Delivery.objects.filter(
                business_id=business, pk__range=(first, last)
            ).values_list("pk", flat=True)
        ]
        assert sorted(named) == sorted(Delivery.objects.values_list("pk", flat=True))
    meter_all()
    assert waiting() == 0
