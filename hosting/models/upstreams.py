"""Upstreams: the real Cloud API behind an account."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from hosting.models.numbers import Account
from hosting.secrets import EncryptedTextField


class Upstream(models.Model):
    """A Cloud API (Meta's, or any other) that carries the messages of an account's numbers.

    A number takes part with `transport="cloudapi"` and its id there in `upstream_id`. Webhooks of the upstream come to
    `/webhooks/<our waba_id>/`, verified with the account's verify token and signed with the upstream's app secret.
    """

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="upstream")
    base_url = models.CharField(
        max_length=500, default="https://graph.facebook.com/v23.0", help_text=_("With the version, if it has one.")
    )
    waba_id = models.CharField(max_length=32, help_text=_("The account's id there."))
    token = EncryptedTextField(help_text=_("Sent as Bearer; encrypted at rest."))
    app_secret = EncryptedTextField(help_text=_("What the upstream signs its webhooks with."))
    created_at = models.DateTimeField(default=timezone.now)
    synchronised_at = models.DateTimeField(null=True, blank=True, help_text=_("When templates were last read."))
    last_error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(base_url__regex=r"^https?://[^/]"), name="upstream_base_is_url"),
        ]

    def __str__(self) -> str:
        return f"{self.base_url} for {self.account_id}"

    def url_of(self, *parts: str) -> str:
        """Address of an object there, such as `url_of(phone_number_id, "messages")`."""
        return "/".join([self.base_url.rstrip("/"), *parts])
