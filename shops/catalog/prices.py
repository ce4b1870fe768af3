"""Prices as sellers write them, in the currency's smallest unit. No database here."""

from decimal import Decimal, InvalidOperation

from core import money

# What an order of a hundred lines of 999 pieces can still be summed up in.
MOST_MINOR = 10**12


def minor_of(amount: Decimal, currency: str) -> int:
    """`9.99` USD as 999; raises ValueError for more decimals than the currency has, below zero, or too much."""
    scaled = amount.scaleb(money.exponent(currency))
    if (
        not scaled.is_finite()
        or scaled != scaled.to_integral_value()
        or not 0 <= scaled <= MOST_MINOR
    ):
        raise ValueError(f"{amount} is no price in {currency}")
    return int(scaled)


def minor_of_text(text: str, currency: str) -> int:
    """The same for text as `9.99`; raises ValueError."""
    if not text.isascii():
        raise ValueError("not a price")
    try:
        return minor_of(Decimal(text), currency)
    except InvalidOperation:
        raise ValueError("not a price") from None
