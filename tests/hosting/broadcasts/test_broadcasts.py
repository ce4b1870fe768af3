"""A broadcast reaches everybody on its list once: counted, paced, capped, paused, killed in the
middle.
"""

import multiprocessing
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from accounts.models import Business, Plan
from billing.models import Commitment, SpendCap
from core.errors import BadInput
from core.tenancy import scope, system
from hosting.broadcasts import drafts, report, run
from hosting.imports.jobs import NotNow
from hosting.models import (
    Broadcast,
    BroadcastRecipient,
    Contact,
    Conversation,
    HostedCount,
    Message,
    Number,
    Outgoing,
    Template,
)
from hosting.numbers import profile
from tests.factories import make_business, make_member, make_number, make_template

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
STATE = Broadcast.State


def numbers(count: int, first: int = 14155550000) -> list[str]:
    return [str(first + n) for n in range(count)]


def listed(count: int) -> str:
    return "\n".join(f"+{digits},{n}" for n, digits in enumerate(numbers(count)))


@pytest.fixture
def shop(db: None) -> Number:
    return make_shop()


def make_shop(**fields: Any) -> Number:
    """A number with a marketing template of one variable; its test clock stands, so that nothing
    is paced.
    """
    number = make_number(make_business(timezone="UTC", **({"clock_at": NOW} | fields)))
    make_template(
        number,
        "new_harvest",
        category="marketing",
        components=[{"type": "BODY", "text": "Bag {{1}} is here"}],
    )
    return number


def draft(number: Number, text: str, **fields: Any) -> Broadcast:
    with scope(number.business_id):
        template = fields.pop("template", None) or Template.objects.get(business=number.business)
        return drafts.create_draft(
            business=number.business,
            author=None,
            name="Spring",
            number=number,
            template=template,
            text=text,
        )


def begin(number: Number, text: str) -> Broadcast:
    broadcast = draft(number, text)
    with scope(number.business_id):
        run.start(broadcast=broadcast)
    return broadcast


def fresh(broadcast: Broadcast) -> Broadcast:
    with system("test"):
        return Broadcast.objects.get(pk=broadcast.pk)


def handled() -> int:
    """How many recipients have been dealt with."""
    with system("test"):
        return BroadcastRecipient.objects.exclude(state="open").count()


def drain() -> int:
    """Send until nothing is due; returns how many recipients were dealt with."""
    before = handled()
    while run.work_due():
        pass
    return handled() - before


def sent_to() -> list[str]:
    with system("test"):
        return sorted(Message.objects.values_list("contact__wa_id", flat=True))


def test_a_list_is_sent_once_to_each_with_their_own_words(shop: Number) -> None:
    broadcast = begin(shop, listed(60))
    assert (fresh(broadcast).state, fresh(broadcast).total) == (STATE.RUNNING, 60)
    assert drain() == 60
    done = fresh(broadcast)
    assert (done.state, done.sent, done.failed, done.skipped) == (STATE.DONE, 60, 0, 0)
    assert done.finished_at == NOW
    assert sent_to() == numbers(60)
    with system("test"):
        texts = dict(Message.objects.values_list("contact__wa_id", "text"))
        assert texts["14155550007"] == "Bag 7 is here"
        assert Outgoing.objects.count() == 60
        assert HostedCount.objects.get().messages == 60
    assert drain() == 0


def test_blocked_and_opted_out_customers_are_left_out_and_counted(shop: Number) -> None:
    with scope(shop.business_id):
        for digits in ("14155550001", "14155550002"):
            Contact.objects.create(business=shop.business, wa_id=digits, opted_out_at=NOW)
        profile.block_customers(shop, ["14155550002", "14155550003"])
    text = listed(6) + "\n+1 415 555-0005,again\n0151 2345678,x\nhello,x\n+14155550009,"
    broadcast = draft(shop, text)
    assert (broadcast.total, broadcast.opted_out, broadcast.blocked) == (3, 1, 2)
    assert (broadcast.duplicates, broadcast.invalid_count) == (1, 3)
    assert broadcast.invalid == [
        (8, "“0151 2345678” has no country code."),
        (9, "“hello” is not a phone number of 7 to 15 digits."),
        (10, "Variable 1 is empty."),
    ]
    with system("test"):
        assert Message.objects.count() == 0
        assert list(BroadcastRecipient.objects.order_by("row").values_list("row", flat=True)) == [
            1,
            5,
            6,
        ]


