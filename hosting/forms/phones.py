"""Forms of the simulated phone."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.cloudapi.failures import FAILURES
from hosting.cloudapi.sends import digits_of
from hosting.errors import CloudApiError


class SimulatedPhoneForm(forms.Form):
    """A new simulated phone."""

    name = forms.CharField(max_length=120, label=_("Name"))
    wa_id = forms.CharField(
        max_length=24, label=_("Phone number"), help_text=_("With country code: +49 151 2345678")
    )

    def clean_wa_id(self) -> str:
        """Return the digits of the number."""
        try:
            return digits_of(self.cleaned_data["wa_id"], field=str(_("Phone number")))
        except CloudApiError as error:
            raise forms.ValidationError(error.message) from None


class LocationForm(forms.Form):
    """A location that a simulated phone sends, optionally answering a message that asks for one."""

    latitude = forms.DecimalField(
        min_value=-90,
        max_value=90,
        max_digits=9,
        decimal_places=6,
        initial="52.520008",
        label=_("Latitude"),
    )
    longitude = forms.DecimalField(
        min_value=-180,
        max_value=180,
        max_digits=9,
        decimal_places=6,
        initial="13.404954",
        label=_("Longitude"),
    )
    name = forms.CharField(max_length=1000, required=False, label=_("Name of the place"))
    address = forms.CharField(max_length=1000, required=False, label=_("Address"))
    message = forms.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, widget=forms.HiddenInput
    )


class CardForm(SimulatedPhoneForm):
    """A contact card that a simulated phone sends."""


class FailureForm(forms.Form):
    """The error code with which the next message to a simulated phone fails; empty for none."""

    code = forms.TypedChoiceField(
        coerce=int,
        empty_value=None,
        required=False,
        label=_("The next message to this phone"),
        choices=[
            ("", _("arrives")),
            *((code, f"{code} · {title}") for code, (title, _details) in FAILURES.items()),
        ],
    )
