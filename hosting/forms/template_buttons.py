"""Buttons of a new message template: a row of fields each, empty rows are left out."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MOST = 10
# Rows that are shown before *More buttons* is opened.
SHOWN = 2


class ButtonForm(forms.Form):
    """One button: a reply, an address to open, or a phone number to call."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            ("QUICK_REPLY", _("Reply")),
            ("URL", _("Open a web page")),
            ("PHONE_NUMBER", _("Call a number")),
        ],
    )
    text = forms.CharField(label=_("Text"), max_length=25, required=False)
    target = forms.CharField(
        label=_("Address or number"), max_length=2000, required=False, empty_value=""
    )

    def clean(self) -> dict[str, Any]:
        """Require a text, and a target where the kind has one."""
        given = super().clean() or {}
        kind, text, target = (given.get(name, "") for name in ("kind", "text", "target"))
        if (target or kind != "QUICK_REPLY") and not text:
            self.add_error("text", _("The button needs a text."))
        if kind in ("URL", "PHONE_NUMBER") and not target:
            self.add_error("target", _("The button needs an address or a number."))
        if kind == "QUICK_REPLY" and target:
            self.add_error("target", _("A reply has no address: choose another kind."))
        return given


class _Buttons(forms.BaseFormSet):  # type: ignore[type-arg]
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "label_suffix": ""}

    def components(self) -> list[dict[str, str]]:
        """The valid rows as buttons of the Cloud API."""
        return [_button(form.cleaned_data) for form in self if form.cleaned_data.get("text")]

    def texts(self) -> list[str]:
        """What was typed so far as texts, valid or not."""
        typed = (str(form["text"].value() or "").strip() for form in self)
        return [text for text in typed if text]


ButtonForms = forms.formset_factory(
    ButtonForm, formset=_Buttons, extra=MOST, max_num=MOST, absolute_max=MOST, validate_max=True
)


def _button(given: dict[str, Any]) -> dict[str, str]:
    names = {"URL": "url", "PHONE_NUMBER": "phone_number"}
    kind = given["kind"]
    button = {"type": kind, "text": given["text"]}
    return button | ({names[kind]: given["target"]} if kind in names else {})