def test_an_opt_out_does_not_stop_what_is_no_marketing(shop: Number) -> None:
    with scope(shop.business_id):
        Contact.objects.create(business=shop.business, wa_id="14155550000", opted_out_at=NOW)
    broadcast = draft(shop, listed(1), template=make_template(shop))
    assert (broadcast.total, broadcast.opted_out) == (1, 0)


def test_who_opts_out_after_the_list_was_read_is_left_out(shop: Number) -> None:
    broadcast = begin(shop, listed(3))
    with scope(shop.business_id):
        Contact.objects.create(business=shop.business, wa_id="14155550001", opted_out_at=NOW)
    drain()
    assert (fresh(broadcast).sent, fresh(broadcast).skipped) == (2, 1)
    assert sent_to() == ["14155550000", "14155550002"]


def test_a_broadcast_is_started_once(committed_db: None) -> None:
    shop = make_shop()
    broadcast, barrier, answers = draft(shop, listed(30)), threading.Barrier(2), []

    def press() -> None:
        barrier.wait()
        try:
            with scope(shop.business_id):
                run.start(broadcast=run.get_broadcast(shop.business, broadcast.public_id))
            answers.append("started")
        except NotNow:
            answers.append("refused")
        drain()
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()
    assert sorted(answers) == ["refused", "started"]
    assert sent_to() == numbers(30)
    assert fresh(broadcast).state == STATE.DONE


def _work() -> None:
    while run.work_due():
        pass


def test_a_worker_killed_in_the_middle_neither_loses_nor_doubles(committed_db: None) -> None:
    shop = make_shop()
    broadcast = begin(shop, listed(400))
    for below in (100, 250):
        connections.close_all()
        worker = multiprocessing.get_context("fork").Process(target=_work)
        worker.start()
        while fresh(broadcast).sent < below and worker.is_alive():
            time.sleep(0.005)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        marked, written = _books(broadcast)
        assert below <= marked < 400
        assert marked == written
    deadline = time.monotonic() + 30
    # The server notices a dead worker a moment later: until then its batch is nobody else's.
    while fresh(broadcast).state != STATE.DONE and time.monotonic() < deadline:
        drain()
    assert sent_to() == numbers(400)
    assert (fresh(broadcast).sent, fresh(broadcast).state) == (400, STATE.DONE)


def _books(broadcast: Broadcast) -> tuple[int, int]:
    """What the broadcast says it has sent, and the messages there are, of one moment."""
    with system("test"), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT sent, (SELECT count(*) FROM hosting_message)"
            " FROM hosting_broadcast WHERE id = %s",
            [broadcast.pk],
        )
        row: tuple[int, int] = cursor.fetchone()
        return row


def test_a_spend_cap_pauses_it_with_the_reason_and_it_goes_on_when_raised(shop: Number) -> None:
    # A marketing message to North America costs at least a cent: look at what one commits, then
    # allow three of it.
    with system("test"):
        SpendCap.objects.create(business=shop.business, limit_micros=10**9)
    begin(shop, listed(1))
    drain()
    with system("test"):
        price = Commitment.objects.get().price_micros
        SpendCap.objects.update(limit_micros=4 * price)
    broadcast = begin(shop, "\n".join(f"{digits},x" for digits in numbers(10, 14155551000)))
    drain()
    paused = fresh(broadcast)
    assert (paused.state, paused.sent, paused.failed) == (STATE.PAUSED, 3, 0)
    assert paused.pause_reason.startswith("Spend cap reached")
    assert len(sent_to()) == 4
    with system("test"):
        assert Conversation.objects.count() == 4  # the refused one has left nothing
        SpendCap.objects.update(limit_micros=100 * price)
    with scope(shop.business_id):
        run.resume(broadcast=paused)
    drain()
    assert (fresh(broadcast).state, fresh(broadcast).sent, fresh(broadcast).pause_reason) == (
        STATE.DONE,
        10,
        "",
    )
    assert len(sent_to()) == 11


def test_the_plan_pauses_it(db: None) -> None:
    with system("test"):
        Plan.objects.create(
            code="tiny", name="Tiny", hosted_messages=5, days_kept=30, max_numbers=1, max_seats=1
        )
    shop = make_shop(plan_id="tiny")
    broadcast = begin(shop, listed(8))
    drain()
    assert (fresh(broadcast).state, fresh(broadcast).sent) == (STATE.PAUSED, 5)
    assert fresh(broadcast).pause_reason.startswith(
        "Plan limit reached: the Tiny plan hosts 5 messages a month."
    )


