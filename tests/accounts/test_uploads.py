"""Bodies larger than their limit are refused by Content-Length, before a byte is read."""

import socket
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client

from core.tenancy import system
from hosting.models import ChatImport
from tests.factories import make_business, make_key

MB = 1024 * 1024
pytestmark = pytest.mark.django_db


class Unreadable:
    """A body of which nobody may read a byte."""

    def read(self, *_: int) -> bytes:
        """Never."""
        raise AssertionError("the body was read")

    readline = __iter__ = read


def announce(path: str, size: str, **headers: str) -> "tuple[int, str]":
    """Status and body of the answer to a POST that announces so many bytes and sends none."""
    client = Client(raise_request_exception=True)
    extra: dict[str, Any] = {
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": size,
        "wsgi.input": Unreadable(),
        **headers,
    }
    response = client.generic("POST", path, b"", **extra)
    return response.status_code, response.content.decode()


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v1/imports/", 500 * MB),
        ("/history/imports/", 500 * MB),
        ("/accounts/login/", 100 * MB),
    ],
)
def test_a_body_beyond_its_limit_is_refused_unread(path: str, limit: int) -> None:
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key(make_business())}"}
    status, said = announce(path, str(limit + 64 * 1024 + 1), **key)
    assert status == 413
    assert (f"{limit + 64 * 1024:,}" if path.startswith("/api/") else f"{limit // MB}") in said
    assert announce(path, "9" * 30, **key)[0] == 413
    with system("test"):
        assert not ChatImport.objects.exists()


def test_one_within_it_is_read() -> None:
    with pytest.raises(AssertionError, match="the body was read"):
        announce(
            "/api/v1/imports/",
            str(500 * MB),
            HTTP_AUTHORIZATION=f"Bearer {make_key(make_business())}",
        )


@pytest.fixture
def port() -> Iterator[int]:
    """A real server on loopback, one request at a time."""

    class Silent(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=Silent)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    yield server.server_port
    thread.join(10)
    server.server_close()


def test_the_answer_comes_before_the_body(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(
            b"POST /api/v1/imports/ HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 10000000000\r\nConnection: close\r\n\r\n--x\r\n"
        )
        assert b" 413 " in wire.recv(1000).split(b"\r\n")[0]
