"""Accounts (WABA of the Cloud API) and their business phone numbers."""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Business
from core import widths
from core.encryption import EncryptedTextField


def new_graph_id() -> str:
    """Return a numeric id of 15 digits, as the Cloud API names its objects."""
    return str(secrets.randbelow(9 * 10**14) + 10**14)


def new_token() -> str:
    """Return 32 random hex digits."""
    return secrets.token_hex(16)


# How long the old secret stays valid after a change.
SECRET_OVERLAP = timedelta(hours=24)


class Transport(models.TextChoices):
    """The network that a number sends by."""

    SANDBOX = "sandbox", _("Sandbox: a simulated phone")
    CLOUDAPI = "cloudapi", _("Upstream Cloud API")


class Account(models.Model):
    """A Cloud API account (WABA) with numbers, templates and the secret of its webhooks."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="accounts")
    waba_id = models.CharField(max_length=widths.OBJECT_ID, unique=True, default=new_graph_id)
    name = models.CharField(max_length=widths.BUSINESS_NAME)
    app_secret = EncryptedTextField(default=new_token)
    previous_app_secret = EncryptedTextField(
        null=True, blank=True, help_text=_("Good for 24 hours after a change.")
    )
    secret_changed_at = models.DateTimeField(null=True, blank=True)
    verify_token = EncryptedTextField(default=new_token)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} ({self.waba_id})"

    def change_secret(self) -> None:
        """Create a new app secret; the previous one stays valid for 24 hours."""
        Account.objects.filter(pk=self.pk).update(
            previous_app_secret=self.app_secret,
            app_secret=new_token(),
            secret_changed_at=timezone.now(),
        )
        self.refresh_from_db(fields=["app_secret", "previous_app_secret", "secret_changed_at"])

    @property
    def secret_ends_at(self) -> datetime | None:
        """When the previous secret stops working; None if there was none."""
        return self.secret_changed_at + SECRET_OVERLAP if self.secret_changed_at else None

    @property
    def secrets(self) -> list[str]:
        """The secrets that are valid now, newest first."""
        changed = self.secret_changed_at
        old = (
            self.previous_app_secret
            if changed and timezone.now() < changed + SECRET_OVERLAP
            else None
        )
        return [self.app_secret, *([old] if old else [])]


class Number(models.Model):
    """A business phone number, addressed by its Cloud API `phone_number_id`."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="numbers")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="numbers")
    phone_number_id = models.CharField(
        max_length=widths.OBJECT_ID, unique=True, default=new_graph_id
    )
    digits = models.CharField(max_length=15, help_text=_("E.164 without the plus sign."))
    verified_name = models.CharField(max_length=widths.BUSINESS_NAME)
    transport = models.CharField(
        max_length=widths.TRANSPORT, choices=Transport.choices, default=Transport.SANDBOX
    )
    is_test = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Test traffic is priced for show and never owed; an operator makes it live."),
    )
    quality_rating = models.CharField(max_length=10, default="GREEN")
    upstream_id = models.CharField(
        max_length=widths.OBJECT_ID,
        blank=True,
        help_text=_("Its phone_number_id at the account's upstream, if it has one."),
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text=_("The upstream asked for a rest.")
    )
    messages_per_second = models.PositiveIntegerField(default=80)
    profile = models.JSONField(
        default=dict, blank=True, help_text=_("The business profile as the Cloud API names it.")
    )
    settings = models.JSONField(
        default=dict, blank=True, help_text=_("Greeting, compliance details, public key of flows.")
    )
    is_cart_enabled = models.BooleanField(default=True)
    is_catalog_visible = models.BooleanField(default=False)
    is_registered = models.BooleanField(
        default=True, help_text=_("Registered for sending by the Cloud API.")
    )
    is_verified = models.BooleanField(default=True, help_text=_("Its code was verified."))
    pin = EncryptedTextField(default="", blank=True, help_text=_("Two-step verification."))
    days_kept = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_("How long messages are kept, where shorter than the plan says."),
    )
    held_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Legal hold: nothing of this number is deleted while it is set."),
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(digits__regex=r"^[1-9][0-9]{6,14}$"), name="number_digits_e164"
            ),
            models.UniqueConstraint(fields=["business", "digits"], name="number_once_per_business"),
            models.UniqueConstraint(
                fields=["account", "upstream_id"],
                condition=~Q(upstream_id=""),
                name="upstream_id_once_per_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verified_name} +{self.digits}"

    @property
    def country_dial_code(self) -> str:
        """The country's calling code in digits; "" if unknown."""
        import phonenumbers

        try:
            return str(phonenumbers.parse(f"+{self.digits}").country_code or "")
        except phonenumbers.NumberParseException:
            return ""

    @property
    def display_phone_number(self) -> str:
        """The number in international notation."""
        import phonenumbers

        try:
            parsed = phonenumbers.parse(f"+{self.digits}")
        except phonenumbers.NumberParseException:
            return f"+{self.digits}"
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
