"""Pictures of products: stored in several sizes, fetched in the background where a feed has
links.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any

import orjson
import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F, Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import BadInput
from core.http import FetchFailed, fetch
from core.sql import statement
from core.tenancy import scope, system
from hosting.cloudapi.files import LIMITS
from hosting.errors import CloudApiError
from hosting.media.store import delete_media, open_media, store_media
from hosting.media.thumbnails import FORMATS, shrink
from hosting.models import Media
from shops.models import MAX_ATTEMPTS, Catalog, Picture, Product, Waiting

log = structlog.get_logger(__name__)
# Longer side in pixels: for lists, cards and the product's page.
EDGES = (160, 480, 1080)
MAX_PICTURES = 20
BATCH = 8
FETCH_TIMEOUT = 10.0
# After this time a claimed picture may be claimed again: its worker has died.
LEASE = timedelta(minutes=2)


def size_url(slug: str, picture: Picture, edge: int) -> str:
    """URL of a size on the shop's page; empty while the picture is not fetched."""
    if picture.media is None:
        return ""
    return reverse("shop_picture", args=[slug, picture.media.media_id, edge])


def add_picture(
    product: Product, *, content: IO[bytes] | bytes, mime_type: str, filename: str = ""
) -> Picture:
    """Append a picture to a product.

    Raises BadInput for an unreadable file or when the product has the maximum of pictures.
    """
    last = Picture.objects.filter(product=product).aggregate(last=Max("position"))["last"]
    if Picture.objects.filter(product=product).count() >= MAX_PICTURES:
        raise BadInput(
            _("A product has at most %(most)d pictures.") % {"most": MAX_PICTURES}, field="picture"
        )
    media = _store(product, content, mime_type, filename)
    position = 0 if last is None else last + 1
    return Picture.objects.create(
        business_id=product.business_id, product=product, media=media, position=position
    )


def _store(product: Product, content: IO[bytes] | bytes, mime_type: str, filename: str) -> Media:
    try:
        media = store_media(
            business=product.business, content=content, mime_type=mime_type, filename=filename
        )
    except CloudApiError as refused:
        raise BadInput(refused.details, field="picture") from None
    if media.mime_type not in FORMATS or not _make_sizes(media):
        delete_media(media)
        raise BadInput(
            _("This is no picture that can be shown: JPEG, PNG or WebP."), field="picture"
        )
    return media


def _make_sizes(media: Media) -> bool:
    """Write the sizes that are missing; False where the picture cannot be read."""
    with open_media(media) as held:
        content = held.read()
    for edge in EDGES:
        if default_storage.exists(size_path(media, edge)):
            continue
        small = shrink(content, media.mime_type, edge=edge)
        if small is None:
            return False
        default_storage.save(size_path(media, edge), ContentFile(small))
    return True


def size_path(media: Media, edge: int) -> str:
    """Storage path of one size."""
    return f"pictures/{media.business_id}/{media.sha256[:2]}/{media.sha256}-{edge}.webp"


def remove_picture(picture: Picture) -> None:
    """Remove a picture from its product.

    Its files are deleted when no other picture uses them.
    """
    media = picture.media
    picture.delete()
    if media is None or Picture.objects.filter(media=media).exists():
        return
    delete_media(media)
    if not Picture.objects.filter(
        media__sha256=media.sha256, business_id=media.business_id
    ).exists():
        for edge in EDGES:
            default_storage.delete(size_path(media, edge))


def move_to_front(picture: Picture) -> None:
    """Make this the picture that lists show."""
    with transaction.atomic():
        Picture.objects.filter(product=picture.product_id, position__lt=picture.position).update(
            position=F("position") + 1
        )
        Picture.objects.filter(pk=picture.pk).update(position=0)


def replace_pictures(cursor: Any, catalog: Catalog, rows: list[dict[str, Any]]) -> set[int]:
    """Give the products of `rows` (`retailer_id`, `pictures`) exactly these pictures.

    A picture is a link or `media:<id>`. New links are fetched in the background. Returns the ids of
    the products that changed.
    """
    names = {"business_id": catalog.business_id, "catalog_id": catalog.pk}
    cursor.execute(
        statement("shops", "import_pictures"), names | {"rows": orjson.dumps(rows).decode()}
    )
    found = cursor.fetchall()
    gone = [media_id for _product, media_id in found if media_id]
    shown = Picture.objects.filter(media__in=gone).values("media_id")
    Media.objects.filter(pk__in=gone).exclude(pk__in=shown).update(deleted_at=timezone.now())
    return {product_id for product_id, _media in found}


def dead_pictures(catalog: Catalog) -> Waiting:
    """Pictures of this shop whose fetch was given up."""
    return Picture.objects.dead().filter(business_id=catalog.business_id, product__catalog=catalog)


@dataclass(frozen=True, slots=True)
class PictureFetch:
    """A picture claimed by this worker."""

    picture_id: int
    business_id: int
    url: str
    attempts: int


def fetch_due(limit: int = BATCH) -> int:
    """Fetch up to `limit` pictures that are due; returns how many were claimed."""
    claimed = _claim(limit)
    if not claimed:
        return 0
    # Fetched outside of any transaction and in parallel, so that one slow host delays no other.
    with ThreadPoolExecutor(max_workers=BATCH) as pool:
        results = list(pool.map(_download, claimed))
    for wanted, (content, error) in zip(claimed, results, strict=True):
        _finish(wanted, content, error)
    return len(claimed)


def _claim(limit: int) -> list[PictureFetch]:
    with system("pictures are fetched for every business"), connection.cursor() as cursor:
        cursor.execute(
            statement("shops", "claim_pictures"),
            {"limit": limit, "lease": LEASE.total_seconds(), "most": MAX_ATTEMPTS},
        )
        return [PictureFetch(*row) for row in cursor.fetchall()]


def _download(wanted: PictureFetch) -> tuple[tuple[bytes, str], str]:
    """((content, MIME type), error); the error is empty on success."""
    try:
        found = fetch(wanted.url, max_bytes=LIMITS["image"].most + 1, timeout=FETCH_TIMEOUT)
    except FetchFailed as error:
        return (b"", ""), str(error)[:200]
    if found.status != 200:
        return (b"", ""), f"The link answered HTTP {found.status}."
    if found.truncated:
        return (b"", ""), f"The picture is larger than {LIMITS['image'].most:,} bytes."
    return (found.body, found.headers.get("content-type", "")), ""


def _finish(wanted: PictureFetch, got: tuple[bytes, str], error: str) -> None:
    with scope(wanted.business_id):
        mine = Picture.objects.filter(
            pk=wanted.picture_id, attempts=wanted.attempts, source_url=wanted.url
        )
        row = mine.select_related("product__business").select_for_update(of=("self",)).first()
        if row is None:
            return
        if not error:
            try:
                with transaction.atomic():
                    row.media = _store(row.product, got[0], got[1], "")
            except BadInput as refused:
                error, row.attempts = refused.message, MAX_ATTEMPTS
        row.last_error = error[:200]
        row.not_before = timezone.now() + timedelta(seconds=30 * 4**row.attempts)
        row.save(update_fields=["media", "attempts", "last_error", "not_before"])
        if error:
            log.info("picture_not_fetched", picture=row.pk, error=error)
