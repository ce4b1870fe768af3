"""Webhooks to the business: exact bodies, signed, in order, retried for seven days; nobody waits
for anybody else.
"""

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import scope, system
from hosting.cloudapi import webhooks as wire
from hosting.inbound import events
from hosting.messages import send
from hosting.models import Account, Message, Number, SimulatedPhone, Webhook, WebhookCall
from hosting.transports import sandbox
from hosting.webhooks import delivery, outbox
from tests.factories import make_business, make_key, make_number
from tests.hosting.receivers import Receiver

AT = datetime(2026, 5, 10, 12, tzinfo=UTC)
PHONE = "14155550199"


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.ALLOW_PRIVATE_URLS = True


@pytest.fixture
def shop(db):
    business = make_business(clock_at=AT)
    number = make_number(business, phone_number_id="106540352242922", digits="15550783881")
    with system("test"):
        Account.objects.filter(pk=number.account_id).update(
            waba_id="102290129340398", app_secret="s3cret"
        )
        simulated_phone = SimulatedPhone.objects.create(
            business=business, wa_id=PHONE, name="Sheena Nelson", reads_at_once=True
        )
    return business, number, simulated_phone


def listen(number, url, own=False, **fields):
    with system("test"):
        fields |= {"account_id": number.account_id, "number": number if own else None}
        return Webhook.objects.create(business_id=number.business_id, url=url, **fields)


def write(shop, text="Does it come in another color?"):
    business, number, simulated_phone = shop
    with system("test"):
        number = Number.objects.select_related("account").get(pk=number.pk)
        wamid = sandbox.write(
            simulated_phone=simulated_phone, number=number, text=text, at=business.now()
        )
    events.apply_due()
    return wamid


def calls(**which):
    with system("test"):
        return list(WebhookCall.objects.filter(**which).order_by("id"))


def call_to(url, *, attempt=1, secrets=("s",)):
    """A call as a worker makes it."""
    return delivery.Call(1, 1, attempt, "id", b"{}", url, False, secrets, timezone.now())


def test_an_inbound_message_is_told_exactly_and_signed(shop):
    _business, number, _ = shop
    with Receiver() as receiver:
        listen(number, receiver.url)
        wamid = write(shop)
        assert delivery.call_due() == 1
    (taken,) = receiver.taken
    assert orjson.loads(taken.body) == {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "102290129340398",
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {
                                "display_phone_number": "15550783881",
                                "phone_number_id": "106540352242922",
                            },
                            "contacts": [
                                {
                                    "profile": {"name": "Sheena Nelson"},
                                    "wa_id": PHONE,
                                    "user_id": taken.value["contacts"][0]["user_id"],
                                }
                            ],
                            "messages": [
                                {
                                    "from": PHONE,
                                    "from_user_id": taken.value["contacts"][0]["user_id"],
                                    "id": wamid,
                                    "timestamp": str(int(AT.timestamp())),
                                    "type": "text",
                                    "text": {"body": "Does it come in another color?"},
                                }
                            ],
                        },
                    }
                ],
            }
        ],
    }
    assert taken.value["contacts"][0]["user_id"].startswith("US.")
    expected = "sha256=" + hmac.new(b"s3cret", taken.body, hashlib.sha256).hexdigest()
    assert taken.headers["x-hub-signature-256"] == expected
    assert taken.headers["content-type"] == "application/json"
    (call,) = calls()
    when, name, ours = (part.split("=")[1] for part in taken.headers["parley-signature"].split(","))
    signed = f"{when}.{call.public_id}.".encode() + taken.body
    assert (name, ours) == (
        str(call.public_id),
        hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest(),
    )
    assert abs(int(when) - time.time()) < 10
    assert (call.state, call.tries, call.response_status, bytes(call.response_body)) == (
        "done",
        1,
        200,
        b"ok",
    )
    assert call.seconds is not None
    assert 0 < call.seconds < 5


