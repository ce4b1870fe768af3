"""Columns as the admin shows them: amounts as decimals with their currency, JSON as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import JSONField, Model
from django.utils.html import format_html, format_html_join

from core import money
from core.territories import locale

MICROS, MINOR = "_micros", "_minor"
# Where the currency of a row is, if it has no column of its own.
OWNERS = ("invoice", "order", "receipt", "card", "version", "rate", "business", "plan", "catalog")
# Rows of a list in JSON that are shown at most.
MOST = 50


def shown(model: type[Model], names: Iterable[Any]) -> list[Any]:
    """The names of columns, with those of amounts and JSON replaced by what shows them."""
    return [_shown(model, name) if isinstance(name, str) else name for name in names]


@lru_cache(maxsize=1000)
def _shown(model: type[Model], name: str) -> str | Callable[[Any], Any]:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return name
    if name.endswith((MICROS, MINOR)):
        return _column(name, lambda row: _amount(row, name), _title(name))
    if isinstance(field, JSONField):
        return _column(name, lambda row: as_table(getattr(row, name)), str(field.verbose_name))
    return name


def _column(name: str, show: Callable[[Any], Any], title: str) -> Callable[[Any], Any]:
    show.__name__ = name
    show.short_description = title  # type: ignore[attr-defined]
    show.admin_order_field = name  # type: ignore[attr-defined]
    return show


def _title(name: str) -> str:
    return name.removesuffix(MICROS).removesuffix(MINOR).replace("_", " ")


def _amount(row: Any, name: str) -> str:
    value = getattr(row, name)
    if value is None:
        return "–"
    currency = currency_of(row)
    if name.endswith(MICROS):
        if currency:
            return money.show_micros(value, currency, locale())
        return f"{money.micro_amount(value):f}"
    return money.show_minor(value, currency, locale()) if currency else f"{Decimal(value) / 100:f}"


def currency_of(row: Any, depth: int = 3) -> str:
    """The currency of a row's amounts: its own, or that of what it belongs to; "" if unknown."""
    if found := getattr(row, "currency", ""):
        return str(found)
    owners = (getattr(row, name, None) for name in OWNERS) if depth else ()
    return next((one for owner in owners if owner and (one := currency_of(owner, depth - 1))), "")


def as_table(value: Any) -> Any:
    """JSON for readers: objects as rows of name and value, lists line by line."""
    if isinstance(value, dict):
        rows = format_html_join(
            "",
            '<tr><th class="pr-3 text-left align-top font-normal">{}</th><td>{}</td></tr>',
            ((name, as_table(one)) for name, one in value.items()),
        )
        return format_html("<table>{}</table>", rows) if value else "–"
    if isinstance(value, list):
        lines = format_html_join("", "<div>{}</div>", ((as_table(one),) for one in value[:MOST]))
        rest = f" (+{len(value) - MOST:,})" if len(value) > MOST else ""
        return format_html("{}{}", lines, rest) if value else "–"
    return "–" if value in (None, "") else value
