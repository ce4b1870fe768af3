"""Conversion of decimal prices to minor units. No database access."""

from decimal import Decimal, InvalidOperation

from core import money

# Small enough that an order of 100 lines of 999 pieces still fits a bigint.
MAX_MINOR = 10**12


def minor_of(amount: Decimal, currency: str) -> int:
    """`9.99` USD as 999.

    Raises ValueError for more decimals than the currency has, a negative or too high amount.
    """
    scaled = amount.scaleb(money.exponent(currency))
    if (
        not scaled.is_finite()
        or scaled != scaled.to_integral_value()
        or not 0 <= scaled <= MAX_MINOR
    ):
        raise ValueError(f"{amount} is no price in {currency}")
    return int(scaled)


def minor_of_text(text: str, currency: str) -> int:
    """A text such as `9.99` in minor units; raises ValueError."""
    if not text.isascii():
        raise ValueError("not a price")
    try:
        return minor_of(Decimal(text), currency)
    except InvalidOperation:
        raise ValueError("not a price") from None
