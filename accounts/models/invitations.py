"""Invitations: a link in an e-mail by which its recipient becomes a member."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now

from accounts.models.businesses import Business, Role
from core import widths

VALID_FOR = timedelta(days=7)


def in_a_week() -> datetime:
    """When an invitation created now expires."""
    return utc_now() + VALID_FOR


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Sets of invitations."""

    def open(self) -> Self:
        """Invitations that are neither accepted, withdrawn nor expired."""
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=utc_now())


class Invitation(models.Model):
    """A reserved seat for an e-mail address; of the link's token only the SHA-256 is stored."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=widths.ROLE, choices=Role.choices)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=utc_now)
    expires_at = models.DateTimeField(default=in_a_week)
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "email"],
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation_per_address",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"

    @staticmethod
    def new_token() -> str:
        """A new token: 32 random bytes in URL-safe base64."""
        return secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(token: str) -> bytes:
        """SHA-256 of a link's token, 32 bytes."""
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
