"""The upstream transport: sent once, whatever happens; refusals passed on; limits respected; ids
translated.
"""

import threading
import time
from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import scope, system
from hosting.cloudapi import webhooks as wire
from hosting.cloudapi.upstreams import Outcome, message_id_of, result_of
from hosting.inbound import events
from hosting.messages import send
from hosting.models import (
    Contact,
    Conversation,
    Delivery,
    Event,
    Message,
    Number,
    Outgoing,
    ParkedStatus,
)
from hosting.transports import cloudapi
from tests.factories import make_business, make_number, make_template
from tests.hosting.claimed import begun, end_leases, write_down
from tests.hosting.receivers import Receiver
from tests.hosting.upstreams import accepted, put_behind, refused

PHONE = "14155550199"


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.ALLOW_PRIVATE_URLS = True


@pytest.fixture
def upstream():
    with Receiver(answer=accepted) as receiver:
        yield receiver


@pytest.fixture
def number(db, upstream):
    number = make_number(make_business(), digits="15550783881")
    put_behind(number, upstream)
    open_window(number, PHONE)
    return number


def open_window(number, wa_id):
    with system("test"):
        contact, _ = Contact.objects.get_or_create(business=number.business, wa_id=wa_id)
        Conversation.objects.create(
            business=number.business, number=number, contact=contact, last_inbound_at=timezone.now()
        )


def say(number, text, to=PHONE, **more):
    with scope(number.business_id):
        return send.send_message(
            business=number.business,
            number=number,
            to=to,
            kind="text",
            content={"body": text},
            **more,
        )


def reload(message):
    with system("test"):
        return Message.objects.get(pk=message.pk)


def waiting():
    with system("test"):
        return list(Outgoing.objects.order_by("message_id"))


def let_time_pass():
    with system("test"):
        Outgoing.objects.update(not_before=timezone.now() - timedelta(seconds=1))
        Number.objects.update(paused_until=None)
    end_leases(cloudapi.QUEUE)


def arrive(number, secret="their-secret", **members):
    """The upstream calls our address, in its own ids, signed with its own secret."""
    body = wire.body_of(
        wire.NumberMetadata("777", "5550001", "15550783881"),
        contacts=members.pop("contacts", []),
        **members,
    )
    response = Client().post(
        f"/webhooks/{number.account.waba_id}",
        body,
        content_type="application/json",
        headers={"X-Hub-Signature-256": wire.sign(body, secret)},
    )
    events.apply_due()
    return response.status_code


def reported(wamid, status, **more):
    return {
        "id": wamid,
        "status": status,
        "timestamp": str(int(time.time())),
        "recipient_id": PHONE,
    } | more


def test_a_message_leaves_with_its_row_as_tracker(number, upstream):
    message = say(number, "Hello", tracker="the client's own")
    assert cloudapi.deliver_due() == 1
    (taken,) = upstream.taken
    assert taken.path == "/v23.0/5550001/messages"
    assert taken.headers["authorization"] == "Bearer their-token"
    assert orjson.loads(taken.body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": PHONE,
        "type": "text",
        "text": {"body": "Hello"},
        "biz_opaque_callback_data": f"parley:{message.pk}",
    }
    assert reload(message).upstream_wamid.startswith("wamid.upstream")
    assert (waiting(), reload(message).status) == ([], "accepted")
    assert cloudapi.deliver_due() == 0


def test_statuses_of_the_upstream_become_ours_and_are_metered_once(number, upstream):
    message = say(number, "Hello")
    cloudapi.deliver_due()
    theirs = reload(message).upstream_wamid
    for status in ("delivered", "sent", "read", "delivered"):
        assert arrive(number, statuses=[reported(theirs, status)]) == 200
    assert reload(message).status == "read"
    with system("test"):
        assert Delivery.objects.filter(message_id=message.pk).count() == 1
        assert ParkedStatus.objects.count() == 0


def test_only_the_upstreams_secret_is_accepted(number):
    assert arrive(number, secret="somebody-else", statuses=[]) == 403
    assert arrive(number, statuses=[]) == 200


