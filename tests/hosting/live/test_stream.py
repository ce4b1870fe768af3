"""Live streams: events of one's own business, a refresh after a break, and while Valkey is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from django.test import Client

from hosting.live import publish, stream
from tests.factories import make_business, make_member

# The session is looked up in a thread of its own, which must find it committed.
pytestmark = pytest.mark.usefixtures("committed_db")


class Reader:
    """A browser that holds `/live/events` open."""

    def __init__(self, cookie: str, **headers: str) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.left = asyncio.Event()
        reported = {"cookie": f"sessionid={cookie}"} | headers
        self.scope = {
            "type": "http", "method": "GET", "path": "/live/events",
            "headers": [(name.encode(), value.encode()) for name, value in reported.items()],
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        return int((await asyncio.wait_for(self.sent.get(), 10))["status"])

    async def event(self) -> tuple[int, Any]:
        """Id and data of the next event."""
        while True:
            body = (await asyncio.wait_for(self.sent.get(), 10)).get("body", b"")
            if body.startswith(b"id: "):
                head, data = body.split(b"\ndata: ")
                return int(head[4:]), orjson.loads(data)


@asynccontextmanager
async def reading(cookie: str, **headers: str) -> AsyncIterator[Reader]:
    reader = Reader(cookie, **headers)
    task = asyncio.create_task(stream.application(reader.scope, reader.receive, reader.sent.put))
    try:
        yield reader
    finally:
        reader.left.set()
        await asyncio.wait_for(task, 10)


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> stream.Hub:
    """A hub of the test's own event loop."""
    own = stream.Hub()
    monkeypatch.setattr(stream, "hub", own)
    return own


async def _listening(hub: stream.Hub, redis: Any) -> None:
    for _ in range(200):
        if redis.pubsub_numpat():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody listens")


def _cookie(business: Any) -> str:
    client = Client()
    client.force_login(make_member(business), backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value


def test_a_reader_hears_of_its_own_business_alone(redis: Any, hub: stream.Hub) -> None:
    mine, other = make_business(), make_business()

    async def story(cookie: str) -> list[tuple[int, Any]]:
        async with reading(cookie) as reader:
            assert await reader.status() == 200
            await _listening(hub, redis)
            publish.publish_event(other.pk, kind="message", conversation="theirs")
            publish.publish_event(mine.pk, kind="message", conversation="first")
            publish.publish_event(mine.pk, kind="typing", conversation="second", name="Ann")
            received = [await reader.event(), await reader.event()]
        await hub.end()
        return received

    received = asyncio.run(story(_cookie(mine)))
    assert [data for _, data in received] == [
        {"kind": "message", "conversation": "first"},
        {"kind": "typing", "conversation": "second", "name": "Ann"},
    ]
    assert received[0][0] < received[1][0], "ids grow, so that a browser can say which it saw last"
    assert hub.readers[mine.pk] == set()


def test_who_comes_back_is_told_to_refresh_at_once(redis: Any, hub: stream.Hub) -> None:
    async def story(cookie: str) -> Any:
        async with reading(cookie, **{"last-event-id": "7"}) as reader:
            assert await reader.status() == 200
            received = await reader.event()
        await hub.end()
        return received

    assert asyncio.run(story(_cookie(make_business())))[1] == {"kind": "refresh"}


def test_while_valkey_is_away_pages_are_told_to_look_for_themselves(
    hub: stream.Hub, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(stream, "AWAY_SECONDS", 0.05)

    async def story(cookie: str) -> list[Any]:
        async with reading(cookie) as reader:
            assert await reader.status() == 200
            received = [(await reader.event())[1], (await reader.event())[1]]
        await hub.end()
        return received

    assert asyncio.run(story(_cookie(make_business()))) == [{"kind": "refresh"}] * 2


@pytest.mark.parametrize("cookie", ["", "nobody", "\x00"])
def test_a_stranger_hears_nothing(hub: stream.Hub, cookie: str) -> None:
    async def story() -> int:
        async with reading(cookie) as reader:
            return await reader.status()

    assert asyncio.run(story()) == 403
    assert hub.listener is None


def test_a_process_that_ends_stops_listening_whenever_it_is_told(
    redis: Any, hub: stream.Hub
) -> None:
    reported: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        reported.append(message["type"])

    async def shutdown() -> dict[str, Any]:
        return {"type": "lifespan.shutdown"}

    async def story() -> None:
        # Step by step into connecting and subscribing: a cancellation is swallowed at some of them.
        for steps in range(30):
            with hub.reader(1):
                for _ in range(steps):
                    await asyncio.sleep(0)
            await stream.application({"type": "lifespan"}, shutdown, send)
            assert hub.listener is not None
            assert hub.listener.done()

    asyncio.run(story())
    assert reported == ["lifespan.shutdown.complete"] * 30
