"""Live events for open dashboards, published through Valkey; lost ones are covered by polling."""

import time
from collections.abc import Iterable
from functools import cache

import orjson
import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

PREFIX = "live:"
PAUSE_AFTER_FAULT = 5.0
_paused_until = 0.0


def channel_of(business_id: int) -> str:
    """Return the Valkey channel of a business's events."""
    return f"{PREFIX}{business_id}"


@cache
def _client() -> "redis.Redis[bytes]":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def publish_event(business_id: int, *, kind: str, conversation: str, **more: str) -> None:
    """Publish one event: `kind` is message, status or typing, `more` is added to it."""
    publish_events([(business_id, conversation)], kind=kind, **more)


def publish_events(conversations: Iterable[tuple[int, str]], *, kind: str, **more: str) -> None:
    """Publish an event for each (business id, conversation public id) in one round trip.

    Never raises.
    """
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        with _client().pipeline(transaction=False) as pipe:
            for business_id, conversation in conversations:
                event = {"kind": kind, "conversation": conversation} | more
                pipe.publish(channel_of(business_id), orjson.dumps(event))
            pipe.execute()
    except redis.RedisError as error:
        # With Valkey down, not every commit should wait half a second.
        _paused_until = time.monotonic() + PAUSE_AFTER_FAULT
        log.warning("live_events_not_published", error=repr(error))
