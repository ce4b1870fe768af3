"""HTTP load: granian as in production, and clients with keep-alive connections."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

from stack.machine import free_port

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
CLIENTS = 8

LIMIT_URLS = """
import hashlib, hmac
import orjson
from django.db import connection
from django.http import HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from hosting.api import fast_path


def empty(request):
    return HttpResponse("ok")


@csrf_exempt
def plain(request):
    body = request.body
    hmac.compare_digest(hmac.new(b"secret", body, hashlib.sha256).hexdigest(), "x")
    orjson.loads(body)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_plain (body) VALUES (%s)", [body])
    return HttpResponse("ok")


LIMITS = [path("bench/empty", empty), path("bench/plain", plain)]
urlpatterns = [*LIMITS, path("", include("config.urls"))]
# From a worker's second request on, these views use the fast path: as little middleware.
fast_path.ROUTES += LIMITS
"""


@contextlib.contextmanager
def granian(folder: str, servers: object) -> Iterator[int]:
    """Run the application and the two views of the limits on two granian workers.

    Yields the port.
    """
    import psycopg

    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:  # type: ignore[attr-defined]
        db.execute("CREATE TABLE bench_plain (id bigserial PRIMARY KEY, body bytea)")
        db.execute("GRANT ALL ON bench_plain, bench_plain_id_seq TO parley_app")
    with open(f"{folder}/bench_urls.py", "w", encoding="utf-8") as file:
        file.write(LIMIT_URLS)
    with open(f"{folder}/bench_settings.py", "w", encoding="utf-8") as file:
        file.write("from config.settings import *\nROOT_URLCONF = 'bench_urls'\n")
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}:{os.getcwd()}",
        "DJANGO_SETTINGS_MODULE": "bench_settings",
    }
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--workers",
        "2",
        "--blocking-threads",
        "4",
        "--log-level",
        "critical",
        "config.wsgi:application",
    ]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if Client(port).get("/bench/empty") == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("granian did not start")


class Client:
    """One keep-alive connection; `body` is the last answer's."""

    body = b""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, headers: dict[str, str] | None = None) -> int:
        """Send a GET; returns the status."""
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return self._status("\r\n".join(lines).encode() + b"\r\n\r\n")

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Send a POST; returns the status."""
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return self._status("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def _status(self, request: bytes) -> int:
        # By hand: http.client would use more of the two cores than the measured server.
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = next(
            int(line[15:])
            for line in head.split(b"\r\n")
            if line[:15].lower() == b"content-length:"
        )
        while len(body) < length:
            body += self._more()
        self.body = body
        return int(head[9:12])

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def per_second(port: int, ask: Callable[[Client, int], int]) -> float:
    """Successful requests per second of CLIENTS connections during SECONDS.

    RuntimeError for any status but 200.
    """
    counts, failures = [0] * CLIENTS, []
    ends = time.monotonic() + SECONDS

    def work(n: int) -> None:
        client, serial = Client(port), n
        while time.monotonic() < ends:
            status = ask(client, serial)
            serial += CLIENTS
            if status != 200:
                failures.append(status)
                return
            counts[n] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"answered {failures[0]}")
    return sum(counts) / (time.monotonic() - start)
