"""Thumbnails of pictures, made on first view, with limits checked before decoding."""

import warnings
from io import BytesIO

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from hosting.media.store import open_media
from hosting.models import Media

log = structlog.get_logger(__name__)

MAX_EDGE = 480
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
# JPEG is decoded at an eighth of its size, others whole: 16 million pixels take 64 MB.
MAX_PIXELS = {"image/jpeg": 50_000_000, "image/png": 16_000_000, "image/webp": 16_000_000}


def thumbnail_of(media: Media) -> bytes | None:
    """Return a WebP of at most 480 x 480 pixels, upright and without metadata; None if impossible."""
    if media.mime_type not in FORMATS or not media.is_ready:
        return None
    try:
        if default_storage.exists(media.thumbnail_path):
            with default_storage.open(media.thumbnail_path, "rb") as held:
                return bytes(held.read())
        with open_media(media) as held:
            small = shrink(held.read(), media.mime_type)
    except OSError:
        return None
    if small is not None:
        default_storage.save(media.thumbnail_path, ContentFile(small))
    return small


def shrink(content: bytes, mime_type: str, *, edge: int = MAX_EDGE) -> bytes | None:
    """Scale a picture to fit `edge` x `edge` pixels, as WebP.

    Returns None for a picture that is broken, of another format, or too large to decode safely.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Only the sniffed format's decoder runs; the size is read from the header.
            picture = Image.open(BytesIO(content), formats=[FORMATS[mime_type]])
            if picture.width * picture.height > MAX_PIXELS[mime_type]:
                return None
            picture.draft("RGB", (edge, edge))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((edge, edge))
            made = BytesIO()
            upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(
                made, "WEBP", quality=78
            )
            return made.getvalue()
    except Exception as error:
        log.info("no_thumbnail", why=repr(error)[:200])
        return None
