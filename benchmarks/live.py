"""Live events: time until 300 open dashboards on one live process have received an event."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from benchmarks.report import Figure, show
from benchmarks.servers import benchmark_servers

READERS, EVENTS, PAUSE = 300, 30, 0.1


def main() -> None:
    """Measure and print; the limit is Valkey's own fan-out to 300, on the same machine."""
    with benchmark_servers() as servers:
        cookie, business_id = _session()
        with _live_server(servers.environment) as port:
            ours = asyncio.run(_streams(port, cookie, business_id))
        limit = asyncio.run(_bare(servers.environment["REDIS_URL"]))
    show(
        f"Live: {EVENTS} events, each to {READERS} readers of one process"
        " (goal: every reader within 1,000 ms)",
        [
            Figure("live", name, one, other, "ms")
            for name, one, other in zip(
                ("half of the readers", "99 of 100 readers", "the slowest"),
                ours,
                limit,
                strict=True,
            )
        ],
    )
    if ours[2] > 1000:
        sys.exit(
            f"The slowest reader received an event after {ours[2]:,.0f} ms: more than a second."
        )


def _session() -> tuple[str, int]:
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from accounts.models import Business, Membership, User
    from core.tenancy import system

    with system("benchmark"):
        business = Business.objects.create(name="live", plan_id="business")
        user = User.objects.create_user("reader@example.com")
        Membership.objects.create(business=business, user=user, role="agent")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}", business.pk


@contextmanager
def _live_server(environment: dict[str, str]) -> Iterator[int]:
    """Run the ASGI application in one uvicorn process; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "config.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the live process has not begun to listen")


async def _streams(port: int, cookie: str, business_id: int) -> tuple[float, float, float]:
    from hosting.live.publish import publish_event

    received: dict[str, list[float]] = {}
    request = (
        f"GET /live/events HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    async with _readers(lambda: _open(port, request), received):
        return await _measure(
            received, lambda name: publish_event(business_id, kind="message", conversation=name)
        )


async def _open(port: int, request: bytes) -> AsyncIterator[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    status = await reader.readline()
    if b" 200 " not in status:
        raise ConnectionError(status.decode())
    while line := await reader.readline():
        yield line


@asynccontextmanager
async def _readers(open_one, received: dict[str, list[float]]):  # type: ignore[no-untyped-def]
    """Open all readers, which record when they receive events; entered once all have begun."""
    ready = asyncio.Semaphore(0)

    async def listen() -> None:
        is_new = True
        async for line in open_one():
            if is_new and (b"retry:" in line or b"ready" in line):
                is_new = False
                ready.release()
            for name in [name for name in received if name.encode() in line]:
                received[name].append(time.perf_counter())

    tasks = [asyncio.create_task(listen()) for _ in range(READERS)]
    for _ in range(READERS):
        await asyncio.wait_for(ready.acquire(), 60)
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _measure(received, publish):  # type: ignore[no-untyped-def]
    """(median, 99th percentile, maximum) in ms from publishing to each reader.

    Fails where a reader received nothing.
    """
    waits: list[float] = []
    for n in range(EVENTS):
        name = f"event-{n}-"
        received[name] = []
        begun = time.perf_counter()
        await asyncio.to_thread(publish, name)
        while len(received[name]) < READERS and time.perf_counter() - begun < 10:
            await asyncio.sleep(0.001)
        times = received.pop(name)
        if len(times) != READERS:
            sys.exit(f"{READERS - len(times)} of {READERS} readers never received an event.")
        waits += [1000 * (at - begun) for at in times]
        await asyncio.sleep(PAUSE)
    waits.sort()
    return waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1]


async def _bare(url: str) -> tuple[float, float, float]:
    """The limit: the same events to 300 connections that subscribe to Valkey directly."""
    import redis
    import redis.asyncio

    client = redis.Redis.from_url(url)
    received: dict[str, list[float]] = {}

    async def subscribe() -> AsyncIterator[bytes]:
        async with redis.asyncio.Redis.from_url(url).pubsub() as subscription:
            await subscription.subscribe("bare")
            async for message in subscription.listen():
                yield b"ready" if message["type"] == "subscribe" else message["data"]

    async with _readers(subscribe, received):
        result: tuple[float, float, float] = await _measure(
            received, lambda name: client.publish("bare", name)
        )
        return result
