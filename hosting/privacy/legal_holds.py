"""Legal holds: while one stands, nothing of the customer or of the number is deleted. Set and lifted on record."""

from accounts.audit import record
from hosting.models import Contact, Number


def hold(what: Contact | Number, *, on: bool) -> None:
    """Set or lift a hold; within the business's scope."""
    if (what.held_at is not None) == on:
        return
    what.held_at = what.business.now() if on else None
    what.save(update_fields=["held_at"])
    # By id, not by name: the log outlives the customer.
    subject = f"{type(what).__name__.lower()} {what.pk}"
    record.record(
        action="hold.set" if on else "hold.lifted", subject=subject, business=what.business_id
    )


def keep(number: Number, *, days: int | None) -> None:
    """How many days a number keeps its messages, where that is shorter than the plan; None leaves it to the plan."""
    before = number.days_kept
    if before == days:
        return
    number.days_kept = days
    number.save(update_fields=["days_kept"])
    record.record(
        action="number.days_kept", subject=f"number {number.pk}", business=number.business_id,
        before={"days": before}, after={"days": days},
    )  # fmt: skip
