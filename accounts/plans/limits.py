"""Request rate limits: each API key makes as many requests a second as its plan allows."""

from accounts.models import Business
from core.errors import ParleyError
from core.rate_limit import Bucket, take


class TooManyRequests(ParleyError):
    """A key made more requests than its plan allows; retry after `wait` seconds."""

    code = "too_many_requests"
    status = 429
    wait = 1


def bucket_of(*, key_id: int, business: Business) -> Bucket:
    """The token bucket of a key: refills by the plan's rate and holds one second of it."""
    rate = float(business.plan.requests_per_second)
    return Bucket(f"key:{key_id}", rate, max(rate, 1.0))


def message_for(business: Business) -> str:
    """The message of a 429."""
    plan = business.plan
    return (
        f"The {plan.name} plan allows each key {plan.requests_per_second:,} requests a second:"
        " slow down, try again."
    )


def check(*, key_id: int, business: Business) -> None:
    """Count one request of a key; TooManyRequests where its plan's rate is exceeded.

    A business on a test clock is not limited: its time stands still.
    """
    if business.clock_at is None and take(bucket_of(key_id=key_id, business=business)):
        raise TooManyRequests(message_for(business))
