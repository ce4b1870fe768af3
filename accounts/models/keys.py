"""API keys, by which programs of a business authenticate."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _

from accounts.models.businesses import Business


class KeyScope(models.TextChoices):
    """Scopes: what an API key may do."""

    MESSAGES = "messages", _("Send messages, manage templates and media")
    READ = "read", _("Read conversations and messages")
    CONTACTS = "contacts", _("Read, change, merge and erase customers")
    SHOP = "shop", _("Read and change products and orders")
    SHOP_REFUND = "shop:refund", _("Refund and cancel orders")
    EXPORTS = "exports", _("Export conversations and finance data")
    BILLING = "billing", _("Read usage, charges and invoices")
    WEBHOOKS = "webhooks", _("Manage webhooks")
    ADMIN = "admin", _("Register numbers, set their PIN, read the audit log")


def all_scopes() -> list[str]:
    """All scopes; the default of new keys."""
    return list(KeyScope.values)


class SentKey(NamedTuple):
    """A key as it was sent: its prefix, and the SHA-256 of its text, by which it is looked up."""

    prefix: str
    digest: bytes

    @property
    def shown(self) -> str:
        """What logs and the audit log name it by."""
        return f"parley_{self.prefix}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Sets of API keys."""

    def live(self) -> Self:
        """Keys that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=utc_now()), revoked_at=None)


class ApiKey(models.Model):
    """A key that a program sends as `Authorization: Bearer`.

    Only the SHA-256 of its text is stored; the text is shown once.
    """

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=20, choices=KeyScope.choices), default=all_scopes
    )
    number_ids = ArrayField(
        models.BigIntegerField(),
        null=True,
        blank=True,
        help_text=_("Ids of the numbers it is limited to; none: all numbers."),
    )
    created_at = models.DateTimeField(default=utc_now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    TEXT: ClassVar = re.compile(r"parley_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
    # The header as most clients send it.
    BEARER: ClassVar = "Bearer "

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            # An empty list could be read as "all" or as "none".
            models.CheckConstraint(
                condition=Q(number_ids=None) | Q(number_ids__len__gt=0),
                name="limited_key_has_numbers",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (parley_{self.prefix}_…)"

    @classmethod
    def issue(
        cls,
        business: Business,
        *,
        name: str,
        scopes: list[str] | None = None,
        number_ids: Sequence[int] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple["ApiKey", str]:
        """Create a key; returns it and its secret text, which is not stored.

        Without `number_ids` the key reaches all numbers. The text is
        `parley_<8 characters>_<43 characters>`: 32 random bytes, so a plain hash is enough.
        """
        prefix = secrets.token_hex(4)
        text = f"parley_{prefix}_{secrets.token_urlsafe(32)}"
        key = cls.objects.create(
            business=business,
            name=name,
            prefix=prefix,
            digest=cls.digest_of(text),
            scopes=scopes if scopes is not None else all_scopes(),
            number_ids=sorted(number_ids) if number_ids else None,
            expires_at=expires_at,
        )
        return key, text

    @staticmethod
    def digest_of(text: str) -> bytes:
        """SHA-256 of a key's whole text, 32 bytes."""
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    @classmethod
    def read(cls, text: str) -> SentKey | None:
        """The key that a text is; None where it has not the form of one."""
        match = cls.TEXT.fullmatch(text)
        return SentKey(match[1], cls.digest_of(text)) if match else None

    @classmethod
    def read_bearer(cls, header: str) -> SentKey | None:
        """The key of an `Authorization` header as most clients send it; None for any other."""
        return cls.read(header.removeprefix(cls.BEARER)) if header.startswith(cls.BEARER) else None

    def revoke(self) -> None:
        """Revoke the key from the next request on; an earlier time of revocation stays."""
        self.revoked_at = self.revoked_at or utc_now()
        self.save(update_fields=["revoked_at"])
