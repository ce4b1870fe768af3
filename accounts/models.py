"""Who: users, businesses, their members and plans, and the keys their programs use."""

import hashlib
import secrets
import zoneinfo
from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Makes users that log in by e-mail."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; the e-mail address is kept in lower case."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an operator who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person; may belong to several businesses."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_staff = models.BooleanField(_("operator"), default=False, help_text=_("May log in to the admin."))
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(default=utc_now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """The name, or the e-mail address while there is none."""
        return str(self)


class Plan(models.Model):
    """What a business may use, and the monthly fee for it. A limit of NULL means no limit."""

    code = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)
    hosted_messages = models.PositiveIntegerField(null=True, blank=True, help_text=_("Messages hosted, a month."))
    days_kept = models.PositiveIntegerField(null=True, blank=True)
    numbers = models.PositiveIntegerField(null=True, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)
    requests_per_second = models.PositiveIntegerField(default=80)
    monthly_fee_micros = models.BigIntegerField(default=0, help_text=_("Millionths of the currency."))
    currency = models.CharField(max_length=3, default="USD")
    is_public = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(monthly_fee_micros__gte=0), name="plan_fee_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


def known_timezone(name: str) -> None:
    """Refuse a time zone that the tz database does not know."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("%(name)s is not a time zone of the tz database."), params={"name": name})


class Business(models.Model):
    """The tenant. Everything that a request reads starts here."""

    name = models.CharField(max_length=120)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, default="free", related_name="businesses")
    country = models.CharField(max_length=2, default="US")
    timezone = models.CharField(max_length=64, default="UTC", validators=[known_timezone])
    currency = models.CharField(max_length=3, default="USD")
    created_at = models.DateTimeField(default=utc_now)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=200, blank=True)
    clock_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Test clock: the moment this business lives in. Sandbox numbers only.")
    )

    class Meta:
        verbose_name_plural = "businesses"

    def __str__(self) -> str:
        return self.name

    def now(self) -> datetime:
        """The present, or what the test clock shows."""
        return self.clock_at or utc_now()

    def may_send(self) -> bool:
        """Whether messages may leave; reading what is hosted is never switched off."""
        return self.suspended_at is None

    def suspend(self, reason: str) -> None:
        """Stop sending from now on; the first reason stays."""
        Business.objects.filter(pk=self.pk, suspended_at=None).update(
            suspended_at=self.now(), suspended_reason=reason[:200]
        )
        self.refresh_from_db(fields=["suspended_at", "suspended_reason"])

    def resume(self) -> None:
        """Lift a suspension."""
        self.suspended_at, self.suspended_reason = None, ""
        self.save(update_fields=["suspended_at", "suspended_reason"])


class Role(models.TextChoices):
    """What a member may do: the owner everything, the agent the chats, finance the money."""

    OWNER = "owner", _("Owner")
    AGENT = "agent", _("Agent")
    FINANCE = "finance", _("Finance")


class Membership(models.Model):
    """A user's role in one business."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=utc_now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["business", "user"], name="one_membership_per_business_and_user"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} of {self.business}"


class KeyScope(models.TextChoices):
    """What an API key reaches."""

    MESSAGES = "messages", _("Send messages, manage templates, media and numbers")
    READ = "read", _("Read conversations and messages")
    BILLING = "billing", _("Read usage, charges and invoices")
    WEBHOOKS = "webhooks", _("Manage webhooks")


def all_scopes() -> list[str]:
    """Every scope there is."""
    return list(KeyScope.values)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Sets of API keys."""

    def live(self) -> Self:
        """Keys that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=utc_now()), revoked_at=None)


class ApiKey(models.Model):
    """A program's key, sent as `Authorization: Bearer`; only its SHA-256 is stored, and it is shown once."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=KeyScope.choices), default=all_scopes)
    created_at = models.DateTimeField(default=utc_now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} (parley_{self.prefix}_…)"

    @classmethod
    def issue(cls, business: Business, *, name: str, scopes: list[str] | None = None) -> tuple["ApiKey", str]:
        """Create a key and return it with its secret text, which cannot be had again.

        The text is `parley_<8 characters>_<43 characters>`: 32 random bytes, so a plain hash is enough.
        """
        prefix = secrets.token_hex(4)
        text = f"parley_{prefix}_{secrets.token_urlsafe(32)}"
        key = cls.objects.create(
            business=business,
            name=name,
            prefix=prefix,
            digest=cls.digest_of(text),
            scopes=scopes if scopes is not None else all_scopes(),
        )
        return key, text

    @staticmethod
    def digest_of(text: str) -> bytes:
        """SHA-256 of a key's whole text, 32 bytes."""
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    def revoke(self) -> None:
        """Make the key useless from the next request on."""
        self.revoked_at = self.revoked_at or utc_now()
        self.save(update_fields=["revoked_at"])


class Heartbeat(models.Model):
    """When a worker last said that it is alive; read by /readyz."""

    name = models.CharField(primary_key=True, max_length=40)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"
