"""Walking a business on a test clock through its months: time is set, and the months that are over
are closed in order.
"""

from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import Business
from billing.invoices import close, draft
from billing.models import Invoice, Period
from core.tenancy import system
from hosting.numbers.sandbox_clock import ClockRefused, set_clock

MOST_MONTHS = 36


def walk(*, business: Business, to: datetime) -> list[Invoice]:
    """Set the test clock and close what ended more than the grace period before; returns the
    invoices that came.

    Raises ClockRefused where `set_clock` does, and for a walk over more than 36 months.
    """
    start = business.now()
    if to - start > timedelta(days=31 * MOST_MONTHS):
        raise ClockRefused(f"At most {MOST_MONTHS} months at once.")
    with system("operators test any business"):
        draft.ensure_period(business, start.date().replace(day=1))
        set_clock(business=business, at=to)
        came = []
        while (period := _over(business)) is not None:
            came.append(close.close_period(business=business, month=period.month))
    return [invoice for invoice in came if invoice is not None]


def _over(business: Business) -> Period | None:
    ended = business.now() - timedelta(hours=settings.BILLING_GRACE_HOURS)
    periods = Period.objects.filter(business=business, state=Period.State.OPEN, ends_at__lte=ended)
    return periods.order_by("month").first()
