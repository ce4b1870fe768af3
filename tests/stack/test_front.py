"""The front, as `up` starts it: TLS for a domain, streams at once, headers that can be trusted."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from types import SimpleNamespace
from typing import Any

import pytest

from stack.commands import Front, commands, front_of
from stack.machine import free_port
from tests.stack.conftest import await_true

DOMAIN = "chat.example.test"


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked; below /live/ as a stream that waits between two events."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def address_string(self) -> str:
        return ""

    def do_GET(self) -> None:
        if self.path.startswith("/live/"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"7\r\nfirst\n\n\r\n")
            self.wfile.flush()
            self.go_on.wait(20)
            self.wfile.write(b"8\r\nsecond\n\n\r\n0\r\n\r\n")
            return
        asked = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"path": self.path} | asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def running(var: Path, **settings: Any) -> Iterator[tuple[Front, Any]]:
    """The front in front of two servers on its sockets."""
    front = front_of(var)
    if front is None:
        pytest.skip("there is no Caddy for this machine")
    env: Any = SimpleNamespace(
        var=var, host="127.0.0.1", port=free_port(), live_port=1, domain="", tls="acme",
        acme_email="", web_workers=1, worker_processes=1,
    )  # fmt: skip
    vars(env).update(settings)
    servers = [Server(str(path), Handler) for path in (front.web, front.live)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with (var / "front.log").open("wb") as log:
        process = subprocess.Popen(
            commands(env, front)["front"],
            env=os.environ | front.environment(env),
            stdout=log,
            stderr=log,
        )
    try:
        await_true(lambda: answers(env.port), 30)
        yield front, env
    finally:
        process.terminate()
        process.wait(15)
        for server in servers:
            server.shutdown()
            server.server_close()
            Path(str(server.server_address)).unlink(missing_ok=True)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def get(connection: http.client.HTTPConnection, path: str, **headers: str) -> dict[str, Any]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Server"] is None
    return dict(json.loads(answer.read()))


def test_the_client_s_address_is_the_front_s_word_and_streams_are_not_held_back(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as (front, env):
        assert oct(front.sockets.stat().st_mode & 0o777) == "0o700"
        connection = http.client.HTTPConnection("127.0.0.1", env.port, timeout=10)
        asked = get(
            connection,
            "/a?b=c",
            **{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Host": "localhost"},
        )
        assert asked["path"] == "/a?b=c"
        assert asked["host"] == "localhost"
        assert (asked["x-forwarded-for"], asked["x-forwarded-proto"]) == ("127.0.0.1", "http")
        Handler.go_on.clear()
        connection.request("GET", "/live/events")
        stream = connection.getresponse()
        # The server waits for us: held back, the first event would never come.
        assert stream.read1(100) == b"first\n\n"
        Handler.go_on.set()
        assert stream.read() == b"second\n\n"


def test_a_domain_has_tls_and_everything_else_leads_there(tmp_path: Path) -> None:
    with running(tmp_path, domain=DOMAIN, tls="internal") as (_, env):
        root = tmp_path / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        await_true(root.exists, 20)
        trusting = ssl.create_default_context(cafile=root)

        def secure() -> http.client.HTTPConnection:
            plain = socket.create_connection(("127.0.0.1", env.port), 10)
            connection = http.client.HTTPConnection(DOMAIN, timeout=10)
            connection.sock = trusting.wrap_socket(plain, server_hostname=DOMAIN)
            return connection

        def has_certificate() -> bool:
            with contextlib.suppress(OSError):
                secure().close()
                return True
            return False

        await_true(has_certificate, 30)
        asked = get(secure(), "/", Host=DOMAIN)
        assert (asked["host"], asked["x-forwarded-proto"]) == (DOMAIN, "https")
        plain = http.client.HTTPConnection("127.0.0.1", env.port + 1, timeout=10)
        plain.request("GET", "/x", headers={"Host": DOMAIN})
        answer = plain.getresponse()
        assert answer.status == 308
        assert answer.headers["Location"].startswith(f"https://{DOMAIN}")
        assert answer.headers["Location"].endswith("/x")


def test_a_long_folder_gets_short_sockets(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    front = front_of(deep)
    if front is None:
        pytest.skip("there is no Caddy for this machine")
    assert len(str(front.live)) < 104
    assert oct(front.sockets.stat().st_mode & 0o777) == "0o700"
    front.sockets.rmdir()


def test_slow_headers_are_cut_off(tmp_path: Path) -> None:
    limits = (Path(__file__).parents[2] / "deploy" / "Caddyfile").read_text()
    assert "read_header 10s" in limits
    with running(tmp_path) as (_, env), socket.create_connection(("127.0.0.1", env.port)) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 70_000 + b"\r\n\r\n")
        one.settimeout(10)
        started = time.monotonic()
        assert b" 431 " in one.recv(1000).partition(b"\r\n")[0], time.monotonic() - started
