"""Forms of the account pages."""

import re
import zoneinfo
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from babel.numbers import get_currency_name, get_territory_currencies
from django import forms
from django.http import QueryDict
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import KeyNumber
from accounts.models import KeyScope, Plan
from core import widths
from core.territories import countries, locale


def _zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())]


def _currencies() -> list[tuple[str, str]]:
    """Currencies in which a plan is offered."""
    found = Plan.objects.filter(is_public=True, monthly_fee_micros__gt=0)
    codes = sorted({*found.values_list("currency", flat=True)} or {"USD"})
    return [(code, f"{code} · {get_currency_name(code, locale=locale())}") for code in codes]


class BusinessCreationForm(forms.Form):
    """A new business: name, country, currency and time zone, guessed from what the browser says."""

    name = forms.CharField(
        max_length=widths.BUSINESS_NAME,
        label=_("Name"),
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "organization"}),
    )
    country = forms.ChoiceField(choices=countries, label=_("Country"))
    currency = forms.ChoiceField(
        choices=_currencies, label=_("Currency"), help_text=_("What plans and messages cost.")
    )
    timezone = forms.ChoiceField(
        choices=_zones,
        label=_("Time zone"),
        help_text=_("Where days and months begin."),
        widget=forms.Select(attrs={"data-guess": "timezone"}),
    )

    @staticmethod
    def guess(accepted: str) -> dict[str, str]:
        """Initial values by an Accept-Language header: the country of its first language."""
        found = re.search(r"[A-Za-z]{2,3}-([A-Z]{2})\b", accepted[:200])
        country = found.group(1) if found and found.group(1) in dict(countries()) else "US"
        offered = dict(_currencies())
        wanted = get_territory_currencies(country)
        return {
            "country": country,
            "currency": next((one for one in wanted if one in offered), next(iter(offered))),
            "timezone": "UTC",
        }


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
