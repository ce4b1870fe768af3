"""Amounts of money in the admin's forms: decimals, where the database has micro-units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import BigIntegerField, Field
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from core import money

SUFFIX = "_micros"


class AmountField(forms.DecimalField):
    """An amount such as 49.00 or 0.0091, of which the row has the micro-units."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=18, decimal_places=6, **options)

    def prepare_value(self, value: Any) -> Any:
        """The micro-units of the row as a decimal; what was entered stays as it is."""
        return f"{money.micro_amount(value):f}" if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        """The amount entered, in micro-units; None without one. Raises ValidationError."""
        amount: Decimal | None = super().clean(value)
        return None if amount is None else int(amount * money.MICROS)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether what was entered is another amount than the row's."""
        known = money.micro_amount(initial) if isinstance(initial, int) else initial
        return super().has_changed(known, data)


class AmountsMixin:
    """Every column of micro-units is a decimal amount in the forms of this page."""

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: Any, **kwargs: Any) -> Any:
        """Django's form field; a decimal one for micro-units."""
        made = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if not isinstance(db_field, BigIntegerField) or not db_field.name.endswith(SUFFIX):
            return made
        return AmountField(
            label=str(made.label).removesuffix(SUFFIX.replace("_", " ")),
            help_text=db_field.help_text or _("An amount such as 49.00 or 0.0091."),
            required=made.required,
            initial=made.initial,
            widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        )
