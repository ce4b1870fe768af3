"""What people type on the simulated phone besides text, checked before it is sent."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.cloudapi.failures import FAILURES
from hosting.forms import HandsetForm


class LocationForm(forms.Form):
    """A place that a simulated phone sends, perhaps in answer to a message that asks for one."""

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


class CardForm(HandsetForm):
    """A contact card that a simulated phone sends: somebody's name and number."""


class FailureForm(forms.Form):
    """With which code the next message to a simulated phone fails; empty lets it pass."""

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
