"""The form of a new message template."""

from typing import Any

from babel import Locale
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.territories import locale
from hosting.cloudapi.texts import fill
from hosting.forms.template_buttons import ButtonForms
from hosting.models import Account

# Codes of the languages that templates can have.
LANGUAGES = (
    "af sq ar az bn bg ca zh_CN zh_HK zh_TW hr cs da nl en en_GB en_US et fil fi fr ka de el gu ha "
    "he hi hu id ga it ja kn kk rw_RW ko ky_KG lo lv lt mk ms ml mr nb fa pl pt_BR pt_PT pa ro ru "
    "sr sk sl es es_AR es_ES es_MX sw sv ta te th tr uk ur uz vi zu"
)


def languages() -> list[tuple[str, str]]:
    """Codes and names in the active language, by name."""
    shown = locale()
    named = ((code, str(Locale.parse(code).get_display_name(shown))) for code in LANGUAGES.split())
    return sorted(((code, f"{name} ({code})") for code, name in named), key=lambda one: one[1])


class NewTemplateForm(forms.Form):
    """A new template: texts, up to ten buttons, and an example for each variable."""

    account_ = forms.ChoiceField(label=_("Account"))
    name = forms.CharField(
        max_length=512, label=_("Name"), help_text=_("Lower-case letters, digits and underscores.")
    )
    language = forms.ChoiceField(initial="en_US", label=_("Language"))
    category = forms.ChoiceField(
        label=_("Category"),
        choices=[
            ("utility", _("Utility")),
            ("marketing", _("Marketing")),
            ("authentication", _("Authentication")),
        ],
    )
    header = forms.CharField(max_length=60, required=False, label=_("Header"))
    body = forms.CharField(
        max_length=1024,
        label=_("Text"),
        help_text=_("Variables are {{1}}, {{2}} …"),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    examples = forms.CharField(
        required=False,
        label=_("Examples of the variables"),
        help_text=_("One a line, in their order."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    footer = forms.CharField(max_length=60, required=False, label=_("Footer"))

    def __init__(self, accounts: QuerySet[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buttons: Any = ButtonForms(self.data if self.is_bound else None, prefix="buttons")
        language: Any = self.fields["language"]
        language.choices = languages()
        self.accounts = {account.waba_id: account for account in accounts}
        chosen: Any = self.fields["account_"]
        chosen.choices = [(waba_id, account.name) for waba_id, account in self.accounts.items()]

    def is_valid(self) -> bool:
        """Whether the texts and all buttons are valid."""
        return super().is_valid() and self.buttons.is_valid()

    def account(self) -> Account:
        """Return the chosen account."""
        return self.accounts[self.cleaned_data["account_"]]

    def as_body(self) -> dict[str, Any]:
        """Return the Cloud API's body that creates the template."""
        given = self.cleaned_data
        examples = _lines(given["examples"])
        body: dict[str, Any] = {"type": "BODY", "text": given["body"]}
        if examples:
            body["example"] = {"body_text": [examples]}
        parts = (
            [{"type": "HEADER", "format": "TEXT", "text": given["header"]}]
            if given["header"]
            else []
        )
        parts.append(body)
        if given["footer"]:
            parts.append({"type": "FOOTER", "text": given["footer"]})
        if buttons := self.buttons.components():
            parts.append({"type": "BUTTONS", "buttons": buttons})
        return {name: given[name] for name in ("name", "language", "category")} | {
            "components": parts
        }

    def preview(self) -> dict[str, Any]:
        """Return the preview's variables for the values typed so far, valid or not."""
        typed = self.data if self.is_bound else {}
        values = [{"type": "text", "text": value} for value in _lines(typed.get("examples", ""))]
        return {
            "parts": {
                "header": typed.get("header", ""),
                "body": fill(str(typed.get("body", ""))[:1024], values),
                "footer": typed.get("footer", ""),
                "buttons": self.buttons.texts() if self.is_bound else [],
            }
        }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
