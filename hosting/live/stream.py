"""Live event streams for open dashboards: one Valkey subscription a process, fanned out.

An event only says what changed; the page fetches it. A client that reconnects with Last-Event-ID
gets a refresh event, and a page without a stream polls, so lost events do no harm.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

import redis.asyncio
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from prometheus_client import Gauge

from accounts.access import membership_of
from hosting.live.publish import PREFIX

log = structlog.get_logger(__name__)

KEEPALIVE_SECONDS = 15
AWAY_SECONDS = 3.0
MAX_AGE_SECONDS = 15 * 60
BACKLOG = 100
READERS = Gauge("parley_live_readers", "Open event streams.", multiprocess_mode="livesum")
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Hub:
    """Queues of connected clients by business, fed by one pattern subscription."""

    def __init__(self) -> None:
        self.readers: dict[int, set[asyncio.Queue[bytes]]] = defaultdict(set)
        self.listener: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def reader(self, business_id: int) -> Any:
        """Provide a queue of this business's events while the block runs."""
        if self.listener is None or self.listener.done():
            self.listener = asyncio.create_task(self._listen())
        queue: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG)
        self.readers[business_id].add(queue)
        READERS.inc()
        try:
            yield queue
        finally:
            READERS.dec()
            self.readers[business_id].discard(queue)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(redis.RedisError, OSError):
                client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
                async with client.pubsub() as subscription:
                    await subscription.psubscribe(f"{PREFIX}*")
                    async for message in subscription.listen():
                        if message["type"] == "pmessage":
                            self._fan_out(message["channel"], message["data"])
            # Valkey is down: clients refresh at intervals until it is back, and once then.
            await asyncio.sleep(AWAY_SECONDS)
            for business_id in list(self.readers):
                self._deliver(business_id, b'{"kind":"refresh"}')

    async def end(self) -> None:
        """Cancel the listener, repeatedly: redis-py swallows a cancellation while it connects."""
        while self.listener is not None and not self.listener.done():
            self.listener.cancel()
            await asyncio.wait({self.listener}, timeout=0.1)

    def _fan_out(self, channel: bytes, event: bytes) -> None:
        self._deliver(int(channel.removeprefix(PREFIX.encode())), event)

    def _deliver(self, business_id: int, event: bytes) -> None:
        for queue in list(self.readers.get(business_id, ())):
            if queue.full():
                # A client too slow for its events needs only one refresh.
                while not queue.empty():
                    queue.get_nowait()
                event = b'{"kind":"refresh"}'
            queue.put_nowait(event)


hub = Hub()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application of `/live/events` and `/live/healthz`."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        await _http(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await hub.end()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _http(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["path"] == "/live/healthz":
        await _plain(send, 200, b"ok")
    elif scope["path"] != "/live/events" or scope["method"] != "GET":
        await _plain(send, 404, b"not found")
    else:
        headers = {
            name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        business_id = await sync_to_async(_business_of)(headers.get("cookie", ""))
        if business_id is None:
            await _plain(send, 403, b"log in first")
        else:
            await _stream(business_id, "last-event-id" in headers, receive, send)


def _business_of(cookies: str) -> int | None:
    """Return the id of the business that this session shows, or None."""
    close_old_connections()
    try:
        jar = SimpleCookie(cookies)
    except CookieError:
        return None
    cookie = jar.get(settings.SESSION_COOKIE_NAME)
    if cookie is None:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value)
    membership = membership_of(session)
    return membership.business_id if membership else None


async def _stream(business_id: int, came_back: bool, receive: Receive, send: Send) -> None:
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers + _cors()})
    gone = asyncio.create_task(_disconnected(receive))
    ends = time.monotonic() + MAX_AGE_SECONDS
    with hub.reader(business_id) as queue:
        await _write(send, b"retry: 1000\n\n")
        if came_back:
            await _write(send, _event(b'{"kind":"refresh"}'))
        while not gone.done() and time.monotonic() < ends:
            waiting = asyncio.create_task(queue.get())
            done, _ = await asyncio.wait(
                {waiting, gone}, timeout=KEEPALIVE_SECONDS, return_when="FIRST_COMPLETED"
            )
            if waiting in done:
                await _write(send, _event(waiting.result()))
            else:
                waiting.cancel()
                if not gone.done():
                    await _write(send, b": still here\n\n")
    gone.cancel()
    with contextlib.suppress(Exception):
        await send({"type": "http.response.body", "body": b""})


def _event(data: bytes) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (time.time_ns(), data)


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), *_cors()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _cors() -> list[tuple[bytes, bytes]]:
    # The stream has its own port; the dashboard's origin may read it with its cookie.
    return [
        (b"access-control-allow-origin", settings.BASE_URL.encode()),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"origin"),
    ]
