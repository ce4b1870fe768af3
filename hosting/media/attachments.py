"""Attaching: a file that a person chose becomes stored media and the content of a message."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile

from accounts.models import Business
from hosting.cloudapi.files import LIMITS
from hosting.media.store import store_media

# A picture is a picture before it is a document.
ORDER = ("image", "sticker", "video", "audio", "document")


def attach(
    *, business: Business, file: "UploadedFile[Any]", caption: str = "", from_customer: bool = False
) -> tuple[str, dict[str, Any]]:
    """Store a file; returns the kind of message that carries it and its content object, as the Cloud API has them.

    Raises CloudApiError as `store_media` does. Call inside the business's scope.
    """
    media = store_media(
        business=business, content=file, mime_type=file.content_type or "", filename=file.name or "",
        from_customer=from_customer,
    )  # fmt: skip
    kind = next(kind for kind in ORDER if media.mime_type in LIMITS[kind].types)
    content: dict[str, Any] = {"id": media.media_id}
    if caption and kind in ("image", "video", "document"):
        content["caption"] = caption
    if kind == "document":
        content["filename"] = media.filename
    return kind, content
