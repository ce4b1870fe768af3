"""The form of a new message template."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from hosting.cloudapi.texts import fill
from hosting.models import Account


class NewTemplateForm(forms.Form):
    """A new template: texts, up to ten buttons a line each, and an example for each variable."""

    account_ = forms.ChoiceField(label=_("Account"))
    name = forms.CharField(
        max_length=512, label=_("Name"), help_text=_("Lower-case letters, digits and underscores.")
    )
    language = forms.CharField(
        max_length=15,
        initial="en_US",
        label=_("Language"),
        help_text=_("A code such as en_US or de."),
    )
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
    buttons = forms.CharField(
        required=False,
        max_length=2500,
        label=_("Buttons"),
        help_text=_(
            "One a line: a reply; text and address, or text and phone number, with | between them."
        ),
        widget=forms.Textarea(
            attrs={"rows": 2, "placeholder": "Track it | https://example.com/{{1}}"}
        ),
    )

    def __init__(self, accounts: QuerySet[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = {account.waba_id: account for account in accounts}
        chosen: Any = self.fields["account_"]
        chosen.choices = [(waba_id, account.name) for waba_id, account in self.accounts.items()]

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
        if given["buttons"]:
            parts.append(
                {"type": "BUTTONS", "buttons": [_button(line) for line in _lines(given["buttons"])]}
            )
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
                "buttons": [
                    _button(line)["text"] for line in _lines(typed.get("buttons", ""))[:10]
                ],
            }
        }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _button(line: str) -> dict[str, str]:
    text, bar, target = (part.strip() for part in line.partition("|"))
    if not bar:
        return {"type": "QUICK_REPLY", "text": text}
    if target.startswith("+") or target.isdigit():
        return {"type": "PHONE_NUMBER", "text": text, "phone_number": target}
    return {"type": "URL", "text": text, "url": target}
