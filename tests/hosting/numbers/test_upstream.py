"""Connecting a real Cloud API behind an account, by HTTP as a browser would do it, against a
server of our own.
"""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from core.tenancy import system
from hosting.models import Account, Number, Outgoing, Upstream
from tests.factories import make_business, make_client, make_number
from tests.hosting.receivers import Receiver
from tests.hosting.upstreams import refused

THEIRS = {
    "data": [
        {"id": "5550001", "display_phone_number": "+1 555-078-3881"},
        {"id": "9", "display_phone_number": "+1 1"},
    ]
}


@pytest.fixture
def number(db: None, settings: Any) -> Number:
    settings.ALLOW_PRIVATE_URLS = True
    return make_number(make_business(), digits="15550783881")


@pytest.fixture
def client(number: Number) -> Client:
    return make_client(number.business, "owner")


@pytest.fixture
def upstream() -> Any:
    with Receiver(
        show=lambda taken: (200, orjson.dumps(THEIRS)),
        answer=lambda taken: (200, b'{"success":true}'),
    ) as found:
        yield found


def connect(client: Client, number: Number, url: str, **changes: str) -> Any:
    form = {
        "account_": number.account.waba_id,
        "base_url": url,
        "waba_id": "777",
        "token": "t0ken",
        "app_secret": "s3cret",
    }
    return client.post(reverse("connect_upstream"), form | changes, follow=True)


def state(number: Number) -> tuple[str, str, int]:
    with system("test"):
        found = Number.objects.get(pk=number.pk)
        return found.transport, found.upstream_id, Upstream.objects.count()


def test_numbers_that_both_know_are_connected_and_its_webhook_is_set(
    client: Client, number: Number, upstream: Receiver, settings: Any
) -> None:
    base = upstream.url.replace("/hook", "/v23.0")
    page = connect(client, number, base + "/").content.decode()
    assert "Connected: +1 555-078-3881 send by it from now on." in page
    assert state(number) == ("cloudapi", "5550001", 1)
    assert upstream.shown[0].path.startswith("/v23.0/777/phone_numbers")
    assert upstream.shown[0].headers["authorization"] == "Bearer t0ken"
    (asked,) = upstream.taken
    with system("test"):
        account, made = Account.objects.get(), Upstream.objects.get()
    assert asked.path == "/v23.0/777/subscribed_apps"
    assert orjson.loads(asked.body) == {
        "override_callback_uri": f"{settings.BASE_URL}/webhooks/{account.waba_id}",
        "verify_token": account.verify_token,
    }
    assert (made.base_url, made.token, made.app_secret) == (base, "t0ken", "s3cret")
    assert "t0ken" not in page
    assert "s3cret" not in page
    assert (
        "Disconnected"
        in client.post(
            reverse("disconnect_upstream", args=[account.waba_id]), follow=True
        ).content.decode()
    )
    assert state(number) == ("sandbox", "", 0)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            refused(401, 190, "Invalid OAuth access token"),
            "HTTP 401: (#190) Invalid OAuth access token",
        ),
        ((200, b'{"data":[]}'), "has none of this account&#x27;s numbers"),
        ((200, b"<html>"), "has none of"),
        ((500, b""), "HTTP 500"),
    ],
)
def test_what_does_not_answer_as_it_should_is_not_connected(
    client: Client, number: Number, upstream: Receiver, answer: tuple[int, bytes], says: str
) -> None:
    upstream.show = lambda taken: answer
    page = connect(client, number, upstream.url.replace("/hook", "/v23.0"))
    assert (page.status_code, says in page.content.decode()) == (422, True)
    assert state(number) == ("sandbox", "", 0)
    assert upstream.taken == []


def test_an_address_inside_is_never_asked(
    client: Client, number: Number, upstream: Receiver, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_URLS = False
    page = connect(client, number, "http://127.0.0.1/v23.0")
    assert (page.status_code, "not on the public internet" in page.content.decode()) == (422, True)
    assert (upstream.shown, state(number)) == ([], ("sandbox", "", 0))


def test_a_webhook_that_cannot_be_set_is_said(
    client: Client, number: Number, upstream: Receiver
) -> None:
    upstream.answer = lambda taken: refused(403, 200, "Permissions error")
    page = connect(client, number, upstream.url.replace("/hook", "/v23.0")).content.decode()
    assert "Set its webhook by hand: The upstream answered HTTP 403" in page
    assert state(number)[0] == "cloudapi"


def test_it_stays_while_messages_are_on_their_way(
    client: Client, number: Number, upstream: Receiver
) -> None:
    from tests.hosting.transports.test_upstream import open_window, say

    connect(client, number, upstream.url.replace("/hook", "/v23.0"))
    open_window(number, "14155550199")
    number.transport = "cloudapi"
    say(number, "Hello")
    page = client.post(
        reverse("disconnect_upstream", args=[number.account.waba_id]), follow=True
    ).content.decode()
    assert "1 messages are still on their way" in page
    assert state(number)[2] == 1
    with system("test"):
        assert Outgoing.objects.count() == 1


def test_a_strangers_account_cannot_be_chosen(
    client: Client, number: Number, upstream: Receiver
) -> None:
    stranger = make_number(make_business("Stranger"))
    page = connect(client, number, upstream.url, account_=stranger.account.waba_id)
    assert (page.status_code, upstream.shown) == (422, [])
