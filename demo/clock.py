"""The demo's test clock, by which months pass in a minute."""

from datetime import datetime

from accounts.models import Business
from core.tenancy import system


def set_clock(business: Business, at: datetime | None) -> None:
    """Set the business's test clock; None is the present."""
    with system("the demo sets the test clock"):
        Business.objects.filter(pk=business.pk).update(clock_at=at)
