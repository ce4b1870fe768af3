"""The Python client against the running product: pages, retries, errors, sending once."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
from django.core.wsgi import get_wsgi_application

from clients.python.parley_client import ApiError, Parley, is_signed
from core.tenancy import system
from hosting.cloudapi.webhooks import sign
from hosting.models import Conversation, Message, Number
from tests.factories import make_business, make_key, make_messages, make_number, make_template

TO = "14155550100"
SCOPES = ["read", "messages", "contacts"]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Site:
    """A server with a business, a key, and a client that notes how long it waits."""

    url: str
    number: Number
    key: str
    waits: list[float]

    def client(self, key: str = "") -> Parley:
        """A client with the business's key, or another one."""
        return Parley(self.url, key or self.key, sleep=self.waits.append)


@pytest.fixture
def site(committed_db: None, redis: object) -> Iterator[Site]:
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    number = make_number(make_business())
    key = make_key(number.business, scopes=SCOPES)
    yield Site(f"http://127.0.0.1:{server.server_port}", number, key, [])
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_lists_are_read_page_by_page(site: Site) -> None:
    ids = make_messages(site.number.business, site.number, 230, to=TO)
    other = make_business("Other")
    make_messages(other, make_number(other), 1, to=TO)
    with site.client() as parley:
        found = list(parley.messages(contact=f"+{TO}", direction="out"))
        assert [one["id"] for one in found] == ids[::-1]
        assert parley.message(ids[0])["contact"] == TO
        (thread,) = parley.conversations(is_resolved=False)
        assert len(list(parley.messages_of(thread["id"]))) == 230
        (contact,) = parley.contacts(wa_id=TO)
        assert parley.rename(contact["id"], "Ann")["alias"] == "Ann"
        assert parley.contact(contact["id"])["alias"] == "Ann"
        assert parley.resolve(thread["id"])["is_resolved"] is True
        assert list(parley.conversations(is_resolved=False)) == []
    assert site.waits == []


def test_a_message_is_sent_once_whatever_is_repeated(site: Site) -> None:
    make_template(site.number)
    number = site.number.phone_number_id
    with site.client() as parley:
        sent = [
            parley.send_template(
                number, to=TO, name="order_update", language="en_US", values=["7"],
                idempotency_key="order-7",
            )
            for _ in range(2)
        ]  # fmt: skip
        assert sent[0] == sent[1]
        assert (sent[0]["status"], sent[0]["text"]) == ("accepted", "Order 7 is ready")
        with pytest.raises(ApiError) as refused:
            parley.send_text(number, to=TO, body="too late")
    assert (refused.value.status, refused.value.code) == (400, "cloudapi_131047")
    with system("test"):
        assert Message.objects.count() == Conversation.objects.count() == 1


def test_refusals_say_what_was_wrong(site: Site) -> None:
    with site.client("parley_00000000_" + "x" * 43) as stranger:
        with pytest.raises(ApiError) as refused:
            list(stranger.messages())
        assert refused.value.status == 401
    with site.client() as parley:
        with pytest.raises(ApiError) as refused:
            list(parley.messages(status="lost"))
        assert (refused.value.status, refused.value.field) == (400, "status")
        with pytest.raises(ApiError) as refused:
            parley.message(10**9)
        assert refused.value.status == 404
    assert site.waits == []


def test_a_file_is_stored_and_a_webhook_verified(site: Site) -> None:
    with site.client() as parley:
        stored = parley.upload("notes.txt", b"hello", "text/plain")
    assert (stored["mime_type"], stored["size"]) == ("text/plain", 5)
    body = b'{"object":"whatsapp_business_account"}'
    assert is_signed(body, sign(body, "secret"), "secret")
    assert not is_signed(body + b" ", sign(body, "secret"), "secret")


class _Broken(httpx.BaseTransport):
    """A network that answers as told, then as the product does."""

    def __init__(self, *answers: httpx.Response | None) -> None:
        self.answers, self.asked = list(answers), 0
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if not self.answers:
            return self.inner.handle_request(request)
        answer = self.answers.pop(0)
        if answer is None:
            raise httpx.ConnectError("refused", request=request)
        return answer


def limited(status: int, **headers: str) -> httpx.Response:
    error = {"error": {"code": "throttled", "message": "slow down"}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=error, headers=named)


def test_what_failed_for_a_moment_is_tried_again(site: Site) -> None:
    make_template(site.number)
    network = _Broken(limited(429, Retry_After="3"), None, limited(503))
    waits: list[float] = []
    with Parley(site.url, site.key, transport=network, sleep=waits.append) as parley:
        assert list(parley.messages()) == []
        assert (waits, network.asked) == ([3.0, 1.0, 2.0], 4)
        network.answers = [None]
        parley.send_template(
            site.number.phone_number_id, to=TO, name="order_update", language="en_US", values=["7"]
        )
        assert network.asked == 6
    with system("test"):
        assert Message.objects.count() == 1


def test_what_may_have_been_done_is_not_repeated_without_a_key(site: Site) -> None:
    network = _Broken(limited(503), None)
    with Parley(site.url, site.key, transport=network, sleep=lambda _: None) as parley:
        with pytest.raises(ApiError, match="503"):
            parley.request("POST", "messages/", json={})
        with pytest.raises(httpx.ConnectError):
            parley.request("POST", "messages/", json={})
        assert network.asked == 2
        network.answers = [limited(429)] * 5
        with pytest.raises(ApiError, match="429"):
            parley.request("GET", "messages/")
        assert network.asked == 7
