"""Describing a business: its name and its time zone."""

from django.db import transaction

from accounts.audit import record
from accounts.models import Business


def describe(*, business: Business, name: str, timezone: str) -> None:
    """Change name and time zone, on record; both were checked. Months that are open keep the edges they have."""
    with transaction.atomic():
        held = Business.objects.select_for_update().get(pk=business.pk)
        before = {"name": held.name, "timezone": held.timezone}
        after = {"name": name, "timezone": timezone}
        if before == after:
            return
        Business.objects.filter(pk=held.pk).update(**after)
        record.record(
            action="business.changed", subject=held, business=held, before=before, after=after
        )
