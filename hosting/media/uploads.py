"""Resumable uploads: a file arrives in parts, and becomes media under a handle when complete."""

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.models import Business
from core import widths
from core.tenancy import scope
from hosting.cloudapi import files
from hosting.errors import CloudApiError
from hosting.media.store import safe_name, store_media
from hosting.models import Media, Upload

PART_BYTES = 1024 * 1024


def start(
    *, business: Business, size: str, mime_type: str, filename: str, upload_id: str
) -> Upload:
    """Create an upload of `size` bytes (a digit string); raise CloudApiError 100 if invalid."""
    if not size.isascii() or not size.isdigit() or not 0 < int(size[:18]) <= files.MAX_BYTES:
        raise CloudApiError(
            100, f"file_length must be 1 to {files.MAX_BYTES:,} bytes.", field="file_length"
        )
    if not mime_type:
        raise CloudApiError(100, "file_type is required, such as image/jpeg.", field="file_type")
    return Upload.objects.create(
        business=business,
        upload_id=upload_id,
        size=int(size),
        mime_type=mime_type[: widths.MIME_TYPE],
        filename=safe_name(filename),
    )


def own_upload(*, business_id: int, upload_id: str) -> Upload:
    """Return the business's upload of that id; raise CloudApiError 803 if there is none."""
    found = Upload.objects.filter(business_id=business_id, upload_id=upload_id).first()
    if found is None:
        raise CloudApiError(803, "This upload does not exist, or is not yours.")
    return found


def append(*, business: Business, upload_id: str, offset: str, content: Any) -> str:
    """Append bytes (a readable) at `offset` (a digit string).

    Returns the media handle once the file is complete, else "". Raises CloudApiError 100 for a
    wrong offset or too many bytes.
    """
    with scope(business.pk):
        upload = Upload.objects.select_for_update().get(upload_id=upload_id)
        if upload.media_id:
            return _handle(upload)
        if offset != str(upload.received):
            raise CloudApiError(
                100, f"file_offset must be {upload.received}, where the last part ended."
            )
        upload.received += _write_parts(upload, content)
        if upload.received < upload.size:
            upload.save(update_fields=["received"])
            return ""
        upload.media = store_media(
            business=business,
            content=_read_parts(upload),
            mime_type=upload.mime_type,
            filename=upload.filename,
        )
        upload.save(update_fields=["received", "media"])
        return _handle(upload)


def _write_parts(upload: Upload, content: Any) -> int:
    taken = 0
    while piece := content.read(PART_BYTES):
        if upload.received + taken + len(piece) > upload.size:
            raise CloudApiError(
                100, f"More came than the {upload.size:,} bytes that were announced."
            )
        name = _part_name(upload, upload.received + taken)
        default_storage.delete(name)
        default_storage.save(name, ContentFile(piece))
        taken += len(piece)
    return taken


def _part_name(upload: Upload, offset: int) -> str:
    return f"uploads/{upload.business_id}/{upload.upload_id}/{offset:012d}"


def _read_parts(upload: Upload) -> Iterator[bytes]:
    offset = 0
    while offset < upload.size:
        name = _part_name(upload, offset)
        with default_storage.open(name, "rb") as held:
            piece: bytes = held.read()
        default_storage.delete(name)
        offset += len(piece)
        yield piece


def _handle(upload: Upload) -> str:
    media: Media | None = upload.media
    assert media is not None
    return f"4::{media.media_id}"
