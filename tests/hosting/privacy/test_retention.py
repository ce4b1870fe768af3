"""Retention: what is older than its number keeps it goes, in batches, after notice, and never from
under a hold.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from accounts.models import Business, Plan
from billing.metering import meter
from billing.models import Charge
from core import outbox
from core.models import Email
from core.tenancy import scope, system
from hosting.media import store
from hosting.models import (
    Contact,
    Conversation,
    Event,
    HostedCount,
    Media,
    Message,
    Number,
    Outgoing,
    Retention,
)
from hosting.privacy import retention
from tests.factories import make_business, make_deliveries, make_member, make_number
from tests.hosting.api.test_rest import picture
from tests.hosting.search.test_engine import say
from tests.smtp import mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def number() -> Number:
    """A number whose plan keeps messages 30 days; what it says is said up to 40 days ago."""
    with system("test"):
        Plan.objects.create(code="short", name="Short", days_kept=30)
    number = make_number(make_business(plan_id="short"))
    make_member(number.business)
    make_member(number.business, "agent")
    return number


def ago(days: int) -> Any:
    return timezone.now() - timedelta(days=days)


def texts() -> list[str]:
    with system("test"):
        return list(Message.objects.order_by("created_at").values_list("text", flat=True))


def notices() -> list[Any]:
    """State and time of every notice, the newest first."""
    with system("test"):
        return list(Email.objects.filter(kind="retention").values_list("state", "sent_at"))


def later(passed: timedelta) -> None:
    """Let time pass: what was announced and handed over is that much longer ago."""
    with system("test"):
        Retention.objects.update(starts_at=F("starts_at") - passed)
        Email.objects.update(sent_at=F("sent_at") - passed, not_before=F("not_before") - passed)


def keep(number: Number, days: int = 30) -> None:
    with system("test"):
        Retention.objects.create(business=number.business, number=number, days=days)


def test_nothing_goes_without_two_weeks_of_notice(number: Number) -> None:
    say(number, "old", at=ago(40))
    say(number, "new", at=ago(2))
    assert retention.schedule_changes() == 1
    assert outbox.send_due() == 1
    assert [
        (m.to, "30 days" in m.subject, number.display_phone_number in m.body) for m in mail.outbox
    ] == [(["owner" + mail.outbox[0].to[0].removeprefix("owner")], True, True)]
    assert retention.schedule_changes() == 0
    assert retention.purge_due() == 0
    with system("test"):
        held = Retention.objects.get()
        assert (held.days, held.next_days) == (None, 30)
        assert held.starts_at
        assert held.announced_at
        assert held.starts_at - held.announced_at == timedelta(days=14)
    later(timedelta(days=14, seconds=1))
    retention.schedule_changes()
    assert retention.purge_due() == 1
    assert texts() == ["new"]
    with system("test"):
        held = Retention.objects.get()
        assert (held.days, held.next_days, held.last_messages, held.messages) == (30, None, 1, 1)
        assert held.last_run_at is not None
    assert len(mail.outbox) == 1


def test_nothing_goes_whose_notice_no_mail_server_took(number: Number, settings: Any) -> None:
    say(number, "old", at=ago(40))
    with mail_server(settings) as server:
        server.answers = {"RCPT": "451 4.3.0 Try later"}
        retention.schedule_changes()
        assert outbox.send_due() == 1
        # Waiting, then dead: whatever time passes, the messages stay.
        for state, fields in (("waiting", {}), ("dead", {"attempts": 20})):
            later(timedelta(days=30))
            with system("test"):
                Email.objects.filter(state="waiting").update(**fields)
            outbox.send_due()
            retention.schedule_changes()
            assert (notices(), retention.purge_due()) == ([(state, None)], 0)
        assert texts() == ["old"]
        # An operator sends it again, and from then on there are two weeks.
        server.answers = {}
        with system("test"):
            assert outbox.send_again(Email.objects.values_list("pk", flat=True)) == 1
        assert outbox.send_due() == 1
        assert server.subjects() == ["Bakery: messages older than 30 days will be deleted"]
    retention.schedule_changes()
    with system("test"):
        starts_at, sent_at = Retention.objects.get().starts_at, Email.objects.get().sent_at
    assert starts_at is not None
    assert sent_at is not None
    assert starts_at - sent_at == timedelta(days=14)
    later(timedelta(days=13, hours=23))
    retention.schedule_changes()
    assert (retention.purge_due(), texts()) == (0, ["old"])
    later(timedelta(hours=2))
    retention.schedule_changes()
    assert (retention.purge_due(), texts()) == (1, [])


def test_one_owner_who_cannot_be_reached_does_not_keep_messages_for_ever(
    number: Number, settings: Any
) -> None:
    other = make_member(number.business)
    say(number, "old", at=ago(40))
    with mail_server(settings) as server:
        server.refused = {other.email: "550 5.1.1 No such mailbox"}
        retention.schedule_changes()
        outbox.send_due()
    later(timedelta(days=14, seconds=1))
    retention.schedule_changes()
    assert (retention.purge_due(), texts()) == (1, [])
    assert sorted(state for state, _ in notices()) == ["dead", "sent"]


def test_while_one_owners_notice_waits_the_messages_stay(number: Number, settings: Any) -> None:
    other = make_member(number.business)
    say(number, "old", at=ago(40))
    with mail_server(settings) as server:
        server.refused = {other.email: "450 4.2.1 Mailbox busy"}
        retention.schedule_changes()
        outbox.send_due()
    later(timedelta(days=15))
    retention.schedule_changes()
    assert (retention.purge_due(), texts()) == (0, ["old"])
    assert sorted(state for state, _ in notices()) == ["sent", "waiting"]


def test_a_shorter_rule_is_announced_anew(number: Number) -> None:
    say(number, "old", at=ago(40))
    retention.schedule_changes()
    outbox.send_due()
    later(timedelta(days=13))
    with system("test"):
        Number.objects.update(days_kept=10)
    retention.schedule_changes()
    later(timedelta(days=2))
    retention.schedule_changes()
    assert (retention.purge_due(), texts()) == (0, ["old"])
    assert [state for state, _ in notices()] == ["waiting", "sent"]


def test_a_number_with_nothing_old_keeps_its_days_at_once(number: Number) -> None:
    say(number, "new", at=ago(2))
    assert retention.schedule_changes() == 1
    with system("test"):
        assert Retention.objects.get().days == 30
    assert outbox.send_due() == 0


def test_longer_holds_at_once_and_shorter_waits_while_the_old_rule_goes_on(number: Number) -> None:
    keep(number)
    say(number, "a", at=ago(40))
    say(number, "b", at=ago(20))
    with system("test"):
        Number.objects.update(days_kept=10)
    retention.schedule_changes()
    assert retention.purge_due() == 1
    assert texts() == ["b"]
    with system("test"):
        assert (Retention.objects.get().days, Retention.objects.get().next_days) == (30, 10)
        Plan.objects.filter(code="short").update(days_kept=None)
        Number.objects.update(days_kept=None)
    retention.schedule_changes()
    with system("test"):
        assert (Retention.objects.get().days, Retention.objects.get().next_days) == (None, None)
    assert retention.purge_due() == 0


def test_a_number_cannot_keep_longer_than_its_plan(number: Number) -> None:
    with system("test"):
        Number.objects.update(days_kept=400)
    retention.schedule_changes()
    with system("test"):
        assert Retention.objects.get().days == 30


@pytest.mark.parametrize("held", ["number", "contact"])
def test_what_is_on_hold_stays(number: Number, held: str) -> None:
    keep(number)
    say(number, "evidence", at=ago(40))
    with system("test"):
        model: Any = Number if held == "number" else Contact
        model.objects.update(held_at=timezone.now())
    assert retention.purge_due() == 0
    assert texts() == ["evidence"]
    with system("test"):
        model.objects.update(held_at=None)
    assert retention.purge_due() == 1


def test_batches_are_small_and_what_waits_to_be_sent_stays(number: Number) -> None:
    keep(number)
    rows = say(number, *(str(n) for n in range(25)), at=ago(40))
    other = make_number(number.business)
    say(other, "another number's", at=ago(41))
    with system("test"):
        Outgoing.objects.create(
            message_id=rows[0].pk, business=number.business, number=number, transport="sandbox"
        )
    assert retention.purge_due(batch=10, batches=2) == 20
    assert retention.purge_due(batch=10, batches=2) == 4
    assert texts() == ["another number's", "0"]
    with system("test"):
        assert Conversation.objects.get(number=number).last_message_text == ""


def test_money_and_counts_stay_and_files_go_when_nobody_holds_them(
    number: Number, tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    keep(number)
    make_deliveries(number.business, number, 3, at=ago(40))
    meter.meter_due()
    make_deliveries(number.business, number, 2, at=ago(40))
    with scope(number.business_id):
        old, shared = (
            store.store_media(business=number.business, content=picture(), mime_type="image/png")
            for _ in range(2)
        )
    say(number, "p", kind="image", content={"id": old.media_id}, at=ago(40))
    say(number, "p", kind="image", content={"id": shared.media_id}, at=ago(40))
    say(number, "p", kind="image", content={"id": shared.media_id}, at=ago(1))
    with system("test"):
        charges = list(Charge.objects.order_by("id").values())
        counts = list(HostedCount.objects.values())
    assert retention.purge_due() == 7
    with system("test"):
        assert list(Charge.objects.order_by("id").values()) == charges
        assert list(HostedCount.objects.values()) == counts
        assert list(Media.objects.live().values_list("media_id", flat=True)) == [shared.media_id]
    # Delivered before, metered after: the row of the delivery stands by itself.
    assert meter.meter_due() == 2


def test_raw_events_go_a_month_after_they_were_applied() -> None:
    with system("test"):
        for n, applied in enumerate((ago(31), ago(29), None)):
            Event.objects.create(
                digest=bytes([n]) * 32, body=b"x", applied_at=applied, received_at=ago(60)
            )
    assert retention.delete_old_events() == 1
    with system("test"):
        assert Event.objects.count() == 2


def test_one_business_does_not_purge_anothers(number: Number) -> None:
    keep(number)
    other = make_number(make_business("Other"))
    say(other, "theirs", at=ago(400))
    say(number, "mine", at=ago(40))
    assert retention.purge_due() == 1
    assert texts() == ["theirs"]
    assert Business.objects.count() == 0  # outside of a scope nothing is seen
