"""Encryption at rest: a text column that is ciphertext in the database, plain text in Python."""

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@cache
def _cipher() -> MultiFernet:
    # The first key encrypts; the others still decrypt, so that keys can be rotated.
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def encrypt(text: str) -> str:
    """Encrypt text with the newest key (Fernet: AES-128-CBC and HMAC-SHA256)."""
    return _cipher().encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Decrypt text with any of the keys; InvalidToken where none fits."""
    return _cipher().decrypt(stored.encode()).decode()


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A text field that is encrypted at rest; it cannot be searched."""

    def get_prep_value(self, value: Any) -> str | None:
        """Encrypt the value for the database."""
        return None if value is None else encrypt(str(value))

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Decrypt the value from the database."""
        return None if value is None else decrypt(value)
