"""The test clock of a business, allowed while all of its numbers are simulated."""

from datetime import datetime

from accounts.models import Business
from core.errors import ParleyError
from core.tenancy import system
from hosting.models import Number, Transport


class ClockRefused(ParleyError):
    """The clock cannot be set to that time; the message says why."""

    code = "test_clock"
    status = 409


def set_clock(*, business: Business, at: datetime | None) -> Business:
    """Set a business's test clock to an aware time, or return it to real time with None.

    Raises ClockRefused for a business with a number outside the sandbox, and for an earlier time
    than the clock shows, since recorded events are not undone.
    """
    with system("operators test any business"):
        locked = Business.objects.select_for_update(no_key=True).get(pk=business.pk)
        real = Number.objects.filter(business=locked).exclude(transport=Transport.SANDBOX).first()
        if real is not None:
            raise ClockRefused(
                f"{real.display_phone_number} is a real number; only sandbox numbers can be tested."
            )
        if at is not None and locked.clock_at is not None and at < locked.clock_at:
            raise ClockRefused(
                f"The clock shows {locked.clock_at:%Y-%m-%d %H:%M} UTC; it only goes forward."
            )
        Business.objects.filter(pk=locked.pk).update(clock_at=at)
        business.refresh_from_db()
        return business
