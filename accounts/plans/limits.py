"""Request rate limits: each API key makes as many requests a second as its plan allows."""

from accounts.models import Business
from core.errors import ParleyError
from core.rate_limit import Bucket, take


class TooManyRequests(ParleyError):
    """A key made more requests than its plan allows; retry after `wait` seconds."""

    code = "too_many_requests"
    status = 429
    wait = 1


# All keys of a business together make so many times the requests of one: with any number of keys.
KEYS_AT_ONCE = 4


def buckets_of(*, key_id: int, business_id: int, per_second: int) -> tuple[Bucket, Bucket]:
    """The token buckets of a key and of all keys of its business together.

    That of the key refills by the plan's rate, `per_second`; each holds one second of its rate.
    """
    rate, of_all = float(per_second), float(per_second * KEYS_AT_ONCE)
    return (
        Bucket(f"key:{key_id}", rate, max(rate, 1.0)),
        Bucket(f"business:{business_id}", of_all, of_all),
    )


def message_for(business: Business) -> str:
    """The message of a 429."""
    plan = business.plan
    return (
        f"The {plan.name} plan allows each key {plan.requests_per_second:,} requests a second:"
        " slow down, try again."
    )


def message_for_all(business: Business) -> str:
    """The message of a 429 that all keys of a business together have brought about."""
    plan = business.plan
    return (
        f"The {plan.name} plan allows all keys together {plan.requests_per_second * KEYS_AT_ONCE:,}"
        " requests a second: slow down, try again."
    )


def check(*, key_id: int, business: Business) -> None:
    """Count one request of a key; TooManyRequests where its plan's rate is exceeded.

    A business on a test clock is not limited: its time stands still.
    """
    if business.clock_at is not None:
        return
    per_second = business.plan.requests_per_second
    if empty := take(*buckets_of(key_id=key_id, business_id=business.pk, per_second=per_second)):
        raise TooManyRequests((message_for if empty == 1 else message_for_all)(business))


def check_uploads(business: Business) -> None:
    """Count one file that is uploaded; TooManyRequests beyond a quarter of the plan's requests."""
    _check(business, "uploads", max(business.plan.requests_per_second / 4, 1.0), "files a second")


def check_imports(business: Business) -> None:
    """Count one import that is begun; TooManyRequests where a minute has had as many as the plan
    allows requests a second.
    """
    per_minute = float(business.plan.requests_per_second)
    _check(business, "imports", per_minute / 60, "imports a minute", most=per_minute)


def _check(
    business: Business, name: str, per_second: float, what: str, most: float | None = None
) -> None:
    burst = most or 2 * per_second
    if business.clock_at is None and take(Bucket(f"{name}:{business.pk}", per_second, burst)):
        raise TooManyRequests(
            f"The {business.plan.name} plan allows {most or per_second:g} {what}: try again later."
        )
