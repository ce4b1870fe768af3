"""Forms of a business and its numbers."""

import zoneinfo
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.numbers.profile import LIMITS, VERTICALS


def zones() -> list[tuple[str, str]]:
    """Return the time zones of the tz database."""
    return [(name, name) for name in sorted(zoneinfo.available_timezones())]


class BusinessForm(forms.Form):
    """The name and time zone of a business."""

    name = forms.CharField(
        max_length=120,
        label=_("Name"),
        help_text=_("On invoices stands the name of the billing details."),
    )
    timezone = forms.ChoiceField(
        choices=zones,
        label=_("Time zone"),
        help_text=_("Where its days and months begin; open months keep their edges."),
    )


class ProfileForm(forms.Form):
    """The profile of a number that customers see, with the Cloud API's members."""

    about = forms.CharField(max_length=LIMITS["about"], label=_("About"))
    description = forms.CharField(
        max_length=LIMITS["description"],
        required=False,
        label=_("Description"),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    address = forms.CharField(max_length=LIMITS["address"], required=False, label=_("Address"))
    email = forms.EmailField(max_length=LIMITS["email"], required=False, label=_("E-mail"))
    website = forms.URLField(
        max_length=256, required=False, label=_("Website"), assume_scheme="https"
    )
    website2 = forms.URLField(
        max_length=256, required=False, label=_("Second website"), assume_scheme="https"
    )
    vertical = forms.ChoiceField(
        choices=[(one.upper(), one.replace("_", " ").capitalize()) for one in VERTICALS],
        label=_("Industry"),
    )

    @staticmethod
    def initial_of(profile: dict[str, Any]) -> dict[str, Any]:
        """Return the form's initial values for a profile."""
        sites = [*profile["websites"], "", ""]
        return profile | {"website": sites[0], "website2": sites[1]}

    def members(self) -> dict[str, Any]:
        """Return the profile's members from a valid form."""
        cleaned = dict(self.cleaned_data)
        sites = [cleaned.pop("website"), cleaned.pop("website2")]
        return cleaned | {"websites": [site for site in sites if site]}
