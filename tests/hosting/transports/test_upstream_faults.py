"""Upstreams that refuse, limit, break off or are away; two workers at once."""

import threading
import time
from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from core.tenancy import scope, system
from hosting.cloudapi.upstreams import Outcome, message_id_of, result_of
from hosting.inbound import events
from hosting.messages import send
from hosting.models import (
    Delivery,
    Event,
    Number,
    Outgoing,
)
from hosting.transports import cloudapi
from tests.factories import make_business, make_number, make_template
from tests.hosting.receivers import Receiver
from tests.hosting.transports.test_upstream import (
    PHONE,
    _loopback,
    let_time_pass,
    number,
    open_window,
    reload,
    say,
    upstream,
    waiting,
)
from tests.hosting.upstreams import accepted, put_behind, refused

# Fixtures.
__all__ = ["_loopback", "number", "upstream"]


def test_a_refusal_is_passed_on_with_its_code(number, upstream):
    upstream.answer = lambda taken: refused(
        400, 131026, "Message undeliverable", error_data={"details": "Not on WhatsApp."}
    )
    message = say(number, "Hello?")
    assert cloudapi.deliver_due() == 1
    assert waiting() == []
    events.apply_due()
    found = reload(message)
    assert found.status == "failed"
    assert found.errors == [
        {
            "code": 131026,
            "title": "Message undeliverable",
            "message": "Message undeliverable",
            "error_data": {"details": "Not on WhatsApp."},
        }
    ]
    with system("test"):
        assert [d.failed for d in Delivery.objects.all()] == [True]


@pytest.mark.parametrize("code", [4, 80007, 130429])
def test_rate_limits_make_the_number_rest(number, upstream, code):
    upstream.answer = lambda taken: refused(429, code, "Rate limit hit")
    message = say(number, "Hello")
    assert cloudapi.deliver_due() == 1
    (row,) = waiting()
    assert (row.state, row.attempts) == ("open", 1)
    assert row.not_before > timezone.now()
    with system("test"):
        assert Number.objects.get(pk=number.pk).paused_until > timezone.now()
    open_window(number, "14155550111")
    say(number, "Another customer", to="14155550111")
    assert cloudapi.deliver_due() == 0
    upstream.answer = accepted
    let_time_pass()
    assert cloudapi.deliver_due() == 2
    assert reload(message).upstream_wamid


def test_the_pair_limit_holds_back_one_conversation_only(number, upstream):
    upstream.answer = lambda taken: (
        refused(400, 131056) if PHONE.encode() in taken.body else accepted(taken)
    )
    say(number, "one")
    say(number, "two")
    open_window(number, "14155550111")
    say(number, "Another customer", to="14155550111")
    assert cloudapi.deliver_due() == 2
    assert [row.attempts for row in waiting()] == [1, 0]


def test_messages_of_one_conversation_leave_in_order(number, upstream):
    times = iter([0.05, 0.0, 0.03, 0.0])

    def slowly(taken):
        time.sleep(next(times, 0))
        return accepted(taken)

    upstream.answer = slowly
    for n in range(4):
        say(number, str(n))
    assert cloudapi.deliver_due() == 4
    assert [orjson.loads(taken.body)["text"]["body"] for taken in upstream.taken] == [
        "0",
        "1",
        "2",
        "3",
    ]


def test_an_upstream_that_cannot_be_reached_is_tried_again_for_a_day(number, upstream):
    upstream.__exit__()
    message = say(number, "Hello")
    assert cloudapi.deliver_due() == 1
    assert [row.state for row in waiting()] == ["open"]
    let_time_pass()
    with system("a day later"):
        Outgoing.objects.update(queued_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert cloudapi.deliver_due() == 1
    assert waiting() == []
    events.apply_due()
    assert (reload(message).status, reload(message).errors[0]["code"]) == ("failed", 131000)
    upstream.__enter__()


def test_an_answer_that_breaks_off_is_unknown_until_an_operator_decides(number, upstream):
    upstream.answer = lambda taken: (502, b"<html>bad gateway</html>")
    first, second = say(number, "first"), say(number, "second")
    assert cloudapi.deliver_due() == 2
    assert [(row.state, row.last_error) for row in waiting()] == [
        ("unknown", "HTTP 502 without an error object"),
    ] * 2
    upstream.answer = accepted
    with scope(number.business_id):
        assert cloudapi.send_again([first.pk]) == 1
    with system("an operator"):
        assert cloudapi.give_up([second.pk, first.pk]) == 1
    assert cloudapi.deliver_due() == 1
    events.apply_due()
    assert waiting() == []
    assert (reload(first).status, reload(second).status) == ("accepted", "failed")
    assert len(upstream.taken) == 3


def test_two_workers_send_each_message_once(committed_db, settings):
    """Real transactions, real threads: each message is posted exactly once and in its
    conversation's order.
    """
    with Receiver(answer=accepted) as upstream:
        number = make_number(make_business())
        put_behind(number, upstream)
        for n in range(5):
            open_window(number, f"1415555{n:04}")
        for text in range(4):
            for n in range(5):
                say(number, str(text), to=f"1415555{n:04}")

        def work():
            from django.db import connection

            try:
                for _ in range(3):
                    cloudapi.deliver_due(linger=0.1)
            finally:
                connection.close()

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    bodies = [orjson.loads(taken.body) for taken in upstream.taken]
    assert len(bodies) == 20
    for n in range(5):
        assert [b["text"]["body"] for b in bodies if b["to"] == f"1415555{n:04}"] == [
            "0",
            "1",
            "2",
            "3",
        ]
    assert waiting() == []


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"messages":[{"id":"wamid.1"}]}', Outcome.SENT),
        (200, b'{"messages":[]}', Outcome.UNKNOWN),
        (200, b"", Outcome.UNKNOWN),
        (200, b"[[[[", Outcome.UNKNOWN),
        (200, b'{"messages":[{"id":"' + b"x" * 300 + b'"}]}', Outcome.UNKNOWN),
        (400, b'{"error":{"code":131047}}', Outcome.REFUSED),
        (401, b'{"error":{"code":190}}', Outcome.REFUSED),
        (404, b"not here", Outcome.REFUSED),
        (400, b'{"error":{"code":80007}}', Outcome.LATER),
        (429, b"slow down", Outcome.LATER),
        (503, b'{"error":{"code":2}}', Outcome.LATER),
        (500, b'{"error":{"code":131000}}', Outcome.REFUSED),
        (500, b"", Outcome.UNKNOWN),
        (504, b"<html>", Outcome.UNKNOWN),
        (302, b"", Outcome.UNKNOWN),
    ],
)
def test_what_answers_mean(status, body, outcome):
    assert result_of(status, body).outcome == outcome


def test_trackers_that_are_not_ours_name_nothing():
    named = [
        message_id_of(tracker)
        for tracker in ("parley:7", "parley:", "parley:-1", "parley:" + "9" * 30, "7", "")
    ]
    assert named == [7, None, None, None, None, None]


def test_an_upstream_template_goes_by_its_name(number, upstream):
    make_template(number)
    content = {
        "name": "order_update",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}],
    }
    with scope(number.business_id):
        send.send_message(
            business=number.business,
            number=number,
            to="14155550111",
            kind="template",
            content=content,
        )
    assert cloudapi.deliver_due() == 1
    assert orjson.loads(upstream.taken[0].body)["template"] == content
    with system("test"):
        assert Event.objects.count() == 0
