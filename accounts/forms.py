"""Forms of the account pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from django import forms
from django.http import QueryDict
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import KeyNumber
from accounts.models import KeyScope


class ApiKeyForm(forms.Form):
    """A new API key: name, scopes, numbers and days until it expires."""

    name = forms.CharField(
        max_length=80, label=_("Name"), help_text=_("Where it is used: “order system”, “CI”.")
    )
    scopes = forms.MultipleChoiceField(
        choices=KeyScope.choices,
        label=_("Scopes"),
        widget=forms.CheckboxSelectMultiple,
    )
    number_ids = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        label=_("Limited to numbers"),
        help_text=_("None chosen: all numbers, also those that come later."),
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3650,
        label=_("Expires in (days)"),
        help_text=_("Empty: until revoked."),
    )

    def __init__(self, data: QueryDict | None = None, *, numbers: Sequence[KeyNumber]) -> None:
        super().__init__(data)
        cast(forms.ChoiceField, self.fields["number_ids"]).choices = [
            (number.pk, number.label) for number in numbers
        ]
        if len(numbers) < 2:
            del self.fields["number_ids"]

    def expires_at(self) -> datetime | None:
        """When the key of a valid form expires; None for never."""
        days = self.cleaned_data.get("days")
        return utc_now() + timedelta(days=days) if days else None
