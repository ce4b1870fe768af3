"""Edges of the Cloud API: unknown paths, other bodies than JSON, success for what was done."""

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client

from core.tenancy import system
from hosting.api import bodies, nodes
from hosting.cloudapi.json import MAX_BODY_BYTES
from hosting.cloudapi.webhooks import sign
from hosting.models import Event, Message, Number, Transport
from tests.factories import make_key
from tests.hosting.messages.test_send import TO, Line


@pytest.fixture
def line(db: None) -> Line:
    return Line()


def error_of(response: Any) -> tuple[int, int]:
    assert response["Content-Type"] == "application/json"
    error = orjson.loads(response.content)["error"]
    assert set(error) >= {"message", "type", "code", "fbtrace_id"}
    return response.status_code, error["code"]


@pytest.mark.parametrize(
    "path",
    [
        "/v23.0/{id}/nothing",
        "/v23.0/{id}/flows/9/",
        "/v23.0/you",
        "/v23.0/",
        "/v23.0",
        "/{id}/nothing",
        "/v23.0/{id}/media/too/deep",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_unknown_paths_answer_in_the_shape_of_the_protocol(
    line: Line, method: str, path: str
) -> None:
    response = line.client.generic(
        method, path.format(id=line.number.phone_number_id), b"{}", "application/json"
    )
    assert error_of(response) == (400, 2500)


@pytest.mark.parametrize("path", ["/nothing/here", "/version/2", "/v/x", "/s/none/"])
def test_other_paths_keep_their_page(line: Line, path: str) -> None:
    response = line.client.get(path)
    assert (response.status_code, response["Content-Type"][:9]) == (404, "text/html")


def test_an_unexpected_error_answers_in_the_shape_of_the_protocol(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(nodes, "own_account", broken)
    path = f"/v23.0/{line.number.account.waba_id}/phone_numbers"
    assert error_of(line.client.get(path)) == (500, 131000)


def sent(line: Line, path: str = "", **kwargs: Any) -> tuple[int, Any]:
    url = f"/v23.0/{line.number.phone_number_id}/messages{path}"
    response = line.client.post(url, **kwargs)
    return response.status_code, orjson.loads(response.content)


MEMBERS = {"messaging_product": "whatsapp", "to": TO, "type": "text", "text": '{"body": "hi"}'}


def last(line: Line) -> str:
    with system("test"):
        return Message.objects.filter(direction="out").latest("id").text


def test_messages_come_as_forms_and_as_query_parameters(line: Line) -> None:
    form = "application/x-www-form-urlencoded"
    ways: list[dict[str, Any]] = [
        {"data": urlencode(MEMBERS), "content_type": form},
        {"data": MEMBERS},  # multipart
        {"path": f"?{urlencode(MEMBERS)}"},
        {"path": f"?{urlencode(MEMBERS)}", "data": b"", "content_type": "application/json"},
        # curl -d says that it is a form, whatever it is.
        {"data": orjson.dumps(MEMBERS | {"text": {"body": "hi"}}), "content_type": form},
    ]
    for way in ways:
        status, reply = sent(line, **way)
        assert (status, last(line)) == (200, "hi"), reply
    both = urlencode(MEMBERS | {"text": '{"body": "query"}'})
    body = orjson.dumps({"text": {"body": "body"}})
    assert sent(line, f"?{both}", data=body, content_type="application/json")[0] == 200
    assert last(line) == "body"


def test_a_key_may_stand_in_the_form(line: Line) -> None:
    line.client = Client()
    form = "application/x-www-form-urlencoded"
    key = make_key(line.business)
    given = MEMBERS | {"access_token": key}
    assert sent(line, data=urlencode(given), content_type=form)[0] == 200
    assert sent(line, data=urlencode(MEMBERS), content_type=form)[0] == 401


@pytest.mark.parametrize(
    "members",
    [
        MEMBERS | {"text": '{"body": "a\\u0000b"}'},
        MEMBERS | {"text": "a\x00b"},
        MEMBERS | {"text": '{"body": '},
        MEMBERS | {"text": "[" * 200 + "]" * 200},
        {"x": "y"},
    ],
)
def test_a_form_that_cannot_be_read_is_refused(line: Line, members: dict[str, str]) -> None:
    form = "application/x-www-form-urlencoded"
    status, reply = sent(line, data=urlencode(members), content_type=form)
    assert status == 400, reply
    with system("test"):
        assert not Message.objects.filter(direction="out").exclude(status="failed").exists()


def chunked(client: Client, path: str, body: bytes, **headers: str) -> Any:
    """Send a body as servers hand on one without a length."""
    extra: dict[str, Any] = {"wsgi.input": BytesIO(body), "HTTP_TRANSFER_ENCODING": "chunked"}
    request = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_TYPE": "application/json"}
    return client.request(**request | extra | headers)


def test_bodies_without_a_length_are_read(line: Line) -> None:
    body = orjson.dumps(MEMBERS | {"text": {"body": "in chunks"}})
    response = chunked(line.client, f"/v23.0/{line.number.phone_number_id}/messages", body)
    assert (response.status_code, last(line)) == (200, "in chunks")


def test_webhooks_without_a_length_are_read_within_the_limit(line: Line, settings: Any) -> None:
    body = b'{"object": "whatsapp_business_account", "entry": []}'
    with system("test"):
        before = Event.objects.count()
    signature = sign(body, settings.APP_SECRET)
    response = chunked(Client(), "/webhooks/", body, HTTP_X_HUB_SIGNATURE_256=signature)
    assert response.status_code == 200
    with system("test"):
        assert Event.objects.count() == before + 1
    for size, status in ((MAX_BODY_BYTES, 403), (MAX_BODY_BYTES + 1, 413)):
        response = chunked(Client(), "/webhooks/", b" " * size, HTTP_X_HUB_SIGNATURE_256="x")
        assert response.status_code == status
    assert error_of(response) == (413, 100)
    with system("test"):
        assert Event.objects.count() == before + 1


def test_a_stream_that_ends_early_is_not_read_beyond_the_limit() -> None:
    class Stream(BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            piece = super().read(size)
            self.taken += len(piece)
            return piece

    stream = Stream(b"x" * 10**6)
    request: Any = type("Request", (), {"environ": {"wsgi.input": stream}, "META": {}})()
    assert not bodies.read_chunked(request, limit=1000)
    assert stream.taken <= bodies.CHUNK_BYTES


def change(line: Line, members: dict[str, Any]) -> Any:
    return line.client.post(
        f"/v23.0/{line.number.phone_number_id}", orjson.dumps(members), "application/json"
    )


def named(line: Line) -> str:
    with system("test"):
        return Number.objects.get(pk=line.number.pk).verified_name


def test_success_is_said_of_what_was_done(line: Line) -> None:
    assert change(line, {"new_display_name": " Luma Bakery "}).status_code == 200
    assert named(line) == "Luma Bakery"
    path = f"/v23.0/{line.number.phone_number_id}?new_display_name=Rye"
    assert line.client.post(path).status_code == 200
    assert named(line) == "Rye"
    for members in (
        {},
        {"something": "else"},
        {"new_display_name": ""},
        {"new_display_name": "\u200e"},
        {"new_display_name": 7},
        {"new_display_name": "x" * 10_000},
        {"new_display_name": "Oak", "pin": "1"},
    ):
        assert error_of(change(line, members)) == (400, 100)
    assert named(line) == "Rye"
    with system("test"):
        Number.objects.filter(pk=line.number.pk).update(transport=Transport.CLOUDAPI)
    assert error_of(change(line, {"new_display_name": "Oak"})) == (400, 100)
    assert named(line) == "Rye"
