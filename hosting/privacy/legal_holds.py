"""Legal holds, which forbid to delete a customer or a number's messages; audited."""

from accounts.audit import record
from hosting.models import Contact, Number


def set_hold(what: Contact | Number, *, on: bool) -> None:
    """Set or lift a legal hold; call inside the business's scope."""
    if (what.held_at is not None) == on:
        record.unchanged()
        return
    what.held_at = what.business.now() if on else None
    what.save(update_fields=["held_at"])
    # By id, since the audit log outlives the customer's name.
    subject = f"{type(what).__name__.lower()} {what.pk}"
    record.record(
        action="hold.set" if on else "hold.lifted", subject=subject, business=what.business_id
    )


def set_days_kept(number: Number, *, days: int | None) -> None:
    """Set how many days a number keeps messages, if fewer than the plan's; None for the plan's.

    Audited.
    """
    before = number.days_kept
    if before == days:
        record.unchanged()
        return
    number.days_kept = days
    number.save(update_fields=["days_kept"])
    record.record(
        action="number.days_kept",
        subject=f"number {number.pk}",
        business=number.business_id,
        before={"days": before},
        after={"days": days},
    )
