"""The form of a new broadcast."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from hosting.broadcasts import recipients
from hosting.models import Number, Template


class BroadcastForm(forms.Form):
    """A new broadcast: its template, number and recipients."""

    name = forms.CharField(
        max_length=120, required=False, label=_("Name"), help_text=_("For you alone.")
    )
    number = forms.ChoiceField(label=_("From"))
    template = forms.ChoiceField(label=_("Template"))
    list = forms.CharField(
        required=False,
        strip=False,
        max_length=2_500_000,
        label=_("Paste numbers"),
        help_text=_(
            "One a line, with country code; then a column for each variable of the template."
        ),
        widget=forms.Textarea(
            attrs={"rows": 6, "spellcheck": "false", "placeholder": "+49 151 23456789, Ann, L-1001"}
        ),
    )
    file = forms.FileField(
        required=False,
        label=_("Or choose a CSV file"),
        help_text=_("Up to 100,000 rows; headings such as phone, 1, 2 are understood."),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )

    def __init__(self, business: Business, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        numbers = Number.objects.filter(business=business, is_registered=True).order_by("id")
        templates = (
            Template.objects.live()
            .filter(business=business, status="APPROVED")
            .order_by("name", "language")
        )
        self.numbers = {number.phone_number_id: number for number in numbers}
        self.templates = {one.template_id: one for one in templates}
        chosen: Any = self.fields
        chosen["number"].choices = [(key, str(number)) for key, number in self.numbers.items()]
        chosen["template"].choices = [
            (key, f"{one} · {one.get_category_display()} · {one.body[:60]}")
            for key, one in self.templates.items()
        ]

    def choices(self) -> tuple[Number, Template, str]:
        """Return number, template and the list's text; raise BadInput for too large a file."""
        file = self.cleaned_data["file"]
        text = (
            recipients.decoded(file.read(recipients.MAX_BYTES + 1))
            if file
            else self.cleaned_data["list"]
        )
        return (
            self.numbers[self.cleaned_data["number"]],
            self.templates[self.cleaned_data["template"]],
            text,
        )
