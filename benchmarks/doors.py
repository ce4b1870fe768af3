"""What the two door benchmarks share: granian as in production, and a load of keep-alive clients beside it."""

import contextlib
import http.client
import os
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


urlpatterns = [path("bench/empty", empty), path("bench/plain", plain), path("", include("config.urls"))]
"""


@contextlib.contextmanager
def granian(folder: str, servers: object) -> Iterator[int]:
    """The real application on two granian workers, with the limit's two views beside it; yields the port."""
    import psycopg

    with psycopg.connect(servers.environment["DATABASE_SUPERUSER_URL"], autocommit=True) as db:  # type: ignore[attr-defined]
        db.execute("CREATE TABLE bench_plain (id bigserial PRIMARY KEY, body bytea)")
        db.execute("GRANT ALL ON bench_plain, bench_plain_id_seq TO parley_app")
    with open(f"{folder}/bench_urls.py", "w", encoding="utf-8") as file:
        file.write(LIMIT_URLS)
    with open(f"{folder}/bench_settings.py", "w", encoding="utf-8") as file:
        file.write("from config.settings import *\nROOT_URLCONF = 'bench_urls'\n")
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.getcwd()}", "DJANGO_SETTINGS_MODULE": "bench_settings"}
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "2",
        "--blocking-threads", "4", "--log-level", "critical", "config.wsgi:application",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str) -> int:
        """GET; returns the status."""
        return self._status("GET", path, None, {})

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """POST; returns the status."""
        return self._status("POST", path, body, headers)

    def _status(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        response.read()
        return response.status


def per_second(port: int, ask: Callable[[Client, int], int]) -> float:
    """Successful requests a second of CLIENTS connections over SECONDS; anything but 200 fails the benchmark."""
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
