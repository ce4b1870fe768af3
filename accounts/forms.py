"""Forms of the account pages."""

from datetime import datetime, timedelta

from django import forms
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from accounts.models import KeyScope, all_scopes


class ApiKeyForm(forms.Form):
    """A new API key: what it is called and what it reaches."""

    name = forms.CharField(max_length=80, label=_("Name"), help_text=_("Where it is used: “order system”, “CI”."))
    scopes = forms.MultipleChoiceField(
        choices=KeyScope.choices, initial=all_scopes, label=_("Reaches"), widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        required=False, min_value=1, max_value=3650, label=_("Days it works"), help_text=_("Empty: until revoked.")
    )

    def expires_at(self) -> datetime | None:
        """When a valid form's key ends, or None."""
        days = self.cleaned_data.get("days")
        return utc_now() + timedelta(days=days) if days else None
