"""Webhook deliveries: delays, order, slow and hostile receivers."""

import socket
import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from core.queue.claim import claim
from core.queue.settle import lock
from core.tenancy import scope, system
from hosting.inbound import events
from hosting.models import Number, SimulatedPhone, Webhook, WebhookCall
from hosting.transports import sandbox
from hosting.webhooks import delivery, subscriptions
from hosting.webhooks.delivery import delay_after
from tests.core.test_http import REFUSED
from tests.factories import make_business, make_number
from tests.hosting.receivers import Receiver
from tests.hosting.webhooks.test_webhooks import (
    AT,
    _loopback,
    call_to,
    calls,
    listen,
    shop,
    write,
)

# Fixtures.
__all__ = ["_loopback", "shop"]


def write_from_many(number, count):
    """One text each from that many customers, taken in together."""
    with system("test"):
        number = Number.objects.select_related("account", "business").get(pk=number.pk)
        for n in range(count):
            simulated_phone = SimulatedPhone(
                business=number.business, wa_id=f"1415555{n:04}", name="x"
            )
            sandbox.write(simulated_phone=simulated_phone, number=number, text="Hello", at=AT)
    events.apply_due()


def put_off(**which):
    """Let time pass: what waits is due, what rests rests no more."""
    with system("test"):
        WebhookCall.objects.filter(state="open", **which).update(
            not_before=timezone.now() - timedelta(minutes=1)
        )
        Webhook.objects.update(paused_until=None)


def test_delays_double_up_to_six_hours():
    assert [delay_after(n, chance=0.5) for n in (1, 2, 3, 4, 12, 13, 14, 400)] == [
        5,
        10,
        20,
        40,
        10_240,
        20_480,
        21_600,
        21_600,
    ]
    assert (delay_after(1, chance=0), delay_after(1, chance=1)) == (4, 6)
    # Enough attempts for seven days, not too many for a receiver.
    total, attempts = 0.0, 0
    while total < timedelta(days=7).total_seconds():
        attempts += 1
        total += delay_after(attempts, chance=0.5)
    assert attempts == 40


def test_a_refused_call_waits_longer_each_time_and_is_given_up_after_seven_days(shop):
    _, number, _ = shop
    with Receiver(answer=lambda taken: (503, b"busy " * 20_000)) as receiver:
        webhook = listen(number, receiver.url)
        write(shop)
        for attempt in (1, 2, 3, 4):
            before = timezone.now()
            assert delivery.call_due() == 1
            (call,) = calls()
            assert (call.state, call.tries, call.response_status) == ("open", attempt, 503)
            assert (call.last_error, len(call.response_body), len(call.shown_response)) == (
                "HTTP 503",
                65536,
                2048,
            )
            wait = (call.not_before - before).total_seconds()
            assert 0.8 * 5 * 2 ** (attempt - 1) - 5 < wait < 1.2 * 5 * 2 ** (attempt - 1) + 5
            assert delivery.call_due() == 0
            put_off()
        with system("test"):
            webhook = Webhook.objects.get()
            assert webhook.failures == 4
            WebhookCall.objects.update(deadline=timezone.now() - timedelta(seconds=1))
        assert delivery.call_due() == 1
        (call,) = calls()
        assert (call.state, call.tries) == ("dead", 5)
        put_off()
        assert delivery.call_due() == 0
        assert len(receiver.taken) == 5
        assert len({taken.body for taken in receiver.taken}) == 1
        with scope(number.business_id):
            assert delivery.rerun([str(call.public_id)]) == 1
        receiver.answer = lambda taken: (200, b"")
        assert delivery.call_due() == 1
    (call,) = calls()
    assert (call.state, call.tries) == ("done", 1)


def test_a_receiver_that_fails_rests_and_is_asked_one_call_at_a_time(shop):
    _business, number, _ = shop
    with Receiver(answer=lambda taken: (500, b"")) as receiver:
        listen(number, receiver.url)
        write_from_many(number, 12)
        # Four at once; those that came free before the third failure was known may have been used
        # again.
        made = delivery.call_due()
        assert 4 <= made <= 6
        with system("test"):
            webhook = Webhook.objects.get()
        assert webhook.failures == made
        assert webhook.paused_until > timezone.now()
        assert delivery.call_due() == 0
        put_off()
        assert delivery.call_due() == 1
        receiver.answer = lambda taken: (200, b"")
        put_off()
        assert delivery.call_due() == 12
    with system("test"):
        webhook = Webhook.objects.get()
    assert (webhook.failures, webhook.paused_until) == (0, None)


def test_a_conversations_calls_are_made_in_order(shop):
    business, number, _ = shop
    with system("test"):
        other = SimulatedPhone.objects.create(business=business, wa_id="14155550111", name="Other")
    refused = []

    def answer(taken):
        if b'"body":"one"' in taken.body and len(refused) < 2:
            refused.append(taken)
            return 500, b""
        return 200, b""

    with Receiver(answer=answer) as receiver:
        listen(number, receiver.url)
        for text in ("one", "two", "three"):
            write(shop, text)
        write((business, number, other), "apart")
        for _ in range(4):
            delivery.call_due()
            put_off()
        reported = [taken.value["messages"][0]["text"]["body"] for taken in receiver.taken]
    assert sorted(reported[:2]) == ["apart", "one"]
    assert reported[2:] == ["one", "one", "two", "three"]