def test_statuses_are_told_once_each_with_the_clients_own_tracker(shop):
    business, number, _ = shop
    with Receiver() as receiver:
        listen(number, receiver.url, updates_per_call=100)
        write(shop)
        with scope(business.pk):
            message = send.send_message(
                business=business,
                number=number,
                to=PHONE,
                kind="text",
                content={"body": "Yes"},
                tracker="order-7",
            )
        sandbox.deliver_due()
        events.apply_due()
        with system("the same once more, in other bytes"):
            status = wire.status_object(
                wamid=message.wamid,
                status="delivered",
                at=AT,
                wa_id=PHONE,
                category="service",
                in_window=True,
            )
            number = Number.objects.select_related("account").get(pk=number.pk)
            events.store_event(
                body=wire.body_of(outbox.metadata_of(number), contacts=[], statuses=[status]),
                account_id=number.account_id,
            )
        assert events.apply_due() == 1
        assert delivery.call_due() == 2
    _, reported = receiver.taken
    assert [
        (s["id"], s["status"], s["timestamp"], s["recipient_id"])
        for s in reported.value["statuses"]
    ] == [
        (message.wamid, "sent", str(int(AT.timestamp())), PHONE),
        (message.wamid, "delivered", str(int(AT.timestamp()) + 1), PHONE),
        (message.wamid, "read", str(int(AT.timestamp()) + 20), PHONE),
    ]
    assert {s["biz_opaque_callback_data"] for s in reported.value["statuses"]} == {"order-7"}
    assert [s.get("pricing", {}).get("category") for s in reported.value["statuses"]] == [
        "service",
        "service",
        None,
    ]
    assert reported.value["contacts"][0]["profile"] == {"name": "Sheena Nelson"}
    assert reported.value["contacts"][0]["user_id"]


def test_a_failed_status_carries_its_errors(shop):
    business, number, _ = shop
    listen(number, "http://127.0.0.1:9/")
    write(shop)
    with scope(business.pk):
        message = send.send_message(
            business=business, number=number, to=PHONE, kind="text", content={"body": "?"}
        )
    error = {"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable"}
    with system("test"):
        Message.objects.filter(pk=message.pk).update(errors=[error], failed_at=AT, status="failed")
        assert outbox.write_status_calls({message.pk: ["failed"]}) == 1
    (status,) = orjson.loads(bytes(calls()[-1].body))["entry"][0]["changes"][0]["value"]["statuses"]
    assert (status["status"], status["errors"]) == ("failed", [error])


def test_a_message_sent_twice_by_the_network_is_told_once(shop):
    _business, number, _simulated_phone = shop
    listen(number, "http://127.0.0.1:9/")
    wamid = write(shop)
    with system("test"):
        number = Number.objects.select_related("account").get(pk=number.pk)
        again = {
            "from": PHONE,
            "id": wamid,
            "timestamp": "1",
            "type": "text",
            "text": {"body": "again"},
        }
        body = wire.body_of(outbox.metadata_of(number), contacts=[], messages=[again])
        events.store_event(body=body, account_id=number.account_id)
    assert events.apply_due() == 1
    assert len(calls()) == 1


def test_a_numbers_own_webhook_takes_the_place_of_its_accounts(shop):
    business, number, _ = shop
    with system("test"):
        other = Number.objects.create(
            business=business,
            account_id=number.account_id,
            digits="15550783882",
            verified_name="Other",
        )
    general = listen(number, "http://127.0.0.1:9/account")
    own = listen(number, "http://127.0.0.1:9/number", own=True)
    listen(number, "http://127.0.0.1:9/templates", fields=["message_template_status_update"])
    listen(number, "http://127.0.0.1:9/off", is_active=False)
    write(shop)
    assert [call.webhook_id for call in calls()] == [own.pk]
    write((business, other, shop[2]))
    assert [call.webhook_id for call in calls()] == [own.pk, general.pk]


def test_a_strangers_webhook_hears_nothing(shop):
    stranger = make_number(make_business("Stranger"))
    listen(stranger, "http://127.0.0.1:9/")
    write(shop)
    assert calls() == []
    with scope(stranger.business_id):
        assert Webhook.objects.count() == 1
    with scope(shop[0].pk):
        assert Webhook.objects.count() == 0


def test_template_news_go_to_those_who_asked(shop):
    _, number, _ = shop
    wants = listen(number, "http://127.0.0.1:9/a")
    listen(number, "http://127.0.0.1:9/b", fields=["messages"])
    with system("test"):
        account = Account.objects.get(pk=number.account_id)
        value = {"event": "APPROVED", "message_template_id": 1689556908129832}
        assert (
            outbox.write_field_calls(
                account=account, field="message_template_status_update", value=value
            )
            == 1
        )
    (call,) = calls()
    assert call.webhook_id == wants.pk
    reported = orjson.loads(bytes(call.body))
    assert reported["entry"][0].pop("time") > 0
    assert reported == {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "102290129340398",
                "changes": [{"field": "message_template_status_update", "value": value}],
            }
        ],
    }


