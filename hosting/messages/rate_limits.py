"""Rate limits: messages of a number, messages to one customer, requests of a key, registrations."""

from accounts.models import Business
from accounts.plans import limits
from core.rate_limit import Bucket, take
from hosting.cloudapi.number_forms import one_form
from hosting.errors import CloudApiError
from hosting.models import Number

# The protocol's pair rate: one message in 6 seconds to one customer, after a burst of 45.
PAIR_RATE, PAIR_BURST = 1 / 6, 45.0


def check_message_rate(*, number: Number, to: str, key_id: int | None = None) -> None:
    """Count one message, and one request of the key that sends it when `key_id` is given.

    All buckets are taken in one step. Raises CloudApiError 130429 when the number sends too fast,
    131056 when one customer gets too many, 4 when the key asks too often. A business on a test
    clock is not limited, since its clock stands still.
    """
    business = number.business
    if business.clock_at is not None:
        return
    rate = float(min(number.messages_per_second, business.plan.requests_per_second))
    buckets = buckets_of(number_id=number.pk, rate=rate, person=one_form(to))
    if key_id is not None:
        per_second = business.plan.requests_per_second
        buckets += limits.buckets_of(key_id=key_id, business_id=business.pk, per_second=per_second)
    empty = take(*buckets)
    if empty == 1:
        raise CloudApiError(
            130429,
            f"This number sends more than {rate:g} messages a second: slow down and try again.",
        )
    if empty == 2:
        raise CloudApiError(
            131056,
            "Too many messages to this customer in a short time: wait some seconds.",
            field="to",
        )
    if empty == 3:
        raise CloudApiError(4, limits.message_for(business))
    if empty == 4:
        raise CloudApiError(4, limits.message_for_all(business))


def buckets_of(*, number_id: int, rate: float, person: str) -> list[Bucket]:
    """The token buckets of a number, which sends `rate` messages a second, and of one customer."""
    return [
        Bucket(f"pace:{number_id}", rate, max(rate, 1.0)),
        Bucket(f"pace:{number_id}:{person}", PAIR_RATE, PAIR_BURST),
    ]


def check_key_rate(*, key_id: int, business: Business) -> None:
    """Count one request that sends nothing; raise CloudApiError 4 when the key asks too often."""
    try:
        limits.check(key_id=key_id, business=business)
    except limits.TooManyRequests as refused:
        raise CloudApiError(4, refused.message) from None


def check_upload_rate(business: Business) -> None:
    """Count one file that is uploaded; raise CloudApiError 4 when they come too fast."""
    try:
        limits.check_uploads(business)
    except limits.TooManyRequests as refused:
        raise CloudApiError(4, refused.message) from None


def check_registration_rate(number: Number) -> None:
    """Count one registration or its end; raise CloudApiError 133016 beyond 10 in 72 hours."""
    if number.business.clock_at is not None:
        return
    if take(Bucket(f"register:{number.pk}", 10 / (72 * 3600), 10.0)):
        raise CloudApiError(
            133016, "A number is registered and deregistered 10 times in 72 hours at most."
        )
