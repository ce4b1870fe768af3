"""Settings of a business: name and time zone."""

from django.db import transaction

from accounts.audit import record
from accounts.models import Business


def change_settings(*, business: Business, name: str, timezone: str) -> None:
    """Change name and time zone, both validated by the caller, and record the change.

    Open billing periods keep their beginning and end.
    """
    with transaction.atomic():
        held = Business.objects.select_for_update().get(pk=business.pk)
        before = {"name": held.name, "timezone": held.timezone}
        after = {"name": name, "timezone": timezone}
        if before == after:
            record.unchanged()
            return
        Business.objects.filter(pk=held.pk).update(**after)
        record.record(
            action="business.changed", subject=held, business=held, before=before, after=after
        )
