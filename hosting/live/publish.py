"""Telling open dashboards what changed: fire and forget through Valkey; what is lost, polling finds."""

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
_silent_until = 0.0


def channel_of(business_id: int) -> str:
    """The Valkey channel that carries one business's events."""
    return f"{PREFIX}{business_id}"


@cache
def _client() -> "redis.Redis[bytes]":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def announce(business_id: int, *, kind: str, conversation: str, **more: str) -> None:
    """Publish one event: `kind` is message, status or typing, `conversation` its public id, `more` goes with it."""
    announce_all([(business_id, conversation)], kind=kind, **more)


def announce_all(conversations: Iterable[tuple[int, str]], *, kind: str, **more: str) -> None:
    """Publish an event per (business id, conversation public id), in one round trip; never raises."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        with _client().pipeline(transaction=False) as pipe:
            for business_id, conversation in conversations:
                event = {"kind": kind, "conversation": conversation} | more
                pipe.publish(channel_of(business_id), orjson.dumps(event))
            pipe.execute()
    except redis.RedisError as error:
        # A dead broker must not cost every commit its half second.
        _silent_until = time.monotonic() + PAUSE_AFTER_FAULT
        log.warning("live_not_announced", error=repr(error))
