"""Money is decided by sources that the business cannot sign: prices, windows, free entry."""

import time
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from billing.metering import meter
from billing.models import Charge
from core.tenancy import scope, system
from hosting.cloudapi import webhooks as wire
from hosting.cloudapi.webhooks import sign
from hosting.contacts import number_changes
from hosting.inbound import events
from hosting.message_templates import upstream_sync
from hosting.messages import send
from hosting.models import (
    Contact,
    Conversation,
    Delivery,
    Event,
    Message,
    Number,
    ParkedStatus,
    SimulatedPhone,
    Template,
    Upstream,
)
from hosting.numbers import upstream as connections
from hosting.transports import cloudapi, sandbox
from tests.factories import make_business, make_number, make_template
from tests.hosting.inbound.test_events import REFERRAL, message
from tests.hosting.messages.test_endpoints import caller, post, status
from tests.hosting.messages.test_incoming_endpoint import webhook
from tests.hosting.receivers import Receiver
from tests.hosting.upstreams import accepted, put_behind

TO = "16505551234"


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = True


@pytest.fixture
def number(db: None) -> Number:
    return make_number(make_business("M"))


@pytest.fixture
def stranger(db: None) -> Number:
    return make_number(make_business("V"))


def sign_and_post(number: Number, body: bytes, secret: str = "") -> None:
    """What the business itself posts to its webhook address, with its own app secret."""
    response = Client().post(
        f"/webhooks/{number.account.waba_id}", body, content_type="application/json",
        headers={"X-Hub-Signature-256": sign(body, secret or number.account.app_secret)},
    )  # fmt: skip
    assert response.status_code == 200
    events.apply_due()


def now() -> dict[str, Any]:
    return {"at": timezone.now()}


def customer_writes(number: Number, text: str = "hello") -> None:
    with system("test"):
        phone, _ = SimulatedPhone.objects.get_or_create(
            business=number.business, wa_id=TO, name="Sheena"
        )
        sandbox.write(simulated_phone=phone, number=number, text=text)
    events.apply_due()


def say(number: Number, kind: str = "text", **content: Any) -> Message:
    with scope(number.business_id):
        fresh = Number.objects.select_related("business__plan", "account").get(pk=number.pk)
        return send.send_message(
            business=fresh.business, number=fresh, to=TO, kind=kind,
            content=content or {"body": "hi"},
        )  # fmt: skip


def offer(number: Number) -> Message:
    """A utility template, which many cards make free while the window is open."""
    with system("test"):
        if not Template.objects.filter(account=number.account_id, name="offer").exists():
            make_template(number, "offer", components=[{"type": "BODY", "text": "Ready"}])
    return say(number, "template", name="offer", language={"code": "en_US"})


def prices(number: Number) -> list[tuple[str, int]]:
    events.apply_due()
    meter.meter_due()
    with system("test"):
        found = Charge.objects.filter(business_id=number.business_id).order_by("message_id")
        return [(row.rule, row.price_micros) for row in found]


def thread(number: Number) -> Conversation:
    with system("test"):
        return Conversation.objects.get(number=number)


# --- a business's own secret


def test_a_referral_that_the_business_signs_makes_nothing_free(
    number: Number, stranger: Number
) -> None:
    came = message("text", "wamid.ad", text={"body": "from the ad"}, referral=REFERRAL, **now())
    sign_and_post(number, webhook(number, messages=[came]))
    for one in (number, stranger):
        offer(one)
        sandbox.deliver_due()
    assert prices(number) == prices(stranger)
    assert prices(number)[0][0] == "tier"
    assert prices(number)[0][1] > 0
    found = thread(number)
    assert (found.referred_at, found.free_entry_at, found.last_inbound_at) == (None, None, None)
    with system("test"):
        assert Message.objects.get(wamid="wamid.ad").text == "from the ad"


def test_a_message_that_the_business_signs_opens_no_window(number: Number) -> None:
    came = message("text", "wamid.in", text={"body": "hi"}, **now())
    sign_and_post(number, webhook(number, messages=[came]))
    answer = post(caller(number), number)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131047)
    customer_writes(number)
    assert post(caller(number), number).status_code == 200


def test_a_status_that_the_business_signs_bills_nothing_and_frees_nothing(number: Number) -> None:
    customer_writes(number)
    sent = offer(number)
    for kind in ("delivered", "failed", "read"):
        sign_and_post(number, webhook(number, statuses=[status(sent.wamid, kind, **now())]))
    with system("test"):
        assert (Message.objects.get(pk=sent.pk).status, Delivery.objects.count()) == ("accepted", 0)
        assert ParkedStatus.objects.count() == 0
        # Noted beside the event, for who looks for it.
        assert (
            Event.objects.filter(last_error__startswith="what is signed by business").count() == 3
        )
    sandbox.deliver_due()
    assert len(prices(number)) == 1


