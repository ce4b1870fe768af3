"""Template filters for amounts of money, months and percentages, in the active language."""

from datetime import date

from django import template
from django.utils import formats

from core import money
from core.territories import locale

register = template.Library()


@register.filter
def micros(value: int, currency: str) -> str:
    """Micro-units (millionths of the currency) with all significant decimals: `$0.0091`."""
    return money.show_micros(value, currency, locale())


@register.filter
def micros_short(value: int, currency: str) -> str:
    """Micro-units rounded to the currency's own decimals, for totals: `$1,204.50`."""
    return money.show_minor(money.to_minor(value, currency), currency, locale())


@register.filter
def minor(value: int, currency: str) -> str:
    """Minor units (cents): `$12.34`."""
    return money.show_minor(value, currency, locale())


@register.filter
def month_name(month: date) -> str:
    """Month and year of a date, `November 2026`, in the active language."""
    return formats.date_format(month, "F Y")


@register.filter
def share(part: int, whole: int) -> int:
    """`part` in per cent of `whole`, at most 100; 0 where `whole` is 0."""
    return min(100, 100 * part // whole) if whole else 0
