"""The form of a new webhook."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.http import MAX_URL
from hosting.models import Account, Number
from hosting.models.numbers import new_token
from hosting.models.webhooks import FIELDS
from hosting.webhooks.subscriptions import MAX_TOKEN


class WebhookForm(forms.Form):
    """A new webhook: its URL, verify token, account or number, and fields."""

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
        label=_("Scope"), help_text=_("A number's own webhook replaces its account's.")
    )
    fields_ = forms.MultipleChoiceField(
        choices=[(field, field) for field in FIELDS],
        initial=list(FIELDS),
        label=_("Events"),
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
        """Return the account, and the number if the webhook is for one number."""
        return self.sources[self.cleaned_data["source"]]
