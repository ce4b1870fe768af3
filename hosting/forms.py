"""What people type in the dashboard, checked before it reaches a verb."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.cloudapi.sends import MAX_TEXT, digits_of
from hosting.cloudapi.texts import placeholders
from hosting.errors import CloudApiError
from hosting.models import Template

MAX_PARAMETER = 1024


class ReplyForm(forms.Form):
    """A free-form answer, perhaps to one message: a text, or a file with the text as its caption."""

    text = forms.CharField(max_length=MAX_TEXT, strip=True, required=False)
    file = forms.FileField(required=False)
    context = forms.CharField(max_length=256, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse an answer that holds nothing."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("text") and not cleaned.get("file"):
            self.add_error("text", forms.ValidationError(_("Write something first.")))
        return cleaned


class TemplateForm(forms.Form):
    """The variables of one template, a field per placeholder, named `value_<placeholder>`."""

    def __init__(self, template: Template, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = placeholders(template.body)
        for name in self.names:
            self.fields[f"value_{name}"] = forms.CharField(
                max_length=MAX_PARAMETER, label=_("Variable %(name)s") % {"name": name}
            )

    def values(self) -> dict[str, str]:
        """What was typed, by placeholder name, in the order of the text."""
        return {name: self.cleaned_data[f"value_{name}"] for name in self.names}


class HandsetForm(forms.Form):
    """A new simulated phone."""

    name = forms.CharField(max_length=120, label=_("Name"))
    wa_id = forms.CharField(max_length=24, label=_("Phone number"), help_text=_("With country code: +49 151 2345678"))

    def clean_wa_id(self) -> str:
        """Digits only."""
        try:
            return digits_of(self.cleaned_data["wa_id"], field=str(_("Phone number")))
        except CloudApiError as error:
            raise forms.ValidationError(error.message) from None