def test_a_customers_message_comes_in_and_names_ours(number, upstream):
    message = say(number, "Yes or no?")
    cloudapi.deliver_due()
    theirs = reload(message).upstream_wamid
    answer = {
        "from": PHONE,
        "id": "wamid.in1",
        "timestamp": "1749416383",
        "type": "button",
        "button": {"payload": "Yes", "text": "Yes"},
        "context": {"from": "15550783881", "id": theirs},
    }
    heart = {
        "from": PHONE,
        "id": "wamid.in2",
        "timestamp": "1749416384",
        "type": "reaction",
        "reaction": {"message_id": theirs, "emoji": "\u2764"},
    }
    people = [wire.contact_object(PHONE, "Sheena", "US.1")]
    assert arrive(number, contacts=people, messages=[answer, heart]) == 200
    with system("test"):
        first, second = Message.objects.filter(direction="in").order_by("id")
    assert (
        first.context_wamid,
        first.content["button" if "button" in first.content else "text"],
    ) == (
        message.wamid,
        "Yes",
    )
    assert first.content["_webhook"]["context"]["id"] == message.wamid
    assert (second.context_wamid, second.content["message_id"]) == (message.wamid, message.wamid)
    # And back: what we say about their message names it by their id, about ours by the upstream's.
    say(number, "Thanks", context_wamid="wamid.in1")
    say(number, "As I said", context_wamid=message.wamid)
    assert cloudapi.deliver_due() == 2
    assert [orjson.loads(taken.body)["context"]["message_id"] for taken in upstream.taken[1:]] == [
        "wamid.in1",
        theirs,
    ]


def test_a_crash_after_the_post_never_sends_twice_and_a_webhook_settles_it(number, upstream):
    message = say(number, "Only once")
    (task,) = begun(cloudapi.QUEUE)
    cloudapi.send(task.work)  # and then the worker is killed: nothing is written down
    assert len(upstream.taken) == 1
    assert [row.state for row in waiting()] == ["sending"]
    assert cloudapi.deliver_due() == 0
    assert cloudapi.release() == 0
    let_time_pass()
    assert cloudapi.release() == 1
    assert [row.state for row in waiting()] == ["unknown"]
    let_time_pass()
    assert cloudapi.deliver_due() == 0
    assert len(upstream.taken) == 1
    status = reported(
        "wamid.upstream-lost", "delivered", biz_opaque_callback_data=f"parley:{message.pk}"
    )
    assert arrive(number, statuses=[status]) == 200
    assert waiting() == []
    found = reload(message)
    assert (found.status, found.upstream_wamid) == ("delivered", "wamid.upstream-lost")
    with system("test"):
        assert Delivery.objects.get().message_id == message.pk


def test_another_tenants_tracker_settles_nothing(number, upstream):
    message = say(number, "Only once")
    begun(cloudapi.QUEUE)
    stranger = make_number(make_business("Stranger"))
    with Receiver(answer=accepted) as other:
        put_behind(stranger, other)
        status = reported("wamid.x", "delivered", biz_opaque_callback_data=f"parley:{message.pk}")
        assert arrive(stranger, statuses=[status]) == 200
    assert [row.state for row in waiting()] == ["sending"]
    assert (reload(message).status, reload(message).upstream_wamid) == ("accepted", None)
    with system("test"):
        parked = ParkedStatus.objects.get()
        assert (parked.phone_number_id, parked.wamid) == (stranger.phone_number_id, "wamid.x")


def test_a_worker_that_slept_past_its_lease_still_writes_down_what_it_knows(number, upstream):
    message = say(number, "Only once")
    (task,) = begun(cloudapi.QUEUE)
    let_time_pass()
    assert cloudapi.release() == 1
    write_down(cloudapi.POOL, task, cloudapi.send(task.work))
    assert waiting() == []
    assert reload(message).upstream_wamid


def test_a_status_that_overtakes_the_answer_is_not_lost(number, upstream):
    message = say(number, "Quick")
    (task,) = begun(cloudapi.QUEUE)
    report = cloudapi.send(task.work)
    assert arrive(number, statuses=[reported(report.result.wamid, "sent")]) == 200
    with system("test"):
        assert ParkedStatus.objects.count() == 1
    write_down(cloudapi.POOL, task, report)
    assert events.unpark() == 1
    assert reload(message).status == "sent"


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
