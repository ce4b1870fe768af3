"""Idempotency keys: a repeated request has one effect and gets the first reply again."""

import hashlib
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from hosting.errors import CloudApiError
from hosting.models import IdempotentReply

MAX_KEY = 255
KEPT_FOR = timedelta(days=2)


def fingerprint_of(path: str, body: bytes) -> bytes:
    """Return the SHA-256 of path and body; two requests are the same when it is equal."""
    return hashlib.sha256(path.encode() + b"\0" + body).digest()


def claim(*, business_id: int, key: str, fingerprint: bytes) -> bytes | None:
    """Reserve the key in this transaction; return the reply stored before, or None for a new key.

    A second request waits for the first one's commit, and takes the key over if that one failed.
    Raises CloudApiError 100 for a key that is too long or was used with another request.
    """
    if len(key) > MAX_KEY or "\0" in key:
        raise CloudApiError(
            100, f"Idempotency-Key is longer than {MAX_KEY} characters.", field="Idempotency-Key"
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO hosting_idempotentreply (business_id, key, fingerprint, body, created_at)
               VALUES (%s, %s, %s, '', now())
               ON CONFLICT (business_id, key) DO NOTHING RETURNING 1""",
            [business_id, key, fingerprint],
        )
        if cursor.fetchone():
            return None
    before = IdempotentReply.objects.get(business_id=business_id, key=key)
    if bytes(before.fingerprint) != fingerprint:
        raise CloudApiError(
            100, "This Idempotency-Key came with another request before.", field="Idempotency-Key"
        )
    return bytes(before.body)


def store_reply(*, business_id: int, key: str, body: bytes) -> None:
    """Store the reply under its key; call in the transaction of the effect."""
    IdempotentReply.objects.filter(business_id=business_id, key=key).update(body=body)


def delete_expired() -> int:
    """Delete replies older than `KEPT_FOR`; return how many. Call across businesses."""
    return IdempotentReply.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]
