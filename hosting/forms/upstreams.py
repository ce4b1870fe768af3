"""The form that connects an upstream."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from hosting.models import Account
from hosting.numbers.upstream import UpstreamAccount


class UpstreamForm(forms.Form):
    """An upstream to connect; token and secret are never shown again."""

    account_ = forms.ChoiceField(label=_("Account"))
    base_url = forms.CharField(
        max_length=500,
        initial="https://graph.facebook.com/v23.0",
        label=_("Address"),
        help_text=_("With the version, if it has one."),
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
    )
    waba_id = forms.RegexField(
        r"^[0-9]{1,32}$", label=_("WhatsApp Business Account ID"), help_text=_("Its id in digits.")
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
        """Return the account to connect."""
        return self.accounts[self.cleaned_data["account_"]]

    def upstream_account(self) -> UpstreamAccount:
        """Return the upstream's address, account id and token."""
        given = self.cleaned_data
        return UpstreamAccount(given["base_url"], given["waba_id"], given["token"])