def test_the_secret_changes_without_a_moment_of_silence(shop):
    _business, number, _ = shop
    with system("test"):
        account = Account.objects.get(pk=number.account_id)
        account.change_secret()
    new = account.app_secret
    assert account.secrets == [new, "s3cret"]
    secrets = (new, "s3cret")
    first = delivery.headers_of(call_to("http://x/", attempt=1, secrets=secrets), at=1)
    second = delivery.headers_of(call_to("http://x/", attempt=2, secrets=secrets), at=1)
    assert first["x-hub-signature-256"] == wire.sign(b"{}", new)
    assert second["x-hub-signature-256"] == wire.sign(b"{}", "s3cret")
    assert first["parley-signature"].count("v1=") == 2
    body = wire.body_of(wire.NumberMetadata("102290129340398", "106540352242922", "1"), contacts=[])
    for secret, status in ((new, 200), ("s3cret", 200), ("other", 403)):
        response = Client().post(
            "/webhooks/102290129340398",
            body,
            content_type="application/json",
            headers={"X-Hub-Signature-256": wire.sign(body, secret)},
        )
        assert response.status_code == status
    from hosting.api import webhooks

    webhooks._receivers.clear()
    with system("a day later"):
        Account.objects.update(secret_changed_at=timezone.now() - timedelta(hours=24, seconds=1))
        assert Account.objects.get(pk=account.pk).secrets == [new]
    response = Client().post(
        "/webhooks/102290129340398",
        body,
        content_type="application/json",
        headers={"X-Hub-Signature-256": wire.sign(body, "s3cret")},
    )
    assert response.status_code == 403


def test_subscribing_by_the_cloud_api(shop):
    business, number, _ = shop
    client = Client(headers={"Authorization": f"Bearer {make_key(business)}"})
    path = "/v23.0/102290129340398/subscribed_apps"

    def post(body):
        return client.post(path, body, content_type="application/json")

    with Receiver(verify_token="vt") as first, Receiver(verify_token="vt") as second:
        refused = post({"override_callback_uri": first.url, "verify_token": "wrong"})
        assert refused.status_code == 400
        assert (
            "HTTP 403, not 200" in orjson.loads(refused.content)["error"]["error_data"]["details"]
        )
        assert post({"override_callback_uri": first.url}).status_code == 400
        assert (
            post({"override_callback_uri": "http://user@x/", "verify_token": "vt"}).status_code
            == 400
        )
        assert orjson.loads(client.get(path).content) == {"data": []}
        assert (
            post({"override_callback_uri": first.url, "verify_token": "vt"}).content
            == b'{"success":true}'
        )
        assert (
            post({"override_callback_uri": second.url, "verify_token": "vt"}).content
            == b'{"success":true}'
        )
    assert first.challenges[-1]["hub.mode"] == "subscribe"
    app = {"whatsapp_business_api_data": {"id": "102290129340398", "name": "Bakery", "link": ""}}
    assert orjson.loads(client.get(path).content) == {
        "data": [{**app, "override_callback_uri": second.url}]
    }
    own = listen(number, "http://127.0.0.1:9/own")
    assert client.delete(path).content == b'{"success":true}'
    assert orjson.loads(client.get(path).content) == {"data": []}
    assert post({}).content == b'{"success":true}'
    assert orjson.loads(client.get(path).content) == {"data": [app]}
    with system("test"):
        assert [hook.url for hook in Webhook.objects.filter(is_active=True)] == [own.url]


def test_subscribing_needs_a_key_of_the_business_with_the_scope(shop):
    business, _number, _ = shop
    path = "/v23.0/102290129340398/subscribed_apps"
    with Receiver(verify_token="vt") as receiver:
        body = {"override_callback_uri": receiver.url, "verify_token": "vt"}
        stranger = {"Authorization": f"Bearer {make_key(make_business('Stranger'))}"}
        narrow = {"Authorization": f"Bearer {make_key(business, scopes=['messages'])}"}
        for headers, status in (({}, 401), (stranger, 404), (narrow, 403)):
            client = Client(headers=headers)
            assert client.post(path, body, content_type="application/json").status_code == status
            assert client.get(path).status_code == status
            assert client.delete(path).status_code == status
        assert receiver.challenges == []
    with system("test"):
        assert Webhook.objects.count() == 0


def test_replay_is_a_call_of_its_own(shop):
    business, number, _ = shop
    with Receiver() as receiver:
        listen(number, receiver.url)
        write(shop)
        delivery.call_due()
        with scope(business.pk):
            replayed = delivery.replay(WebhookCall.objects.get())
        assert delivery.call_due() == 1
    assert receiver.taken[0].body == receiver.taken[1].body
    first, second = calls()
    assert (second.pk, second.replay_of_id, second.state) == (replayed.pk, first.pk, "done")


def test_the_log_is_purged_and_what_nobody_takes_is_given_up(shop):
    _, number, _ = shop
    webhook = listen(number, "http://127.0.0.1:9/")
    write(shop)
    with system("test"):
        Webhook.objects.filter(pk=webhook.pk).update(is_active=False)
        assert delivery.expire() == 0
        WebhookCall.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    assert delivery.expire() == 1
    assert [call.state for call in calls()] == ["dead"]
    assert delivery.purge() == 0
    with system("test"):
        WebhookCall.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert delivery.purge() == 1
    assert calls() == []
