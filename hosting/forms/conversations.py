"""Forms of the inbox: replies, templates, private notes, canned replies."""

import re
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.cloudapi.sends import MAX_TEXT
from hosting.cloudapi.texts import placeholders
from hosting.models import CannedReply, Template

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
