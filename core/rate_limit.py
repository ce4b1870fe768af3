"""Rate limits by token buckets, kept in Valkey or, while it is unavailable, in this process."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

PAUSE_AFTER_FAULT = 5.0

# Checks all buckets in one step and charges none where one is empty. Returns 0, or the number of
# the empty one.
SCRIPT = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local left = {}
for i = 1, #KEYS do
  local rate, burst = tonumber(ARGV[i * 3 - 2]), tonumber(ARGV[i * 3 - 1])
  local cost = tonumber(ARGV[i * 3])
  local held = redis.call('HMGET', KEYS[i], 't', 'at')
  local tokens = tonumber(held[1]) or burst
  left[i] = math.min(burst, tokens + (now - (tonumber(held[2]) or now)) * rate)
  if left[i] < cost then return i end
end
for i = 1, #KEYS do
  redis.call('HSET', KEYS[i], 't', tostring(left[i] - ARGV[i * 3]), 'at', tostring(now))
  redis.call('PEXPIRE', KEYS[i], math.ceil(ARGV[i * 3 - 1] / ARGV[i * 3 - 2] * 1000) + 1000)
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit: `rate` per second on average, `burst` at once (at least 1).

    What is asked for costs `cost` of these, at most the whole burst.
    """

    name: str
    rate: float
    burst: float
    cost: float = 1.0

    @property
    def price(self) -> float:
        """What is charged: the cost, or a whole burst where it costs more."""
        return min(self.cost, self.burst)


@dataclass
class LocalBuckets:
    """Token buckets of one process, used while Valkey is unavailable."""

    held: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, buckets: Sequence[Bucket]) -> int:
        """Charge each bucket; returns 0, or the number (from 1) of one that holds too little."""
        now, left = time.monotonic(), []
        if len(self.held) > 100_000:
            self.held.clear()
        for n, one in enumerate(buckets, 1):
            tokens, at = self.held.get(one.name, (one.burst, now))
            left.append(min(one.burst, tokens + (now - at) * one.rate))
            if left[-1] < one.price:
                return n
        self.held.update(
            {one.name: (tokens - one.price, now) for one, tokens in zip(buckets, left, strict=True)}
        )
        return 0


_local = LocalBuckets()
_absent_until = 0.0


@cache
def _take() -> Any:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
    )
    return client.register_script(SCRIPT)


def take(*buckets: Bucket) -> int:
    """Charge each bucket its cost and return 0.

    Where a bucket holds too little, none is charged and its number (from 1) is returned. After a
    fault Valkey is not asked for five seconds, so that requests do not wait for its timeout.
    """
    global _absent_until
    if time.monotonic() < _absent_until:
        return _local.take(buckets)
    try:
        amounts = [amount for one in buckets for amount in (one.rate, one.burst, one.price)]
        return int(_take()(keys=[one.name for one in buckets], args=amounts))
    except redis.RedisError as error:
        _absent_until = time.monotonic() + PAUSE_AFTER_FAULT
        log.warning("rate_limit_in_process", error=repr(error))
        return _local.take(buckets)