def test_posting_the_very_bytes_beforehand_does_not_keep_them_from_counting(number: Number) -> None:
    """The sandbox's own event, byte for byte, signed by the business before it is written."""
    customer_writes(number)
    sent = say(number)
    with system("test"):
        sandbox.deliver_due()
        event = Event.objects.latest("pk")
        body = bytes(event.body)
        event.delete()
    sign_and_post(number, body)
    with system("test"):
        events.store_event(body=body, account_id=number.account_id)
    events.apply_due()
    with system("test"):
        assert Message.objects.get(pk=sent.pk).status == "delivered"
        assert Delivery.objects.count() == 1


def test_a_number_change_that_the_business_signs_moves_no_customer(number: Number) -> None:
    customer_writes(number)
    sent = offer(number)
    moved = {"type": "user_changed_number", "wa_id": "919000000001", "body": "changed"}
    for at in (timezone.now(), timezone.now() - timedelta(days=9)):
        body = webhook(number, messages=[message("system", f"wamid.{at.day}", at=at, system=moved)])
        sign_and_post(number, body)
    sandbox.deliver_due()
    events.apply_due()
    with system("test"):
        assert not Contact.objects.filter(wa_id="919000000001").exists()
        assert Delivery.objects.get(message_id=sent.pk).recipient == TO


def test_a_template_is_not_changed_by_what_the_business_signs(number: Number) -> None:
    with Receiver(answer=accepted) as upstream:
        put_behind(number, upstream)
        template = make_template(number, "offer", category="marketing")
        value = {
            "message_template_name": "offer", "message_template_language": "en_US",
            "new_category": "UTILITY", "event": "REJECTED",
        }  # fmt: skip
        for field in ("template_category_update", "message_template_status_update"):
            body = {"entry": [{"id": "777", "changes": [{"field": field, "value": value}]}]}
            sign_and_post(number, orjson.dumps(body))
    with system("test"):
        found = Template.objects.get(pk=template.pk)
    assert (found.category, found.status) == ("marketing", "APPROVED")


# --- behind an upstream


def arrive(number: Number, secret: str = "their-secret", **members: Any) -> None:
    line = wire.NumberMetadata("777", "5550001", number.digits)
    sign_and_post(number, wire.body_of(line, contacts=[], **members), secret)


def test_behind_an_upstream_only_the_upstreams_secret_counts(number: Number) -> None:
    with Receiver(answer=accepted) as upstream:
        put_behind(number, upstream)
        hello = message("text", "wamid.1", text={"body": "hi"}, **now())
        arrive(number, number.account.app_secret, messages=[hello])
        with system("test"):
            assert not Message.objects.exists()
        arrive(number, messages=[hello | {"n": 1}])
        sent = offer(number)
        cloudapi.deliver_due()
    with system("test"):
        theirs = str(Message.objects.get(pk=sent.pk).upstream_wamid)
    arrive(number, number.account.app_secret, statuses=[status(theirs, "delivered", **now())])
    with system("test"):
        assert (Message.objects.get(pk=sent.pk).status, Delivery.objects.count()) == ("accepted", 0)
    arrive(number, statuses=[status(theirs, "delivered", **now())])
    with system("test"):
        assert Message.objects.get(pk=sent.pk).status == "delivered"
        assert Delivery.objects.get().window_open


def test_an_upstreams_secret_says_nothing_about_numbers_in_the_sandbox(number: Number) -> None:
    """The business knows that secret, perhaps; its other numbers' network is Parley itself."""
    customer_writes(number)
    sent = offer(number)
    with Receiver(answer=accepted) as upstream:
        put_behind(number, upstream)
    with system("test"):
        Number.objects.filter(pk=number.pk).update(transport="sandbox", upstream_id="")
    told = webhook(number, statuses=[status(sent.wamid, "delivered", **now())])
    sign_and_post(number, told, "their-secret")
    with system("test"):
        assert (Message.objects.get(pk=sent.pk).status, Delivery.objects.count()) == ("accepted", 0)


@pytest.mark.parametrize("is_self_connected", [False, True])
def test_an_upstream_that_the_business_can_sign_for_makes_nothing_free(
    number: Number, *, is_self_connected: bool
) -> None:
    with Receiver(answer=accepted) as upstream:
        put_behind(number, upstream)
        with system("test"):
            Upstream.objects.update(is_self_connected=is_self_connected)
        came = message("text", "wamid.ad", text={"body": "ad"}, referral=REFERRAL, **now())
        arrive(number, messages=[came])
        reply, template = say(number), offer(number)
        cloudapi.deliver_due()
    with system("test"):
        sent = Message.objects.filter(direction="out")
        theirs = list(sent.values_list("upstream_wamid", flat=True))
    # Ticks, and what is billed: to report a delivery can only add to the bill.
    arrive(number, statuses=[status(str(one), "delivered", **now()) for one in theirs])
    with system("test"):
        found = {row.message_id: row for row in Delivery.objects.all()}
    assert set(found) == {reply.pk, template.pk}
    # A free-form reply reaches the customer only where the network itself has the window open.
    assert found[reply.pk].window_open
    assert found[template.pk].window_open is not is_self_connected
    assert found[template.pk].free_entry is not is_self_connected


