"""Filing: which files belong to which messages, and how they go when their messages go."""

from collections.abc import Iterable

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from hosting.cloudapi import sends
from hosting.models import Media, Message

HOLDING = (*sends.MEDIA_KINDS, "template", "interactive")


def media_of_messages(*, business_id: int, messages: QuerySet[Message]) -> list[str]:
    """Ids of the files that these messages hold."""
    rows = messages.filter(kind__in=HOLDING).values_list("kind", "content")
    found = {str(one["id"]) for kind, content in rows.iterator() for _, one in sends.media_of(kind, content)
             if one.get("id")}  # fmt: skip
    own = Media.objects.filter(business_id=business_id, media_id__in=found)
    return list(own.values_list("media_id", flat=True))


def unused(*, business_id: int, media_ids: Iterable[str]) -> list[str]:
    """Those that no message of the business holds any more, such as a brochure that went to many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT u.id FROM unnest(%s::text[]) AS u (id)
                WHERE NOT EXISTS (SELECT FROM hosting_message m
                                   WHERE m.business_id = %s AND m.content ->> 'id' = u.id
                                     AND m.kind IN ('image', 'audio', 'video', 'document', 'sticker'))""",
            [list(media_ids), business_id],
        )
        return [row[0] for row in cursor.fetchall()]


def remove_files(*, business_id: int, media_ids: Iterable[str]) -> int:
    """Delete files at once, row and content, where no message holds them; returns how many. Call after the messages."""
    gone = list(
        Media.objects.filter(media_id__in=unused(business_id=business_id, media_ids=media_ids))
    )
    Media.objects.filter(pk__in=[media.pk for media in gone]).delete()
    for media in gone:
        # Equal contents are one file: it stays while another row names it.
        if not Media.objects.filter(business_id=business_id, sha256=media.sha256).exists():
            default_storage.delete(media.path)
            default_storage.delete(media.thumbnail_path)
    return len(gone)


def let_go(*, business_id: int, media_ids: Iterable[str]) -> int:
    """The same in the course of things: ids now, contents some days later, as any deleted file."""
    unheld = unused(business_id=business_id, media_ids=media_ids)
    return Media.objects.live().filter(media_id__in=unheld).update(deleted_at=timezone.now())
