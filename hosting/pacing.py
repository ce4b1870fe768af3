"""Pacing: how fast one number may send in all, and to one customer; token buckets in Valkey, else in this process."""

import time
from dataclasses import dataclass, field
from functools import cache

import redis
import structlog
from django.conf import settings

from hosting.errors import CloudApiError
from hosting.models import Number

log = structlog.get_logger(__name__)

# One message in 6 seconds to one customer, after a burst of 45: the protocol's own pair rate.
PAIR_RATE, PAIR_BURST = 1 / 6, 45.0
PAUSE_AFTER_FAULT = 5.0

# Both buckets are asked in one step, and neither is charged where the other is empty. Returns 0, or which one was.
SCRIPT = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local left = {}
for i = 1, 2 do
  local rate, burst = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local held = redis.call('HMGET', KEYS[i], 't', 'at')
  local tokens = tonumber(held[1]) or burst
  left[i] = math.min(burst, tokens + (now - (tonumber(held[2]) or now)) * rate)
  if left[i] < 1 then return i end
end
for i = 1, 2 do
  redis.call('HSET', KEYS[i], 't', tostring(left[i] - 1), 'at', tostring(now))
  redis.call('PEXPIRE', KEYS[i], math.ceil(ARGV[i * 2] / ARGV[i * 2 - 1] * 1000) + 1000)
end
return 0
"""


@dataclass
class LocalBuckets:
    """The same in one process, for while Valkey is away."""

    held: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, keys: list[str], limits: list[tuple[float, float]]) -> int:
        """0, or the number (from 1) of the bucket that is empty."""
        now, left = time.monotonic(), []
        if len(self.held) > 100_000:
            self.held.clear()
        for n, (key, (rate, burst)) in enumerate(zip(keys, limits, strict=True), 1):
            tokens, at = self.held.get(key, (burst, now))
            left.append(min(burst, tokens + (now - at) * rate))
            if left[-1] < 1:
                return n
        self.held.update({key: (tokens - 1, now) for key, tokens in zip(keys, left, strict=True)})
        return 0


_local = LocalBuckets()
_absent_until = 0.0


@cache
def _take() -> "redis.commands.core.Script":  # type: ignore[name-defined]
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
    return client.register_script(SCRIPT)


def pace(*, number: Number, to: str) -> None:
    """Count one message; raises 130429 where the number sends too fast, 131056 where it writes one customer too fast.

    A business on a test clock is not paced: for it time stands still.
    """
    if number.business.clock_at is not None:
        return
    rate = float(min(number.messages_per_second, number.business.plan.requests_per_second))
    keys = [f"pace:{number.pk}", f"pace:{number.pk}:{to}"]
    limits = [(rate, max(rate, 1.0)), (PAIR_RATE, PAIR_BURST)]
    empty = _ask(keys, limits)
    if empty == 1:
        raise CloudApiError(130429, f"This number sends more than {rate:g} messages a second: slow down and try again.")
    if empty == 2:
        raise CloudApiError(
            131056, "Too many messages to this customer in a short time: wait some seconds.", field="to"
        )


def pace_registration(number: Number) -> None:
    """Count one registration or its end; raises 133016 for more than ten in three days."""
    if number.business.clock_at is not None:
        return
    limit = (10 / (72 * 3600), 10.0)
    if _ask([f"register:{number.pk}", f"register:{number.pk}:all"], [limit, limit]):
        raise CloudApiError(133016, "A number is registered and deregistered 10 times in 72 hours at most.")


def _ask(keys: list[str], limits: list[tuple[float, float]]) -> int:
    global _absent_until
    if time.monotonic() < _absent_until:
        return _local.take(keys, limits)
    try:
        return int(_take()(keys=keys, args=[part for limit in limits for part in limit]))
    except redis.RedisError as error:
        _absent_until = time.monotonic() + PAUSE_AFTER_FAULT
        log.warning("pacing_locally", error=repr(error))
        return _local.take(keys, limits)
