"""Repeated requests: one Idempotency-Key, one effect, one reply."""

import hashlib
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from hosting.errors import CloudApiError
from hosting.models import IdempotentReply

MAX_KEY = 255
KEPT = timedelta(days=2)


def fingerprint_of(path: str, body: bytes) -> bytes:
    """What makes two requests the same: SHA-256 of path and body."""
    return hashlib.sha256(path.encode() + b"\0" + body).digest()


def claim(*, business_id: int, key: str, fingerprint: bytes) -> bytes | None:
    """Take the key for this request, in its transaction; returns the reply given before, or None for a new one.

    Whoever comes second waits for the first one's commit, or takes over where it was refused. Raises 100 for a key
    that is too long or that came with another request.
    """
    if len(key) > MAX_KEY or "\0" in key:
        raise CloudApiError(
            100, f"Idempotency-Key is longer than {MAX_KEY} characters.", field="Idempotency-Key"
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO hosting_idempotentreply (business_id, key, fingerprint, body, created_at)
               VALUES (%s, %s, %s, '', now()) ON CONFLICT (business_id, key) DO NOTHING RETURNING 1""",
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


def keep(*, business_id: int, key: str, body: bytes) -> None:
    """Note the reply in the transaction of its effect."""
    IdempotentReply.objects.filter(business_id=business_id, key=key).update(body=body)


def forget() -> int:
    """Drop replies that nobody repeats any more; returns how many. Call across businesses."""
    return IdempotentReply.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
