"""Amounts of money: integer micro-units, rounding to minor units, formatting by Babel."""

from decimal import ROUND_HALF_EVEN, Decimal

from babel.numbers import format_currency, get_currency_precision

MICROS = Decimal(1_000_000)


def exponent(currency: str) -> int:
    """Number of decimals of a currency's minor unit: 2 for USD, 0 for JPY, 3 for KWD."""
    return get_currency_precision(currency)


def to_minor(micros: int, currency: str) -> int:
    """Micro-units rounded half-even to minor units (cents)."""
    quantum = Decimal(1).scaleb(-exponent(currency))
    rounded = (Decimal(micros) / MICROS).quantize(quantum, ROUND_HALF_EVEN)
    return int(rounded.scaleb(exponent(currency)))


def micros_a_minor(currency: str) -> int:
    """Micro-units in one minor unit: 10,000 in a cent."""
    return int(10 ** (6 - exponent(currency)))


def minor_amount(minor: int, currency: str) -> Decimal:
    """Minor units as a decimal amount: 1234 USD is 12.34."""
    return Decimal(minor).scaleb(-exponent(currency))


def micro_amount(micros: int) -> Decimal:
    """Micro-units as an exact decimal amount: 9100 is 0.0091."""
    return (Decimal(micros) / MICROS).normalize()


def show_minor(minor: int, currency: str, locale: str = "en_US") -> str:
    """Format minor units: `$1,234.50`."""
    return str(format_currency(minor_amount(minor, currency), currency, locale=locale))


def show_micros(micros: int, currency: str, locale: str = "en_US") -> str:
    """Format micro-units with all significant decimals, at least the currency's own: `$0.0091`."""
    amount = micro_amount(micros)
    digits = max(exponent(currency), -int(amount.as_tuple().exponent))
    return str(
        format_currency(
            amount.quantize(Decimal(1).scaleb(-digits)),
            currency,
            locale=locale,
            decimal_quantization=False,
        )
    )
