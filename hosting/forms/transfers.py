"""Forms of imports and exports."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from hosting.cloudapi.number_forms import one_form
from hosting.models import ChatExport, Number


class ImportForm(forms.Form):
    """A file of past messages."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "WhatsApp's 'Export chat' as .txt or .zip, or a file that Parley exported; 500 MB at "
            "most."
        ),
        widget=forms.FileInput(attrs={"accept": ".txt,.zip,.jsonl,.csv"}),
    )


class ExportForm(forms.Form):
    """What to export, and the file's format."""

    number = forms.ChoiceField(label=_("Number"), required=False)
    contact = forms.CharField(
        max_length=32,
        required=False,
        label=_("Customer"),
        help_text=_("A phone number; empty for all customers."),
    )
    since = forms.DateField(
        required=False, label=_("From"), widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        required=False, label=_("To"), widget=forms.DateInput(attrs={"type": "date"})
    )
    format = forms.ChoiceField(label=_("Format"), choices=ChatExport.Format.choices, initial="html")
    has_media = forms.BooleanField(
        required=False, label=_("With pictures and other files, as a ZIP")
    )
    conversation = forms.CharField(max_length=36, required=False, widget=forms.HiddenInput)

    def __init__(self, business: Business, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = Number.objects.filter(business=business).order_by("id")
        choices = [(number.phone_number_id, str(number)) for number in found]
        number: Any = self.fields["number"]
        number.choices = [("", _("All numbers")), *choices]

    def clean_contact(self) -> str:
        """Return the customer's number or user id without other characters."""
        return one_form(
            "".join(
                letter
                for letter in self.cleaned_data["contact"]
                if letter.isalnum() or letter == "."
            )
        )
