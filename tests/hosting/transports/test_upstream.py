"""The upstream transport: sent once, whatever happens; refusals passed on; limits respected; ids
translated.
"""

import time
from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import scope, system
from hosting.cloudapi import webhooks as wire
from hosting.inbound import events
from hosting.messages import send
from hosting.models import (
    Contact,
    Conversation,
    Delivery,
    Message,
    Number,
    Outgoing,
    ParkedStatus,
)
from hosting.transports import cloudapi
from tests.factories import make_business, make_number
from tests.hosting.claimed import begun, end_leases, write_down
from tests.hosting.receivers import Receiver
from tests.hosting.upstreams import accepted, put_behind

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
