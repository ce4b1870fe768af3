"""Secrets at rest: a text column that is ciphertext in the database and plain text in Python."""

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@cache
def _cipher() -> MultiFernet:
    # The first key encrypts; the others still decrypt, so that keys can be rotated.
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


class EncryptedTextField(models.TextField):
    """Text encrypted with Fernet (AES-128-CBC and HMAC-SHA256); cannot be searched."""

    def get_prep_value(self, value: Any) -> str | None:
        """Plain text -> ciphertext."""
        return None if value is None else _cipher().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Ciphertext -> plain text."""
        return None if value is None else _cipher().decrypt(value.encode()).decode()
