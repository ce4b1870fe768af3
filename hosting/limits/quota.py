"""Weighing: what a plan keeps of files, webhooks and exports. Uploads over it are refused, customers' files locked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Business, Plan
from core.errors import ParleyError
from core.sql import statement
from core.tenancy import system
from hosting.errors import CloudApiError
from hosting.models import Media, Storage

MEGABYTE = 1_000_000
RULES = ("storage_within_plan", "webhooks_within_plan", "exports_within_plan")


@contextmanager
def within_plan(refusal: Callable[[], ParleyError]) -> Iterator[None]:
    """Raise what `refusal` makes where the database finds that what is added here goes over the plan."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        found = getattr(error.__cause__, "diag", None)
        if found is None or found.constraint_name not in RULES:
            raise
        raise refusal() from None


def too_much(business: Business) -> CloudApiError:
    """The refusal of a file for which the plan has no room."""
    plan = _plan_of(business)
    return CloudApiError(
        131042,
        f"Plan limit reached: the {plan.name} plan keeps {plan.media_megabytes:,} MB of media. "
        "Delete files, or take a larger plan.",
        field="file",
    )


def _plan_of(business: Business) -> Plan:
    # The hot door knows only the parts of a plan that it needs.
    return Plan.objects.get(businesses=business.pk)


def check_room(*, business: Business, size: int) -> None:
    """Refuse (131042) a file that cannot fit, before it is written; the database decides when its row is."""
    allowed = _plan_of(business).media_megabytes
    if allowed is None:
        return
    used = Storage.objects.filter(business=business).values_list("bytes", flat=True).first() or 0
    if used + size > allowed * MEGABYTE:
        raise too_much(business)


def lock_unless_it_fits(media: Media) -> None:
    """Decide whether a customer's file, its size known and not saved yet, can be read or is kept locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "storage_fits"),
            {"business_id": media.business_id, "size": media.size},
        )
        media.is_ready = cursor.fetchone()[0]
    if not media.is_ready:
        media.locked_until = timezone.now() + timedelta(days=media.business.plan.grace_days)


def unlock(business_id: int | None) -> int:
    """Show locked files for which there is room by now, of one business or all; returns how many.

    Call across businesses.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement("hosting", "unlock_media"), {"business_id": business_id})
        return int(cursor.rowcount)


def tidy() -> None:
    """Show what fits by now, and let go of what stayed locked past its day."""
    with system("files of every business"):
        unlock(None)
        Media.objects.live().filter(locked_until__lt=Now()).update(deleted_at=Now())


def megabytes(size: int) -> int:
    """Bytes as megabytes begun."""
    return -(-size // MEGABYTE)
