"""What people type in the dashboard, checked before it reaches a verb."""

import re
import zoneinfo
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core.http import MAX_URL
from hosting.broadcasts import recipients
from hosting.cloudapi.sends import MAX_TEXT, digits_of
from hosting.cloudapi.texts import fill, placeholders
from hosting.errors import CloudApiError
from hosting.models import Account, CannedReply, ChatExport, Number, Template
from hosting.models.numbers import new_token
from hosting.models.webhooks import FIELDS
from hosting.numbers.profile import LIMITS, VERTICALS
from hosting.numbers.upstream import Place
from hosting.webhooks.subscriptions import MAX_TOKEN

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


def zones() -> list[tuple[str, str]]:
    """Time zones as the tz database names them."""
    return [(name, name) for name in sorted(zoneinfo.available_timezones())]


class BusinessForm(forms.Form):
    """What a business is called, and where its days begin."""

    name = forms.CharField(
        max_length=120,
        label=_("Name"),
        help_text=_("On invoices stands the name of the billing details."),
    )
    timezone = forms.ChoiceField(
        choices=zones,
        label=_("Time zone"),
        help_text=_("Where its days and months begin; open months keep their edges."),
    )


class ProfileForm(forms.Form):
    """What customers see of a number, in the Cloud API's words."""

    about = forms.CharField(max_length=LIMITS["about"], label=_("About"))
    description = forms.CharField(
        max_length=LIMITS["description"],
        required=False,
        label=_("Description"),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    address = forms.CharField(max_length=LIMITS["address"], required=False, label=_("Address"))
    email = forms.EmailField(max_length=LIMITS["email"], required=False, label=_("E-mail"))
    website = forms.URLField(
        max_length=256, required=False, label=_("Website"), assume_scheme="https"
    )
    website2 = forms.URLField(
        max_length=256, required=False, label=_("Second website"), assume_scheme="https"
    )
    vertical = forms.ChoiceField(
        choices=[(one.upper(), one.replace("_", " ").capitalize()) for one in VERTICALS],
        label=_("Line of business"),
    )

    @staticmethod
    def of(profile: dict[str, Any]) -> dict[str, Any]:
        """A profile as the form's first values."""
        sites = [*profile["websites"], "", ""]
        return profile | {"website": sites[0], "website2": sites[1]}

    def given(self) -> dict[str, Any]:
        """A valid form as the profile's members."""
        cleaned = dict(self.cleaned_data)
        sites = [cleaned.pop("website"), cleaned.pop("website2")]
        return cleaned | {"websites": [site for site in sites if site]}


class NoteForm(forms.Form):
    """A remark among colleagues."""

    text = forms.CharField(
        max_length=MAX_TEXT, strip=True, error_messages={"required": _("Write something first.")}
    )


class CannedReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    """An answer kept under a shortcut."""

    class Meta:
        model = CannedReply
        fields = ("shortcut", "text")
        widgets: ClassVar = {"text": forms.Textarea(attrs={"rows": 4})}

    def clean_shortcut(self) -> str:
        """One word, without the slash."""
        shortcut = str(self.cleaned_data["shortcut"]).removeprefix("/")
        if not re.fullmatch(r"[\w-]+", shortcut):
            raise forms.ValidationError(_("One word of letters, digits, _ and -."))
        return shortcut


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
    wa_id = forms.CharField(
        max_length=24, label=_("Phone number"), help_text=_("With country code: +49 151 2345678")
    )

    def clean_wa_id(self) -> str:
        """Digits only."""
        try:
            return digits_of(self.cleaned_data["wa_id"], field=str(_("Phone number")))
        except CloudApiError as error:
            raise forms.ValidationError(error.message) from None


class WebhookForm(forms.Form):
    """A webhook to add: its address, the token of its challenge, whose events, and which."""

    url = forms.CharField(
        max_length=MAX_URL,
        label=_("Callback URL"),
        help_text=_("Reachable from the internet: https://example.com/whatsapp"),
        widget=forms.URLInput(attrs={"placeholder": "https://", "spellcheck": "false"}),
    )
    verify_token = forms.CharField(
        max_length=MAX_TOKEN,
        initial=new_token,
        label=_("Verify token"),
        help_text=_("Your receiver compares it."),
    )
    source = forms.ChoiceField(
        label=_("Whose events"), help_text=_("A number's own webhook replaces its account's.")
    )
    fields_ = forms.MultipleChoiceField(
        choices=[(field, field) for field in FIELDS],
        initial=list(FIELDS),
        label=_("Which events"),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, accounts: QuerySet[Account], numbers: QuerySet[Number], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sources: dict[str, tuple[Account, Number | None]] = {}
        for account in accounts:
            self.sources[account.waba_id] = (account, None)
        for number in numbers:
            self.sources[f"{number.account.waba_id}/{number.phone_number_id}"] = (
                number.account,
                number,
            )
        source: Any = self.fields["source"]
        source.choices = [
            (key, str(number) if number else _("All numbers of %(account)s") % {"account": account})
            for key, (account, number) in self.sources.items()
        ]

    def source_of(self) -> tuple[Account, Number | None]:
        """Account, and number if it is for one alone."""
        return self.sources[self.cleaned_data["source"]]


class NewTemplateForm(forms.Form):
    """A template as people write one: texts, up to ten buttons a line each, and an example for each variable."""

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
        """The account it belongs to."""
        return self.accounts[self.cleaned_data["account_"]]

    def as_body(self) -> dict[str, Any]:
        """The Cloud API's body that creates it."""
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
        """What the preview shows of what is typed so far, checked or not."""
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


class ImportForm(forms.Form):
    """A file of past messages."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "WhatsApp's 'Export chat' as .txt or .zip, or a file that Parley exported; 500 MB at most."
        ),
        widget=forms.FileInput(attrs={"accept": ".txt,.zip,.jsonl,.csv"}),
    )


class ExportForm(forms.Form):
    """What to export, and how it is written."""

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
    format = forms.ChoiceField(
        label=_("Written as"), choices=ChatExport.Format.choices, initial="html"
    )
    has_media = forms.BooleanField(
        required=False, label=_("With pictures and other files, as a ZIP")
    )
    conversation = forms.CharField(max_length=36, required=False, widget=forms.HiddenInput)

    def __init__(self, business: Business, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = Number.objects.filter(business=business).order_by("id")
        choices = [(number.phone_number_id, str(number)) for number in found]
        self.fields["number"].choices = [("", _("All numbers")), *choices]  # type: ignore[attr-defined]

    def clean_contact(self) -> str:
        """Digits only."""
        return "".join(
            letter for letter in self.cleaned_data["contact"] if letter.isalnum() or letter == "."
        )


class BroadcastForm(forms.Form):
    """A template, the number it comes from, and the list of those who get it."""

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

    def given(self) -> tuple[Number, Template, str]:
        """Number, template and the list's text of a valid form; raises BadInput for a file that is too large."""
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


class UpstreamForm(forms.Form):
    """A real Cloud API to put behind an account; token and secret are never shown again."""

    account_ = forms.ChoiceField(label=_("Account"))
    base_url = forms.CharField(
        max_length=500,
        initial="https://graph.facebook.com/v23.0",
        label=_("Address"),
        help_text=_("With the version, if it has one."),
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
    )
    waba_id = forms.RegexField(
        r"^[0-9]{1,32}$", label=_("Account there"), help_text=_("Its id in digits.")
    )
    token = forms.CharField(
        max_length=4000,
        label=_("Access token"),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    app_secret = forms.CharField(
        max_length=400,
        label=_("App secret"),
        help_text=_("Its webhooks are signed with it."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, accounts: QuerySet[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = {account.waba_id: account for account in accounts}
        chosen: Any = self.fields["account_"]
        chosen.choices = [(waba_id, account.name) for waba_id, account in self.accounts.items()]

    def account(self) -> Account:
        """The account it comes behind."""
        return self.accounts[self.cleaned_data["account_"]]

    def place(self) -> Place:
        """Where it is, and what opens it."""
        given = self.cleaned_data
        return Place(given["base_url"], given["waba_id"], given["token"])
