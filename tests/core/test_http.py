"""Addresses that users chose reach the public internet only, and never hold a worker for long."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.http import AddressRefused, FetchFailed, fetch, is_public

REFUSED = [
    "http://127.0.0.1/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:127.0.0.1]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://127.1/",
    "http://0/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://[ff02::1]/",
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST/",
    "http://user@127.0.0.1/",
    "http://user:pw@example.com/",
    "http://example.com@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "ftp://example.com/",
    "unix:/run/x",
    "http+unix://%2Frun%2Fx/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "http://example.com:6379/",
    "http://example.com:5432/",
    "http://example.com:22/",
    "http://example.com:99999/",
    "http://[::1",
    "http://",
    "//example.com/",
    "",
    "http:///x",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: x",
    "http://exam\tple.com/",
    "http://example.com\\@127.0.0.1/",
    "https://[::1]/",
    "https://127.0.0.1:443/",
    "http://127.0.0.1:80/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://example.com/" + "x" * 2048,
]


class Listener:
    """A server on loopback that counts requests and answers given bytes, maybe one at a time."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self.reply, self.pause = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0.0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            self.requests.append(connection.recv(65536))
            if self.requests[-1].startswith(b"POST") and self.requests[-1].endswith(b"\r\n\r\n"):
                self.requests[-1] += connection.recv(65536)
            step = 1 if self.pause else len(self.reply)
            try:
                for start in range(0, len(self.reply), step):
                    connection.sendall(self.reply[start : start + step])
                    time.sleep(self.pause)
            except OSError:
                return


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    yield server
    server.socket.close()


@pytest.mark.parametrize("url", REFUSED)
def test_addresses_inside_are_refused(url: str) -> None:
    # Where the machine's resolver does not know the name at all, that is the reason given.
    with pytest.raises(FetchFailed, match=r"URL|public|host's name|ports 80"):
        fetch(url, timeout=2)


def test_a_listener_on_loopback_is_never_reached(listener: Listener, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.http.PORTS", {"http": listener.port, "https": 443})
    for host in ("127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]", "0"):
        with pytest.raises(AddressRefused):
            fetch(f"http://{host}:{listener.port}/", timeout=2)
    assert listener.connections == 0


def test_a_name_that_changes_between_check_and_connect_reaches_nothing_inside(
    listener: Listener, monkeypatch: Any
) -> None:
    answers = iter(["203.0.114.9", "127.0.0.1", "127.0.0.1"])
    monkeypatch.setattr("core.http.PORTS", {"http": listener.port, "https": 443})
    real = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **kwargs: Any) -> Any:
        return real(next(answers) if host == "rebind.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with pytest.raises(FetchFailed):
        fetch(f"http://rebind.example:{listener.port}/", timeout=0.5)
    assert listener.connections == 0


def test_one_private_address_among_public_ones_is_refused(monkeypatch: Any) -> None:
    rows = [(2, 1, 6, "", (ip, 80)) for ip in ("93.184.216.34", "10.0.0.5")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    with pytest.raises(AddressRefused):
        fetch("http://two-faced.example/", timeout=2)


def test_redirects_are_answers(listener: Listener, settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    listener.reply = (
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    )
    fetched = fetch(f"http://127.0.0.1:{listener.port}/")
    assert (fetched.status, fetched.headers["location"], listener.connections) == (
        302,
        "http://169.254.169.254/",
        1,
    )


def test_a_body_is_posted_with_its_headers_and_the_host_kept(
    listener: Listener, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    fetched = fetch(
        f"http://localhost:{listener.port}/in?x=1",
        method="POST",
        body=b'{"a":1}',
        headers={"X-Hub-Signature-256": "s"},
    )
    request = listener.requests[0].decode().lower()
    assert (fetched.status, fetched.body, fetched.truncated) == (200, b"ok", False)
    assert request.startswith("post /in?x=1 http/1.1\r\n")
    assert f"host: localhost:{listener.port}\r\n" in request
    assert "x-hub-signature-256: s\r\n" in request
    assert request.endswith('content-length: 7\r\n\r\n{"a":1}')


def test_dripping_and_endless_answers_end(listener: Listener, settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    listener.pause = 0.05
    started = time.monotonic()
    with pytest.raises(FetchFailed, match="no answer within"):
        fetch(f"http://127.0.0.1:{listener.port}/", timeout=0.3)
    assert time.monotonic() - started < 1
    listener.pause, listener.reply = 0, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000
    fetched = fetch(f"http://127.0.0.1:{listener.port}/", max_bytes=1000)
    assert (len(fetched.body), fetched.truncated) == (1000, True)


def test_header_injection_is_refused(listener: Listener, settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = True
    with pytest.raises(FetchFailed):
        fetch(f"http://127.0.0.1:{listener.port}/", headers={"X-A": "b\r\nX-C: d"})
    assert listener.requests in ([], [b""])


def test_public_addresses_are_public() -> None:
    assert all(map(is_public, ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::"]))
    assert not any(map(is_public, ["", "x", "127.0.0.1", "::1", "2001:db8::1", "2002:a00:1::"]))
