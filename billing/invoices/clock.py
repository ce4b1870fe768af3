"""Test clocks: advance a sandbox business's time and close the months that end."""

from datetime import datetime, timedelta

from accounts.models import Business
from billing.invoices import close, draft
from billing.models import Invoice
from core.tenancy import system
from hosting.numbers.sandbox_clock import ClockRefused, set_clock

MAX_MONTHS = 36


def advance_clock(*, business: Business, to: datetime) -> list[Invoice]:
    """Set the test clock and close the months that ended more than the grace period before.

    Returns the issued invoices. Raises ClockRefused as `set_clock` does, and for more than 36
    months.
    """
    start = business.now()
    if to - start > timedelta(days=31 * MAX_MONTHS):
        raise ClockRefused(f"At most {MAX_MONTHS} months at once.")
    with system("operators test any business"):
        draft.open_months(business)
        set_clock(business=business, at=to)
        issued = []
        while (period := close.next_ended(business)) is not None:
            issued.append(close.close_period(business=business, month=period.month))
    return [invoice for invoice in issued if invoice is not None]