def test_a_business_that_connects_a_network_itself_is_known_to_have(number: Number) -> None:
    with Receiver(answer=accepted) as upstream, scope(number.business_id):
        connections.connect(
            account=number.account, app_secret="s", numbers={number.digits: "5550001"},
            upstream=connections.UpstreamAccount(upstream.url, "777", "t"),
        )  # fmt: skip
        assert Upstream.objects.get().is_self_connected


def test_a_simulated_phone_opens_no_window_on_a_real_network(number: Number) -> None:
    customer_writes(number)
    with system("test"):
        Conversation.objects.update(referred_at=timezone.now(), free_entry_at=timezone.now())
    with Receiver(answer=accepted) as upstream, scope(number.business_id):
        connections.connect(
            account=number.account, app_secret="s", numbers={number.digits: "5550001"},
            upstream=connections.UpstreamAccount(upstream.url, "777", "t"),
        )  # fmt: skip
    sent = offer(number)
    assert (sent.window_open, sent.free_entry_at) == (False, None)


def test_news_of_a_template_from_such_an_upstream_is_asked_for_not_believed(number: Number) -> None:
    with Receiver(answer=accepted) as upstream:
        put_behind(number, upstream)
        with system("test"):
            Upstream.objects.update(is_self_connected=True, synchronised_at=timezone.now())
        template = make_template(number, "offer", category="marketing", upstream_id="1")
        value = {"message_template_name": "offer", "message_template_language": "en_US",
                 "new_category": "UTILITY"}  # fmt: skip
        change = {"field": "template_category_update", "value": value}
        body = orjson.dumps({"entry": [{"id": "777", "changes": [change]}]})
        sign_and_post(number, body, "their-secret")
        with system("test"):
            assert Template.objects.get(pk=template.pk).category == "marketing"
        assert upstream_sync.synchronise_due() == 1


def test_news_of_another_account_of_the_same_app_change_no_template(number: Number) -> None:
    with Receiver(answer=accepted) as upstream:
        put_behind(number, upstream)
        template = make_template(number, "offer")
        value = {"message_template_name": "offer", "message_template_language": "en_US",
                 "event": "REJECTED"}  # fmt: skip
        change = {"field": "message_template_status_update", "value": value}
        sign_and_post(
            number, orjson.dumps({"entry": [{"id": "778", "changes": [change]}]}), "their-secret"
        )
    with system("test"):
        assert Template.objects.get(pk=template.pk).status == "APPROVED"


# --- what a member does


def test_a_merge_moves_no_window_and_no_price(number: Number) -> None:
    customer_writes(number)
    with scope(number.business_id):
        fresh = Number.objects.select_related("business__plan", "account").get(pk=number.pk)
        make_template(number, "offer", components=[{"type": "BODY", "text": "Ready"}])
        held = {"name": "offer", "language": {"code": "en_US"}}
        sent = send.send_message(
            business=fresh.business, number=fresh, to="4915112345678", kind="template", content=held
        )
        mine = Contact.objects.get(wa_id=TO)
        other = Contact.objects.get(wa_id="4915112345678")
        number_changes.merge_contacts(mine, into=other)
        kept = Conversation.objects.get(contact=other)
        assert (kept.last_inbound_at, kept.referred_at) == (None, None)
        cheap = Contact.objects.create(business=number.business, wa_id="919000000001")
        number_changes.merge_contacts(other, into=cheap)
    sandbox.deliver_due()
    events.apply_due()
    with system("test"):
        assert Delivery.objects.get(message_id=sent.pk).recipient == "4915112345678"


def test_a_time_in_the_future_opens_the_window_no_longer_than_now(number: Number) -> None:
    late = int(time.time()) + 10 * 365 * 86400
    came = message("text", "wamid.in", text={"body": "hi"}) | {"timestamp": str(late)}
    with system("test"):
        events.store_event(body=webhook(number, messages=[came]), account_id=number.account_id)
    events.apply_due()
    opened = thread(number).last_inbound_at
    assert opened is not None
    assert opened <= timezone.now()


def test_an_operators_secret_takes_the_place_of_one_that_the_business_knows(
    number: Number, client: Client
) -> None:
    with Receiver(answer=accepted) as upstream:
        row = put_behind(number, upstream)
    with system("test"):
        Upstream.objects.update(is_self_connected=True)
        client.force_login(User.objects.create_superuser("ops@example.com"))
    page = f"/admin/hosting/upstream/{row.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"new_app_secret": ""}).status_code == 200
    assert client.post(page, {"new_app_secret": "the-operators-own"}).status_code == 302
    with system("test"):
        found = Upstream.objects.get()
        assert (found.app_secret, found.is_self_connected) == ("the-operators-own", False)
        entries = AuditEntry.objects.filter(action__startswith="upstream.")
        assert [(entry.action, entry.after) for entry in entries] == [
            ("upstream.secret_changed", {})
        ]
    hello = message("text", "wamid.1", text={"body": "hi"}, **now())
    arrive(number, "the-operators-own", messages=[hello])
    assert thread(number).is_window_proven
