"""References from messages to media files, and deletion of files with their messages."""

from collections.abc import Iterable
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from core.sql import statement
from hosting.cloudapi import sends
from hosting.models import Media, MediaFetch, Message, UpstreamMedia

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


# References by key that are no use of a file: what is known of it at an upstream.
FOLLOWERS = (UpstreamMedia, MediaFetch)


def unreferenced(*, business_id: int, media_ids: Iterable[str]) -> list[str]:
    """Return those media ids that nothing of the business refers to any more.

    Counted are messages of every kind, other columns whose JSON may name a file, and rows of any
    app that point at one by key.
    """
    own = Media.objects.filter(business_id=business_id, media_id__in=list(media_ids))
    for relation in holding_keys():
        rows: Any = relation.related_model._base_manager
        pointing = rows.filter(**{relation.field.name: OuterRef("pk"), "business": business_id})
        own = own.exclude(Exists(pointing))
    with connection.cursor() as cursor:
        cursor.execute(
            statement("hosting", "unreferenced_media"),
            {"business_id": business_id, "ids": list(own.values_list("media_id", flat=True))},
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


def holding_keys() -> list[models.ManyToOneRel]:
    """Return the foreign keys of all apps that hold a file."""
    return [
        relation
        for relation in Media._meta.get_fields(include_hidden=True)
        if isinstance(relation, models.ManyToOneRel) and relation.related_model not in FOLLOWERS
    ]


def delete_files(*, business_id: int, media_ids: Iterable[str]) -> int:
    """Delete unreferenced files, row and content, at once; return how many.

    Call after their messages were deleted.
    """
    gone = list(
        Media.objects.filter(
            business_id=business_id,
            media_id__in=unreferenced(business_id=business_id, media_ids=media_ids),
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
    rows = Media.objects.live().filter(business_id=business_id, media_id__in=unheld)
    return rows.update(deleted_at=timezone.now())
