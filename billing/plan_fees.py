"""Fees of plans, by days on each plan."""

from accounts.plans.changes import Stretch


def plan_fee(one: Stretch) -> int:
    """Fee for a stretch of a month on a plan, in micro-units, pro rata by days and rounded
    half-even.
    """
    return one.share_micros


def fee_description(one: Stretch) -> str:
    """Text of the invoice line: the plan, and its days where they are not the whole month."""
    if one.is_whole:
        return f"Hosting, plan {one.plan.name}"
    days = f"{one.first:%-d} to {one.last:%-d %B}" if one.days > 1 else f"{one.last:%-d %B}"
    return f"Hosting, plan {one.plan.name}, {days} ({one.days} of {one.of_days} days)"
