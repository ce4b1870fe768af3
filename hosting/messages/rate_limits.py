"""Pacing: how fast one number may send in all, and to one customer, and its key ask; buckets, all taken in one step."""

from accounts.models import Business
from accounts.plans import limits
from core.rate_limit import Bucket, take
from hosting.errors import CloudApiError
from hosting.models import Number

# One message in 6 seconds to one customer, after a burst of 45: the protocol's own pair rate.
PAIR_RATE, PAIR_BURST = 1 / 6, 45.0


def pace(*, number: Number, to: str, key_id: int | None = None) -> None:
    """Count one message, and one request of the key that sends it, if one does.

    Raises 130429 where the number sends too fast, 131056 where it writes one customer too fast, 4 where the key asks too
    fast. A business on a test clock is not paced: for it time stands still.
    """
    business = number.business
    if business.clock_at is not None:
        return
    rate = float(min(number.messages_per_second, business.plan.requests_per_second))
    buckets = [
        Bucket(f"pace:{number.pk}", rate, max(rate, 1.0)),
        Bucket(f"pace:{number.pk}:{to}", PAIR_RATE, PAIR_BURST),
    ]
    if key_id is not None:
        buckets.append(limits.bucket_of(key_id=key_id, business=business))
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
        raise CloudApiError(4, limits.words_for(business))


def pace_key(*, key_id: int, business: Business) -> None:
    """Count one request that sends nothing; raises 4 where the key asks too fast."""
    try:
        limits.hold(key_id=key_id, business=business)
    except limits.TooManyRequests as refused:
        raise CloudApiError(4, refused.message) from None


def pace_registration(number: Number) -> None:
    """Count one registration or its end; raises 133016 for more than ten in three days."""
    if number.business.clock_at is not None:
        return
    if take(Bucket(f"register:{number.pk}", 10 / (72 * 3600), 10.0)):
        raise CloudApiError(
            133016, "A number is registered and deregistered 10 times in 72 hours at most."
        )