def test_one_call_that_always_fails_holds_its_conversation_for_an_hour_only(shop):
    _, number, _ = shop
    with Receiver(
        answer=lambda taken: (500, b"") if b"poison" in taken.body else (200, b"")
    ) as receiver:
        listen(number, receiver.url)
        write(shop, "poison")
        write(shop, "after")
        assert delivery.call_due() == 1
        put_off()
        with system("test"):
            first = WebhookCall.objects.earliest("id")
            WebhookCall.objects.filter(pk=first.pk).update(
                created_at=timezone.now() - timedelta(hours=1, seconds=5)
            )
        assert delivery.call_due() == 2
        assert receiver.taken[-1].value["messages"][0]["text"]["body"] in ("after", "poison")
    assert [call.state for call in calls()] == ["open", "done"]


def test_slow_receivers_do_not_slow_others(shop):
    _, number, _ = shop
    quick_number = make_number(make_business("Quick"))
    all_told = threading.Event()

    def answer_at_last(taken):
        return (200, b"") if all_told.wait(9) else (500, b"")

    def answer_at_once(taken):
        if len(quick.taken) == 30:
            slow_at_the_end.append(len(slow.taken))
            all_told.set()
        return 200, b""

    slow_at_the_end = []
    with Receiver(answer=answer_at_last) as slow, Receiver(answer=answer_at_once) as quick:
        listen(number, slow.url.replace("127.0.0.1", "localhost"))
        listen(quick_number, quick.url)
        write_from_many(number, 30)
        write_from_many(quick_number, 30)
        assert delivery.call_due() == 60
    # The slow one came first and answered nothing until the quick one had everything: four calls
    # waited for it.
    assert set(slow_at_the_end) == {4}
    assert {call.response_status for call in calls()} == {200}


def test_a_host_that_many_businesses_name_is_not_overrun(shop):
    most = []
    lock, under_way = threading.Lock(), []

    def answer(taken):
        with lock:
            under_way.append(taken)
            most.append(len(under_way))
        time.sleep(0.3)
        with lock:
            under_way.remove(taken)
        return 200, b""

    with Receiver(answer=answer) as receiver:
        for n in range(6):
            number = make_number(make_business(f"B{n}"))
            listen(number, receiver.url)
            write_from_many(number, 4)
        assert delivery.call_due() == 24
    assert max(most) == 16


def test_a_worker_that_dies_after_the_claim_loses_nothing_and_a_late_one_changes_nothing(shop):
    _, number, _ = shop
    with Receiver() as receiver:
        listen(number, receiver.url)
        write(shop)
        (lost,) = claim(delivery.QUEUE)
        assert claim(delivery.QUEUE) == []
        with system("the lease ends"):
            WebhookCall.objects.update(
                not_before=timezone.now() - timedelta(1), leased_until=timezone.now() - timedelta(1)
            )
        assert delivery.call_due() == 1
        with system("the late worker comes back"):
            assert lock(delivery.QUEUE, [lost]) == []
    (call,) = calls()
    assert (call.state, call.tries, call.response_status) == ("done", 1, 200)
    assert len(receiver.taken) == 1


def test_redirects_are_refused_and_the_place_they_lead_to_is_not_asked(shop):
    _, number, _ = shop
    with Receiver() as inside, Receiver(answer=lambda taken: (307, b"")) as receiver:
        receiver.headers["Location"] = inside.url
        listen(number, receiver.url)
        write(shop)
        assert delivery.call_due() == 1
    (call,) = calls()
    assert (call.state, call.last_error) == ("open", "HTTP 307: redirects are not followed")
    assert (len(receiver.taken), inside.taken, inside.challenges) == (1, [], [])


def attackers_resolver(host, port, *_, **__):
    """Numbers in all their spellings are what libc makes of them; every name leads to loopback."""
    if ":" in host:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0))]
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        address = "127.0.0.1"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


def test_no_call_reaches_an_address_inside(shop, settings, monkeypatch):
    """The whole list of reliability row 5: nobody who listens on loopback is ever connected to."""
    settings.ALLOW_PRIVATE_URLS = False
    _, _number, _ = shop
    came = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def accept():
            while True:
                try:
                    came.append(listener.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        # Port 80 means our listener, and the machine's resolver answers as an attacker's would:
        # with loopback.
        monkeypatch.setattr("core.http.PORTS", {"http": port, "https": port})
        monkeypatch.setattr(socket, "getaddrinfo", attackers_resolver)
        urls = [
            *REFUSED,
            f"http://127.0.0.1:{port}/",
            f"http://localhost:{port}/",
            "http://rebind.example.com/",
        ]
        made = [delivery.make(call_to(url)) for url in urls]
        for url in urls:
            with pytest.raises(subscriptions.WebhookRefused):
                subscriptions.challenge(url=url, verify_token="t", business_id=1)
        listener.shutdown(socket.SHUT_RDWR)
    assert len(urls) > 60
    assert {answer.status for answer in made} == {None}
    assert came == []
