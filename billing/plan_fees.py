"""Fees of plans: by the day, for the days that a business was on each plan."""

from decimal import ROUND_HALF_EVEN, Decimal

from accounts.plans.changes import Stretch


def fee_of(one: Stretch) -> int:
    """What a stretch of a month on a plan costs, in micro-units: the fee by days, half-even."""
    share = Decimal(one.plan.monthly_fee_micros) * one.days / one.of_days
    return int(share.quantize(Decimal(1), ROUND_HALF_EVEN))


def words_of(one: Stretch) -> str:
    """The line of an invoice: the plan, and its days where they are not the whole month."""
    if one.is_whole:
        return f"Hosting, plan {one.plan.name}"
    days = f"{one.first:%-d} to {one.last:%-d %B}" if one.days > 1 else f"{one.last:%-d %B}"
    return f"Hosting, plan {one.plan.name}, {days} ({one.days} of {one.of_days} days)"
