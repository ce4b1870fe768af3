"""The demo's clock: the business lives through its months in an hour or less."""

from datetime import datetime

from accounts.models import Business
from core.tenancy import system


def set_clock(business: Business, at: datetime | None) -> None:
    """Let the business live at that moment; None is the present."""
    with system("the demo turns the test clock"):
        Business.objects.filter(pk=business.pk).update(clock_at=at)
