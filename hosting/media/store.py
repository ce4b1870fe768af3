"""Storing media: sniffed, measured, hashed; the content is written before its row, and goes long after it."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core import signing
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from accounts.models import Business
from hosting.cloudapi import files
from hosting.errors import CloudApiError
from hosting.limits import quota
from hosting.models import LockedMessage, Media

URL_SECONDS = 300
PIECE = 64 * 1024
SALT = "hosting.media"
# Backups and downloads that began before a deletion still find the content.
KEPT_AFTER_DELETION = timedelta(days=2)
_NAME = re.compile(r"[\x00-\x1f\x7f/\\\u202a-\u202e\u2066-\u2069]")


def store_media(
    *,
    business: Business,
    content: IO[bytes] | bytes | Iterable[bytes],
    mime_type: str = "",
    filename: str = "",
    from_customer: bool = False,
) -> Media:
    """Keep a file and return its row; `mime_type` is what the sender says it is.

    Raises CloudApiError 131053 for a type that is not taken or not what it says, a size outside its limits, a picture
    that is broken or too large; 131042 where the plan has no room. A customer's file is kept even then, locked.
    Call inside the business's scope.
    """
    with SpooledTemporaryFile(max_size=files.MB) as held:
        digest, size = _copy(_chunks(content), held)
        kind = _checked(held, size, mime_type)
        files.check_sticker(kind, size, held)
        media = Media(
            business=business,
            mime_type=kind,
            size=size,
            sha256=digest,
            filename=safe_name(filename),
        )
        if not from_customer:
            quota.check_room(business=business, size=size)
        _keep(media, held)
        if from_customer:
            quota.lock_unless_it_fits(media)
        with quota.within_plan(lambda: quota.too_much(business)):
            media.save()
        return media


def fill_media(media: Media, *, content: bytes, mime_type: str) -> None:
    """Give a row that was waiting for it its content; a file that no message could send is kept as mere bytes.

    What the plan has no room for is kept, locked.

    Raises CloudApiError 131053 for one that is empty or too large. Call inside a scope or `tenancy.system`.
    """
    with SpooledTemporaryFile(max_size=files.MB) as held:
        media.sha256, media.size = _copy([content], held)
        try:
            media.mime_type = _checked(held, media.size, mime_type)
        except CloudApiError:
            if not media.size:
                raise
            # The network has let it pass, so it is kept; a browser is never told to show it.
            media.mime_type = files.UNKNOWN
        _keep(media, held)
        quota.lock_unless_it_fits(media)
        media.save(update_fields=["mime_type", "size", "sha256", "is_ready", "locked_until"])


def _checked(held: IO[bytes], size: int, mime_type: str) -> str:
    held.seek(0)
    kind = files.type_of(held.read(files.HEAD_BYTES), mime_type)
    files.check_size(kind, size)
    held.seek(0)
    files.check_pixels(kind, held)
    return kind


def _keep(media: Media, held: IO[bytes]) -> None:
    """Write the content where the row will name it, unless equal content lies there."""
    if not default_storage.exists(media.path):
        held.seek(0)
        default_storage.save(media.path, File(held))


def _chunks(content: Any) -> Iterable[bytes]:
    if isinstance(content, bytes):
        return [content]
    if hasattr(content, "read"):
        return iter(lambda: content.read(PIECE), b"")
    return content  # type: ignore[no-any-return]


def _copy(chunks: Iterable[bytes], target: Any) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > files.MAX_BYTES:
            raise CloudApiError(
                131053, f"The file is larger than {files.MAX_BYTES:,} bytes.", field="file"
            )
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest(), size


def safe_name(filename: str) -> str:
    """A file name to show and to save by: no folders, no control or direction characters, at most 240."""
    return _NAME.sub("_", filename).strip(". ")[-240:]


def media_of(*, business_id: int, media_ids: Iterable[str]) -> dict[str, Media]:
    """The business's live media of these ids, without those of locked messages."""
    wanted = list(media_ids)
    if not wanted:
        return {}
    return {
        row.media_id: row for row in readable().filter(business_id=business_id, media_id__in=wanted)
    }


def readable() -> QuerySet[Media]:
    """Media that were not deleted and whose message, if there is one, is not locked."""
    hidden = LockedMessage.objects.alias(file=KT("content__id")).filter(file=OuterRef("media_id"))
    return Media.objects.live().filter(~Exists(hidden.filter(business=OuterRef("business"))))


def delete_media(media: Media) -> None:
    """Let a file go: its id from now on, its content some days later."""
    Media.objects.live().filter(pk=media.pk).update(deleted_at=timezone.now())


def open_media(media: Media) -> "File[bytes]":
    """Its content, for reading."""
    return default_storage.open(media.path, "rb")


def part_of(media: Media, start: int, length: int) -> Iterator[bytes]:
    """So many bytes of its content from `start` on, in pieces; a bucket is asked for these alone."""
    bucket = getattr(default_storage, "bucket", None)
    if bucket is not None:
        name = default_storage._normalize_name(media.path)  # type: ignore[attr-defined]
        found = bucket.Object(name).get(Range=f"bytes={start}-{start + length - 1}")
        yield from found["Body"].iter_chunks(PIECE)
        return
    with open_media(media) as held:
        held.seek(start)
        while length > 0 and (piece := held.read(min(length, PIECE))):
            length -= len(piece)
            yield piece


def signed_path(media: Media) -> str:
    """A path under which its content can be had for five minutes, by whoever knows it."""
    return "/media/" + signing.dumps([media.business_id, media.media_id], salt=SALT)


def signed_url(media: Media) -> str:
    """The same with our address before it."""
    return settings.BASE_URL + signed_path(media)


def opened_by(token: str) -> tuple[int, str] | None:
    """Business id and media id that a signed path stands for, while it holds."""
    try:
        business_id, media_id = signing.loads(token, salt=SALT, max_age=URL_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return int(business_id), str(media_id)


def collect_garbage(limit: int = 200) -> int:
    """Remove rows deleted long ago, and contents that no row of their business names any more; returns how many rows.

    Call across businesses (`tenancy.system`).
    """
    due = Media.objects.filter(deleted_at__lt=timezone.now() - KEPT_AFTER_DELETION).order_by("id")
    rows = list(due.select_for_update(skip_locked=True)[:limit])
    Media.objects.filter(pk__in=[row.pk for row in rows]).delete()
    for row in rows:
        if (
            row.sha256
            and not Media.objects.filter(business_id=row.business_id, sha256=row.sha256).exists()
        ):
            default_storage.delete(row.path)
            default_storage.delete(row.thumbnail_path)
    return len(rows)
