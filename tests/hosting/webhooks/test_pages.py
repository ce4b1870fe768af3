"""The settings of webhooks, by HTTP as a browser would use them, against real receivers."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from core.tenancy import scope, system
from hosting.cloudapi.webhooks import sign
from hosting.models import Account, Number, Webhook, WebhookCall
from hosting.webhooks import delivery
from tests.factories import make_business, make_client, make_number
from tests.hosting.receivers import Receiver


@pytest.fixture
def number(db: None, settings: Any) -> Number:
    settings.ALLOW_PRIVATE_URLS = True
    return make_number(make_business())


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "owner")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(verify_token="vt") as receiver:
        yield receiver


def add(client: Client, number: Number, url: str, **changes: Any) -> Any:
    form = {
        "url": url,
        "verify_token": "vt",
        "source": number.account.waba_id,
        "fields_": ["messages"],
    }
    return client.post(reverse("add_webhook"), form | changes)


def only(model: Any) -> Any:
    with system("test"):
        return model.objects.get()


def test_an_empty_page_says_what_will_appear_and_offers_one_thing(client: Client) -> None:
    page = client.get(reverse("webhooks")).content.decode()
    assert "No webhooks yet" in page
    assert page.count('class="button primary"') == 2  # the empty page's, and the form's own


def test_a_receiver_that_answers_the_challenge_is_added(
    client: Client, number: Number, receiver: Receiver
) -> None:
    answer = add(client, number, receiver.url)
    made = only(Webhook)
    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("webhook", args=[made.public_id]),
    )
    assert (made.url, made.verify_token, made.fields, made.number_id) == (
        receiver.url,
        "vt",
        ["messages"],
        None,
    )
    assert made.verified_at is not None
    assert receiver.challenges[0]["hub.verify_token"] == "vt"
    assert "The receiver answered the challenge." in client.get(answer["Location"]).content.decode()
    with system("test"):
        assert list(AuditEntry.objects.values_list("action", flat=True)) == ["webhook.added"]


def test_a_number_gets_its_own(client: Client, number: Number, receiver: Receiver) -> None:
    add(client, number, receiver.url, source=f"{number.account.waba_id}/{number.phone_number_id}")
    assert only(Webhook).number_id == number.pk


@pytest.mark.parametrize(
    ("url", "token", "says"),
    [
        (
            "http://10.0.0.1/hook",
            "vt",
            "The callback URL cannot be used: the host is not on the public internet.",
        ),
        ("http://169.254.169.254/latest", "vt", "not on the public internet"),
        ("http://[::1]/", "vt", "not on the public internet"),
        ("https://example.com:6379/", "vt", "only ports 80 and 443 are asked"),
        ("ftp://example.com/", "vt", "a URL begins with http:// or https://"),
        ("http://user@example.com/", "vt", "a URL names a host, and no user"),
        ("", "vt", "This field is required."),
        ("http://example.com/", "", "This field is required."),
    ],
)
def test_addresses_inside_are_refused_by_name(
    client: Client, number: Number, settings: Any, url: str, token: str, says: str
) -> None:
    settings.ALLOW_PRIVATE_URLS = False
    answer = add(client, number, url, verify_token=token)
    assert (answer.status_code, says in answer.content.decode()) == (422, True)
    with system("test"):
        assert not Webhook.objects.exists()


def test_a_receiver_that_does_not_know_the_token_is_not_added(
    client: Client, number: Number
) -> None:
    with Receiver(verify_token="another") as receiver:
        answer = add(client, number, receiver.url)
    assert answer.status_code == 422
    assert "answered the challenge with HTTP 403, not 200" in answer.content.decode()
    with system("test"):
        assert not Webhook.objects.exists()


def test_a_strangers_account_cannot_be_chosen(
    client: Client, number: Number, receiver: Receiver
) -> None:
    stranger = make_number(make_business("Stranger"))
    assert add(client, number, receiver.url, source=stranger.account.waba_id).status_code == 422
    assert receiver.challenges == []


@pytest.fixture
def webhook(number: Number, receiver: Receiver) -> Webhook:
    with system("test"):
        return Webhook.objects.create(
            business=number.business, account=number.account, url=receiver.url, verify_token="vt"
        )


@pytest.mark.parametrize(
    "field",
    [
        "messages",
        "message_template_status_update",
        "message_template_quality_update",
        "account_update",
        "account_alerts",
        "orders",
    ],
)
def test_a_test_delivery_is_signed_sent_and_shown(
    client: Client, webhook: Webhook, receiver: Receiver, field: str
) -> None:
    answer = client.post(reverse("test_webhook", args=[webhook.public_id]), {"field": field})
    assert "not called yet" in client.get(answer["Location"]).content.decode()
    assert delivery.call_due() == 1
    (taken,) = receiver.taken
    assert orjson.loads(taken.body)["entry"][0]["changes"][0]["field"] == field
    with system("test"):
        signature = sign(taken.body, Account.objects.get().app_secret)
    assert taken.headers["x-hub-signature-256"] == signature
    page = client.get(answer["Location"]).content.decode()
    for shown in (
        signature,
        "HTTP 200",
        "Delivered",
        " ms",
        "&quot;object&quot;: &quot;whatsapp_business_account&quot;",
    ):
        assert shown in page


def test_the_log_pages_filters_and_shows_what_went_wrong(
    client: Client, webhook: Webhook, receiver: Receiver
) -> None:
    receiver.answer = lambda taken: (500, b"<script>alert(1)</script>")
    with scope(webhook.business_id):
        for _ in range(51):
            delivery.send_sample(webhook, field="messages")
        newest = WebhookCall.objects.order_by("-id")[0]
        WebhookCall.objects.exclude(pk=newest.pk).update(state="done")
    delivery.call_due()
    page = client.get(reverse("webhook_log"))
    assert (len(page.context["calls"]), page.context["calls"][0].pk) == (50, newest.pk)
    last = client.get(reverse("webhook_log"), {"before": page.context["older"]})
    assert (len(last.context["calls"]), last.context["older"]) == (1, 0)
    (waiting,) = client.get(
        reverse("webhook", args=[webhook.public_id]), {"state": "open"}
    ).context["calls"]
    shown = client.get(reverse("webhook_call", args=[waiting.public_id])).content.decode()
    assert "HTTP 500" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown


def test_replay_sends_the_same_bytes_again(
    client: Client, webhook: Webhook, receiver: Receiver
) -> None:
    with scope(webhook.business_id):
        call = delivery.send_sample(webhook, field="messages")
    delivery.call_due()
    answer = client.post(reverse("replay_call", args=[call.public_id]))
    assert answer["Location"] != reverse("webhook_call", args=[call.public_id])
    delivery.call_due()
    assert receiver.taken[0].body == receiver.taken[1].body
    client.post(reverse("switch_webhook", args=[webhook.public_id]), {"active": "0"})
    refused = client.post(reverse("replay_call", args=[call.public_id]), follow=True)
    assert "nothing can be sent there" in refused.content.decode()
    with system("test"):
        assert WebhookCall.objects.count() == 2


def test_dead_letters_are_shown_at_home_and_tried_again(
    client: Client, webhook: Webhook, receiver: Receiver
) -> None:
    with scope(webhook.business_id):
        delivery.send_sample(webhook, field="messages")
        WebhookCall.objects.update(state="dead")
    assert reverse("webhook_log") + "?state=dead" in client.get(reverse("home")).content.decode()
    answer = client.post(reverse("rerun_webhook", args=[webhook.public_id]), follow=True)
    assert "1 calls are tried again" in answer.content.decode()
    assert delivery.call_due() == 1
    assert only(WebhookCall).state == "done"
    assert "?state=dead" not in client.get(reverse("home")).content.decode()


def test_the_secret_is_changed_and_both_are_live(
    client: Client, webhook: Webhook, number: Number
) -> None:
    old = only(Account).app_secret
    page = client.post(
        reverse("change_secret", args=[number.account.waba_id]), follow=True
    ).content.decode()
    account = only(Account)
    assert account.secrets == [account.app_secret, old]
    assert account.app_secret != old
    assert account.app_secret in page
    assert old not in page
    assert "The old secret works until" in page


def test_the_challenge_is_asked_again_and_its_result_shown(
    client: Client, webhook: Webhook, receiver: Receiver
) -> None:
    path = reverse("check_webhook", args=[webhook.public_id])
    with system("test"):
        Webhook.objects.update(failures=5)
    assert "The receiver answered the challenge." in client.post(path, follow=True).content.decode()
    found = only(Webhook)
    assert (found.failures, found.verified_at is not None) == (0, True)
    receiver.verify_token = "changed"
    assert "HTTP 403, not 200" in client.post(path, follow=True).content.decode()


def test_fields_switch_and_removal(client: Client, webhook: Webhook) -> None:
    names = [webhook.public_id]
    client.post(reverse("webhook_fields", args=names), {"fields_": ["account_update", "nonsense"]})
    assert only(Webhook).fields == ["account_update"]
    assert (
        "Choose at least one"
        in client.post(reverse("webhook_fields", args=names), follow=True).content.decode()
    )
    assert only(Webhook).fields == ["account_update"]
    client.post(reverse("switch_webhook", args=names), {"active": "0"})
    assert only(Webhook).is_active is False
    assert (
        "Switch the webhook on"
        in client.post(
            reverse("test_webhook", args=names), {"field": "messages"}, follow=True
        ).content.decode()
    )
    client.post(reverse("remove_webhook", args=names))
    assert only(Webhook).removed_at is not None
    assert client.get(reverse("webhook", args=names)).status_code == 404
    assert "No webhooks yet" in client.get(reverse("webhooks")).content.decode()
