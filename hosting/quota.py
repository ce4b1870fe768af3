"""Quota of media storage, webhooks and exports: uploads over it are refused, customers' files
locked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Business, Plan
from core.errors import ParleyError
from core.models import Email
from core.sql import statement
from core.tenancy import system
from hosting.errors import CloudApiError
from hosting.models import Media, Storage

MEGABYTE = 1_000_000
CONSTRAINTS = ("storage_within_plan", "webhooks_within_plan", "exports_within_plan")


@contextmanager
def within_plan(refusal: Callable[[], ParleyError]) -> Iterator[None]:
    """Turn a violated plan constraint of the database into the error that `refusal` returns."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        found = getattr(error.__cause__, "diag", None)
        if found is None or found.constraint_name not in CONSTRAINTS:
            raise
        raise refusal() from None


def storage_exceeded(business: Business) -> CloudApiError:
    """Return the error for a file that exceeds the plan's media storage."""
    plan = _plan_of(business)
    return CloudApiError(
        131042,
        f"Plan limit reached: the {plan.name} plan keeps {plan.media_megabytes:,} MB of media. "
        "Delete files, or take a larger plan.",
        field="file",
    )


def _plan_of(business: Business) -> Plan:
    # A business loaded by the API's fast path has only some of its plan's columns.
    return Plan.objects.get(businesses=business.pk)


def check_storage(*, business: Business, size: int) -> None:
    """Raise CloudApiError 131042 if `size` bytes exceed the plan's storage.

    Checked before the content is written; the database checks again when the row is saved.
    """
    allowed = _plan_of(business).media_megabytes
    if allowed is None:
        return
    used = Storage.objects.filter(business=business).values_list("bytes", flat=True).first() or 0
    if used + size > allowed * MEGABYTE:
        raise storage_exceeded(business)


def lock_over_storage(media: Media) -> None:
    """Set whether a customer's file is readable or locked for lack of storage.

    Call before saving.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "storage_fits"),
            {"business_id": media.business_id, "size": media.size},
        )
        media.is_ready = cursor.fetchone()[0]
    if not media.is_ready:
        media.locked_until = timezone.now() + timedelta(days=media.business.plan.grace_days)


def unlock(business_id: int | None) -> int:
    """Unlock files that fit now, of one business or all; return how many.

    Call across businesses.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "unlock_media"), {"business_id": business_id})
        return int(cursor.rowcount)


def unlock_or_expire() -> None:
    """Unlock files that fit now, and delete locked files past their last day."""
    with system("files of every business"):
        unlock(None)
        due = Media.objects.live().filter(locked_until__lt=Now())
        without_notice = Email.objects.businesses_without_notice(kind="storage", key_prefix="100-")
        due.exclude(business__in=without_notice).update(deleted_at=Now())


def megabytes(size: int) -> int:
    """Convert bytes to megabytes, rounded up."""
    return -(-size // MEGABYTE)