def test_a_pause_holds_and_a_cancel_leaves_the_rest_out(
    shop: Number, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 10)
    broadcast = begin(shop, listed(60))
    run.work_due()
    with scope(shop.business_id):
        run.pause(broadcast=fresh(broadcast))
    assert drain() == 0
    with scope(shop.business_id):
        run.resume(broadcast=fresh(broadcast))
    run.work_due()
    assert handled() == 20
    with scope(shop.business_id):
        run.cancel(broadcast=run.get_broadcast(shop.business, broadcast.public_id))
        with pytest.raises(NotNow):
            run.resume(broadcast=broadcast)
    assert drain() == 0
    ended = fresh(broadcast)
    assert (ended.state, ended.sent, ended.skipped, ended.percent) == (STATE.CANCELLED, 20, 40, 100)
    assert sent_to() == numbers(20)


def test_a_scheduled_one_waits_for_its_time(shop: Number) -> None:
    broadcast = draft(shop, listed(2))
    with scope(shop.business_id):
        with pytest.raises(BadInput, match="from now on"):
            run.start(broadcast=broadcast, at=NOW - timedelta(seconds=1))
        run.start(broadcast=broadcast, at=NOW + timedelta(hours=1))
    assert (drain(), sent_to()) == (0, [])
    with system("test"):
        Business.objects.update(clock_at=NOW + timedelta(hours=1))
    assert (drain(), len(sent_to())) == (2, 2)


def test_a_number_sends_no_faster_than_it_may(
    db: None, redis: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 60)
    # Long enough that a busy machine does not reach its end before the second call.
    monkeypatch.setattr(run, "RATE_DELAY", timedelta(seconds=30))
    shop = make_shop(clock_at=None)
    with system("test"):
        Number.objects.update(messages_per_second=20)
    broadcast = begin(shop, listed(60))
    run.work_due()
    assert handled() in range(20, 55)
    assert (fresh(broadcast).state, fresh(broadcast).failed) == (STATE.RUNNING, 0)
    assert run.work_due() == 0  # it rests for a moment


def test_one_refused_customer_does_not_hold_up_the_others(shop: Number) -> None:
    broadcast = begin(shop, f"{listed(3)}\n{shop.digits},own number")
    drain()
    assert (fresh(broadcast).state, fresh(broadcast).sent, fresh(broadcast).failed) == (
        STATE.DONE,
        3,
        1,
    )
    with scope(shop.business_id):
        lines = list(report.as_csv(fresh(broadcast)))
        assert report.failure_reasons(fresh(broadcast)) == [("to is the sender's own number.", 1)]
    assert len(lines) == 5
    assert lines[1].startswith("1,14155550000,sent,,wamid.")
    assert lines[4] == f"4,{shop.digits},failed,to is the sender's own number.,,,,,,\r\n"


def test_a_template_that_needs_a_picture_is_refused_before_anything_is_kept(shop: Number) -> None:
    template = make_template(
        shop,
        "pictured",
        components=[{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look"}],
    )
    with pytest.raises(BadInput, match="send it by API"):
        draft(shop, listed(1), template=template)
    with system("test"):
        assert Broadcast.objects.count() == 0


def test_pages_lead_from_the_list_to_the_results(shop: Number) -> None:
    client = Client()
    client.force_login(
        make_member(shop.business, "agent"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert b"No broadcasts yet" in client.get(reverse("broadcasts")).content
    with scope(shop.business_id):
        template = Template.objects.get()
    form = {
        "number": shop.phone_number_id,
        "template": template.template_id,
        "list": f"{listed(3)}\nx,y",
        "name": "May",
    }
    assert client.post(reverse("new_broadcast"), form | {"list": ""}).status_code == 422
    address = client.post(reverse("new_broadcast"), form).headers["Location"]
    review = client.get(address).content.decode()
    assert "Bag 0 is here" in review
    assert "Send to 3 customers" in review
    assert "“x” is not a phone number" in review
    client.post(f"{address}start/", {"when": "now"})
    drain()
    page = client.get(address).content.decode()
    assert "3 of 3 customers" in page
    assert (
        client.get(f"{address}results/").content.decode("utf-8-sig").count("sent") == 4
    )  # 3, and a heading
    client.post(f"{address}start/", {"when": "now"})
    assert (drain(), len(sent_to())) == (0, 3)
