"""Chat links, and replies of idempotent requests."""

import secrets
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Business
from hosting.models.numbers import Number

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_link_code() -> str:
    """Return 14 random letters and digits, as the Cloud API names its links."""
    return "".join(secrets.choice(LETTERS) for _ in range(14))


class ChatLink(models.Model):
    """A short link (and QR code) that opens a chat with a prepared first message."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="+")
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="chat_links")
    code = models.CharField(max_length=14, unique=True, default=new_link_code)
    prefilled_message = models.CharField(max_length=140)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.code

    @property
    def url(self) -> str:
        """The link."""
        return f"https://wa.me/message/{self.code}"


class IdempotentReply(models.Model):
    """The reply to a request with an Idempotency-Key, written with its effect."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32, help_text="SHA-256 of path and body.")
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "idempotent replies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "key"], name="idempotency_key_once_per_business"
            ),
        ]

    def __str__(self) -> str:
        return self.key
