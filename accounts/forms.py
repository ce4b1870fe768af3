"""Forms of the account pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import KeyScope, all_scopes


class ApiKeyForm(forms.Form):
    """A new API key: what it is called and what it reaches."""

    name = forms.CharField(max_length=80, label=_("Name"), help_text=_("Where it is used: “order system”, “CI”."))
    scopes = forms.MultipleChoiceField(
        choices=KeyScope.choices, initial=all_scopes, label=_("Reaches"), widget=forms.CheckboxSelectMultiple
    )
