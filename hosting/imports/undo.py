"""Undo of an import: its messages, and the contacts and conversations that it created."""

import time

from django.db import connection
from django.utils import timezone

from core.sql import statement
from core.tenancy import scope
from hosting import jobs
from hosting.models import ChatImport, Contact, Conversation, Media

BATCH = 5_000


def undo_batches(job: ChatImport, *, seconds: float = jobs.SECONDS) -> None:
    """Delete messages in batches until the time is up or none is left."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with scope(job.business_id):
            if not _delete_batch(job):
                _delete_empty_rows(job)
                jobs.finish(job, ChatImport.State.UNDONE, added=0, first_id=None, last_id=None)
                return


def _delete_batch(job: ChatImport) -> int:
    if job.first_id is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "undo_history"),
            {
                "business_id": job.business_id,
                "first_id": job.first_id,
                "last_id": job.last_id,
                "import_id": job.pk,
                "limit": BATCH,
            },
        )
        count, threads, media = cursor.fetchone()
        if not count:
            return 0
        cursor.execute(
            statement("hosting", "hide_history"), {"ids": threads, "business_id": job.business_id}
        )
    if media:
        mine = Media.objects.live().filter(business_id=job.business_id, media_id__in=media)
        mine.update(deleted_at=timezone.now())
    jobs.keep(job, processed=job.processed + count)
    return int(count)


def _delete_empty_rows(job: ChatImport) -> None:
    """Delete created contacts and conversations that are empty, as others may be in use by now."""
    empty = Conversation.objects.filter(
        business_id=job.business_id, pk__in=job.made_conversations, messages=None
    )
    Conversation.objects.filter(pk__in=list(empty.values_list("pk", flat=True))).delete()
    alone = Contact.objects.filter(
        business_id=job.business_id,
        pk__in=job.made_contacts,
        conversations=None,
        former_numbers=None,
    )
    Contact.objects.filter(pk__in=list(alone.values_list("pk", flat=True))).delete()
