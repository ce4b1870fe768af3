"""Throttling: each API key makes as many requests a second as its plan says."""

from accounts.models import Business
from core.errors import ParleyError
from core.rate_limit import Bucket, take


class TooManyRequests(ParleyError):
    """A key asks faster than its plan allows; `wait` says in how many seconds to ask again."""

    code = "too_many_requests"
    status = 429
    wait = 1


def bucket_of(*, key_id: int, business: Business) -> Bucket:
    """The key's: a second's worth at once, and as much every second."""
    rate = float(business.plan.requests_per_second)
    return Bucket(f"key:{key_id}", rate, max(rate, 1.0))


def words_for(business: Business) -> str:
    """What to tell whoever asks too fast."""
    plan = business.plan
    return f"The {plan.name} plan allows each key {plan.requests_per_second:,} requests a second: slow down, try again."


def hold(*, key_id: int, business: Business) -> None:
    """Count one request; raises TooManyRequests. A business on a test clock is not held: for it time stands still."""
    if business.clock_at is None and take(bucket_of(key_id=key_id, business=business)):
        raise TooManyRequests(words_for(business))
