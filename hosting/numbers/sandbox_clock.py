"""The test clock of a business, allowed while all of its numbers are test numbers."""

from datetime import datetime

from accounts.models import Business
from core.errors import ParleyError
from core.tenancy import system
from hosting.models import Number


def make_live(*, number: Number) -> None:
    """Make a test number live: from now on its traffic is owed.

    Raises ClockRefused while its business is on a test clock.
    """
    with system("operators switch numbers of any business"):
        business = Business.objects.select_for_update(no_key=True).get(pk=number.business_id)
        if business.clock_at is not None:
            raise ClockRefused("The business is on a test clock: set it to real time first.")
        Number.objects.filter(pk=number.pk).update(is_test=False)
        number.refresh_from_db()


class ClockRefused(ParleyError):
    """The clock cannot be set to that time; the message says why."""

    code = "test_clock"
    status = 409


def set_clock(*, business: Business, at: datetime | None) -> Business:
    """Set a business's test clock to an aware time, or return it to real time with None.

    Raises ClockRefused for a business with a live number, and for an earlier time than the clock
    shows, since recorded events are not undone.
    """
    with system("operators test any business"):
        locked = Business.objects.select_for_update(no_key=True).get(pk=business.pk)
        real = Number.objects.filter(business=locked, is_test=False).first()
        if real is not None:
            raise ClockRefused(
                f"{real.display_phone_number} is a live number; only test numbers can be tested."
            )
        if at is not None and locked.clock_at is not None and at < locked.clock_at:
            raise ClockRefused(
                f"The clock shows {locked.clock_at:%Y-%m-%d %H:%M} UTC; it only goes forward."
            )
        Business.objects.filter(pk=locked.pk).update(clock_at=at)
        business.refresh_from_db()
        return business
