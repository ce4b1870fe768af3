"""References from messages to media files, and deletion of files with their messages."""

from collections.abc import Iterable

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from core.sql import statement
from hosting.cloudapi import sends
from hosting.models import Media, Message

KINDS_WITH_MEDIA = (*sends.MEDIA_KINDS, "template", "interactive")


def media_of_messages(*, business_id: int, messages: QuerySet[Message]) -> list[str]:
    """Return the media ids of the files in these messages."""
    rows = messages.filter(kind__in=KINDS_WITH_MEDIA).values_list("kind", "content")
    found = {
        str(one["id"])
        for kind, content in rows.iterator()
        for _, one in sends.media_of(kind, content)
        if one.get("id")
    }
    own = Media.objects.filter(business_id=business_id, media_id__in=found)
    return list(own.values_list("media_id", flat=True))


def unreferenced(*, business_id: int, media_ids: Iterable[str]) -> list[str]:
    """Return those media ids that no message of the business refers to any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT u.id FROM unnest(%s::text[]) AS u (id)
                WHERE NOT EXISTS (SELECT FROM hosting_message m
                                   WHERE m.business_id = %s AND m.content ->> 'id' = u.id
                                     AND m.kind IN ('image', 'audio', 'video', 'document',
                                                    'sticker'))""",
            [list(media_ids), business_id],
        )
        return [row[0] for row in cursor.fetchall()]


def numbers_of_media(*, business_id: int, media_id: str) -> frozenset[int]:
    """Return ids of the numbers whose messages or profiles refer to a file."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "numbers_of_media"),
            {"business_id": business_id, "media_id": media_id, "handle": f"%::{media_id}"},
        )
        return frozenset(row[0] for row in cursor.fetchall())


def delete_files(*, business_id: int, media_ids: Iterable[str]) -> int:
    """Delete unreferenced files, row and content, at once; return how many.

    Call after their messages were deleted.
    """
    gone = list(
        Media.objects.filter(
            media_id__in=unreferenced(business_id=business_id, media_ids=media_ids)
        )
    )
    Media.objects.filter(pk__in=[media.pk for media in gone]).delete()
    for media in gone:
        # Equal contents share one file, kept while another row refers to it.
        if not Media.objects.filter(business_id=business_id, sha256=media.sha256).exists():
            default_storage.delete(media.path)
            default_storage.delete(media.thumbnail_path)
    return len(gone)


def mark_deleted(*, business_id: int, media_ids: Iterable[str]) -> int:
    """Mark unreferenced files as deleted; their contents are removed later as garbage.

    Return how many.
    """
    unheld = unreferenced(business_id=business_id, media_ids=media_ids)
    return Media.objects.live().filter(media_id__in=unheld).update(deleted_at=timezone.now())
