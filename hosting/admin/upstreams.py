"""Networks behind accounts in the admin: where their messages go, and whose app signs for them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_site.base import AuditedAdmin, ReadOnlyAdmin, business_of
from accounts.audit import record
from hosting.models import Upstream


class SecretForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new app secret, which the business does not know; nothing else is changed here."""

    new_app_secret = forms.CharField(
        label=_("App secret"),
        max_length=200,
        widget=forms.PasswordInput,
        help_text=_(
            "Of an app that you keep and whose secret the business does not know: from then on the "
            "network's webhooks decide what is free."
        ),
    )

    class Meta:
        model = Upstream
        fields = ()

    def save(self, commit: bool = True) -> Upstream:
        """Keep the secret; only who sends from that app can sign with it."""
        self.instance.app_secret = self.cleaned_data["new_app_secret"]
        self.instance.is_self_connected = False
        saved: Upstream = super().save(commit)
        return saved


@admin.register(Upstream)
class UpstreamAdmin(ReadOnlyAdmin):
    """Networks that accounts send by; tokens and secrets are never shown."""

    form = SecretForm
    list_display = ("account", "business", "base_url", "is_self_connected", "synchronised_at")
    list_select_related = ("business", "account")
    list_filter = ("is_self_connected",)
    search_fields = ("base_url", "account__waba_id", "business__name")
    fields = (
        "business",
        "account",
        "base_url",
        "waba_id",
        "is_self_connected",
        "synchronised_at",
        "last_error",
        "new_app_secret",
    )
    readonly_fields = fields[:-1]

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Save, and record that the secret is another one, without it."""
        obj.save()
        record.record(action="upstream.secret_changed", subject=obj, business=business_of(obj))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """By the operator's group; owners alone connect networks and disconnect them."""
        return bool(AuditedAdmin.has_change_permission(self, request, obj))
