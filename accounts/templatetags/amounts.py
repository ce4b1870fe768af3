"""Amounts as people read them, in the reader's language."""

from datetime import date

from django import template
from django.utils import formats
from django.utils.translation import get_language, to_locale

from core import money

register = template.Library()


def locale() -> str:
    """The reader's language as Babel names it."""
    name = to_locale(get_language() or "en")
    return "en_US" if name == "en" else name


@register.filter
def micros(value: int, currency: str) -> str:
    """Micro-units with every decimal that counts: `$0.0091`."""
    return money.show_micros(value, currency, locale())


@register.filter
def micros_short(value: int, currency: str) -> str:
    """Micro-units rounded to the currency's own decimals, for totals: `$1,204.50`."""
    return money.show_minor(money.to_minor(value, currency), currency, locale())


@register.filter
def minor(value: int, currency: str) -> str:
    """Minor units: `$12.34`."""
    return money.show_minor(value, currency, locale())


@register.filter
def month_name(month: date) -> str:
    """`November 2026` in the reader's language."""
    return formats.date_format(month, "F Y")


@register.filter
def share(part: int, whole: int) -> int:
    """Per cent of a whole, 0 when there is none, at most 100."""
    return min(100, 100 * part // whole) if whole else 0
