"""Media storage: files are sniffed, measured, hashed and written before their rows."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Protocol

from django.core import signing
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from accounts.models import Business
from core import links
from hosting import quota
from hosting.cloudapi import files
from hosting.errors import CloudApiError
from hosting.models import LockedMessage, Media

URL_SECONDS = 300
CHUNK_BYTES = 64 * 1024
SALT = "hosting.media"
# So that backups and running downloads still find the content.
KEPT_AFTER_DELETION = timedelta(days=2)
# The first kind that takes the type wins: a picture is an image before it is a document.
ATTACHMENT_KINDS = ("image", "sticker", "video", "audio", "document")
_NAME = re.compile(r"[\x00-\x1f\x7f/\\\u202a-\u202e\u2066-\u2069]")


class Readable(Protocol):
    """An open file, as far as storing it needs one."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


def store_media(
    *,
    business: Business,
    content: Readable | bytes | Iterable[bytes],
    mime_type: str = "",
    filename: str = "",
    from_customer: bool = False,
) -> Media:
    """Store a file and return its row; `mime_type` is the sender's claim.

    Raises CloudApiError 131053 for a type that is unsupported or not as claimed, a size outside its
    limits, a broken or too large picture; 131042 when the plan's storage is full, except that a
    customer's file is stored locked. Call inside the business's scope.
    """
    with SpooledTemporaryFile(max_size=files.MB) as held:
        digest, size = _copy(_chunks(content), held)
        kind = _checked(held, size, mime_type, filename)
        files.check_sticker(kind, size, held)
        media = Media(
            business=business,
            mime_type=kind,
            size=size,
            sha256=digest,
            filename=safe_name(filename),
        )
        if not from_customer:
            quota.check_storage(business=business, size=size)
        _write_content(media, held)
        if from_customer:
            quota.lock_over_storage(media)
        with quota.within_plan(lambda: quota.storage_exceeded(business)):
            media.save()
        return media


def store_attachment(
    *, business: Business, file: "UploadedFile[Any]", caption: str = "", from_customer: bool = False
) -> tuple[str, dict[str, Any]]:
    """Store a file that a person chose; return the message kind and its Cloud API content.

    Raises CloudApiError as `store_media` does. Call inside the business's scope.
    """
    media = store_media(
        business=business,
        content=file,
        mime_type=file.content_type or "",
        filename=file.name or "",
        from_customer=from_customer,
    )
    kind = next(kind for kind in ATTACHMENT_KINDS if media.mime_type in files.LIMITS[kind].types)
    content: dict[str, Any] = {"id": media.media_id}
    if caption and kind in ("image", "video", "document"):
        content["caption"] = caption
    if kind == "document":
        content["filename"] = media.filename
    return kind, content


def fill_media(media: Media, *, content: bytes, mime_type: str) -> None:
    """Give a media row its content once that was fetched.

    An unsupported type is stored as plain bytes, a file over the plan's storage is locked. Raises
    CloudApiError 131053 for one that is empty or too large. Call inside a scope or
    `tenancy.system`.
    """
    with SpooledTemporaryFile(max_size=files.MB) as held:
        media.sha256, media.size = _copy([content], held)
        try:
            media.mime_type = _checked(held, media.size, mime_type, media.filename)
        except CloudApiError:
            if not media.size:
                raise
            # The network accepted it, so it is stored, as a type that browsers do not display.
            media.mime_type = files.UNKNOWN
        _write_content(media, held)
        quota.lock_over_storage(media)
        media.save(update_fields=["mime_type", "size", "sha256", "is_ready", "locked_until"])


def _checked(held: IO[bytes], size: int, mime_type: str, filename: str) -> str:
    held.seek(max(0, size - files.TAIL_BYTES))
    tail = held.read()
    held.seek(0)
    head = held.read(files.HEAD_BYTES)
    kind = files.type_of(head, mime_type, filename=filename, tail=tail)
    files.check_size(kind, size)
    held.seek(0)
    files.check_pixels(kind, held)
    return kind


def _write_content(media: Media, held: IO[bytes]) -> None:
    """Write the content to the row's path unless equal content is there."""
    if not default_storage.exists(media.path):
        held.seek(0)
        default_storage.save(media.path, File(held))


def _chunks(content: Any) -> Iterable[bytes]:
    if isinstance(content, bytes):
        return [content]
    chunks: Iterable[bytes] = content
    return iter(lambda: content.read(CHUNK_BYTES), b"") if hasattr(content, "read") else chunks


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
    """Return a file name without folders, control or direction characters, at most 240 long."""
    return _NAME.sub("_", filename).strip(". ")[-240:]


def media_of(*, business_id: int, media_ids: Iterable[str]) -> dict[str, Media]:
    """Return the business's live media with these ids, without those of locked messages."""
    wanted = list(media_ids)
    if not wanted:
        return {}
    return {
        row.media_id: row for row in readable().filter(business_id=business_id, media_id__in=wanted)
    }


def readable() -> QuerySet[Media]:
    """Return media that is neither deleted nor part of a locked message."""
    hidden = LockedMessage.objects.alias(file=KT("content__id")).filter(file=OuterRef("media_id"))
    return Media.objects.live().filter(~Exists(hidden.filter(business=OuterRef("business"))))


def delete_media(media: Media) -> None:
    """Delete a file: its id at once, its content when garbage is collected."""
    Media.objects.live().filter(pk=media.pk).update(deleted_at=timezone.now())


def open_media(media: Media) -> "File[bytes]":
    """Open a file's content for reading."""
    return default_storage.open(media.path, "rb")


def part_of(media: Media, start: int, length: int) -> Iterator[bytes]:
    """Yield `length` bytes of a file's content from `start`, in chunks; reads only that range."""
    bucket = getattr(default_storage, "bucket", None)
    if bucket is not None:
        name = default_storage._normalize_name(media.path)  # type: ignore[attr-defined]
        found = bucket.Object(name).get(Range=f"bytes={start}-{start + length - 1}")
        yield from found["Body"].iter_chunks(CHUNK_BYTES)
        return
    with open_media(media) as held:
        held.seek(start)
        while length > 0 and (piece := held.read(min(length, CHUNK_BYTES))):
            length -= len(piece)
            yield piece


def signed_path(media: Media) -> str:
    """Return a path to the content that is valid for five minutes without login."""
    return "/media/" + signing.dumps([media.business_id, media.media_id], salt=SALT)


def signed_url(media: Media) -> str:
    """Return the signed path with this installation's address."""
    return links.absolute(signed_path(media))


def ids_of_token(token: str) -> tuple[int, str] | None:
    """Return (business id, media id) of a signed path's token, or None when it is invalid or
    expired.
    """
    try:
        business_id, media_id = signing.loads(token, salt=SALT, max_age=URL_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return int(business_id), str(media_id)


def collect_garbage(limit: int = 200) -> int:
    """Delete up to `limit` rows deleted long ago, and contents no row refers to; return the rows.

    Call inside `tenancy.system`.
    """
    due = Media.objects.filter(deleted_at__lt=timezone.now() - KEPT_AFTER_DELETION).order_by("id")
    rows = list(due.select_for_update()[:limit])
    Media.objects.filter(pk__in=[row.pk for row in rows]).delete()
    for row in rows:
        if (
            row.sha256
            and not Media.objects.filter(business_id=row.business_id, sha256=row.sha256).exists()
        ):
            default_storage.delete(row.path)
            default_storage.delete(row.thumbnail_path)
    return len(rows)
