"""Forms of the inbox: replies, templates, private notes, canned replies."""

import re
from typing import Any, ClassVar, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from hosting.cloudapi.sends import MAX_TEXT
from hosting.cloudapi.texts import placeholders
from hosting.models import CannedReply, Number, Template

MAX_PARAMETER = 1024


class ReplyForm(forms.Form):
    """A free-form reply, optionally quoting a message: a text, or a file with a caption."""

    text = forms.CharField(max_length=MAX_TEXT, strip=True, required=False)
    file = forms.FileField(required=False)
    context = forms.CharField(max_length=256, required=False)

    def clean(self) -> dict[str, Any]:
        """Require a text or a file."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("text") and not cleaned.get("file"):
            self.add_error("text", forms.ValidationError(_("Write something first.")))
        return cleaned


class TemplateForm(forms.Form):
    """The variables of one template, a field for each placeholder, named `value_<placeholder>`."""

    def __init__(self, template: Template, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = placeholders(template.body)
        for name in self.names:
            self.fields[f"value_{name}"] = forms.CharField(
                max_length=MAX_PARAMETER, label=_("Variable %(name)s") % {"name": name}
            )

    def values(self) -> dict[str, str]:
        """Return the values by placeholder name, in the order of the text."""
        return {name: self.cleaned_data[f"value_{name}"] for name in self.names}


class NewConversationForm(forms.Form):
    """A number of the business, and the number of the customer."""

    to = forms.CharField(
        max_length=40,
        label=_("Phone number"),
        help_text=_("With its country code, such as +49 170 1234567."),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    number = forms.ModelChoiceField(Number.objects.none(), label=_("From"), empty_label=None)

    def __init__(self, business: Business, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Number.objects.filter(business=business).order_by("id")
        cast(forms.ModelChoiceField, self.fields["number"]).queryset = own  # type: ignore[type-arg]

    def clean_to(self) -> str:
        """Return the digits; 7 to 15 of them make a number."""
        digits = re.sub(r"[\s+().\-/]", "", str(self.cleaned_data["to"])).removeprefix("00")
        if not re.fullmatch(r"[1-9][0-9]{6,14}", digits):
            raise forms.ValidationError(_("A number has 7 to 15 digits with its country code."))
        return digits


class LabelForm(forms.Form):
    """The name and colour of a label."""

    name = forms.CharField(max_length=40, label=_("Name"))
    colour = forms.TypedChoiceField(
        choices=[("", _("By name")), *((str(n), str(n)) for n in range(8))],
        coerce=int,
        empty_value=None,
        required=False,
        label=_("Colour"),
    )


class NoteForm(forms.Form):
    """A private note."""

    text = forms.CharField(
        max_length=MAX_TEXT, strip=True, error_messages={"required": _("Write something first.")}
    )


class CannedReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A canned reply with its shortcut."""

    class Meta:
        model = CannedReply
        fields = ("shortcut", "text")
        widgets: ClassVar = {"text": forms.Textarea(attrs={"rows": 4})}

    def clean_shortcut(self) -> str:
        """Return the shortcut without its slash; it must be one word."""
        shortcut = str(self.cleaned_data["shortcut"]).removeprefix("/")
        if not re.fullmatch(r"[\w-]+", shortcut):
            raise forms.ValidationError(_("One word of letters, digits, _ and -."))
        return shortcut
