"""Pictures of products: stored in several sizes, fetched in the background where a feed has
links.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson
import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from core.errors import BadInput
from core.http import FetchFailed, fetch
from core.queue import (
    Again,
    Backoff,
    Claimed,
    Failed,
    GaveUp,
    InThreads,
    Outcome,
    Queue,
)
from core.queue.pool import WorkerPool
from core.queue.settle import rerun
from core.sql import statement
from hosting.cloudapi.files import LIMITS
from hosting.errors import CloudApiError
from hosting.media.store import delete_media, open_media, store_media
from hosting.media.thumbnails import FORMATS, shrink
from hosting.models import Media
from shops.models import Catalog, Picture, Product

log = structlog.get_logger(__name__)
# Longer side in pixels: for lists, cards and the product's page.
EDGES = (160, 480, 1080)
MAX_PICTURES = 20
BATCH = 8
FETCH_TIMEOUT = 10.0


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


def dead_pictures(catalog: Catalog) -> QuerySet[Picture]:
    """Pictures of this shop whose fetch was given up."""
    dead = Picture.objects.exclude(dead_at=None)
    return dead.filter(business_id=catalog.business_id, product__catalog=catalog)


def retry_dead(catalog: Catalog) -> int:
    """Fetch the pictures of this shop again whose fetch was given up; returns how many."""
    return rerun(QUEUE, dead_pictures(catalog).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Download:
    """What the request for one picture gave: its content and type, or why there is none."""

    url: str
    content: bytes = b""
    mime_type: str = ""
    error: str = ""


def fetch_due() -> int:
    """Fetch pictures until none is due; returns how many were claimed."""
    return POOL.run()


def _urls(rows: Sequence[Claimed]) -> dict[int, str]:
    found = Picture.objects.filter(pk__in=[row.key for row in rows])
    return dict(found.values_list("pk", "source_url"))


def _download(url: str) -> Download:
    try:
        found = fetch(url, max_bytes=LIMITS["image"].max_bytes + 1, timeout=FETCH_TIMEOUT)
    except FetchFailed as error:
        return Download(url, error=str(error)[:200])
    if found.status != 200:
        return Download(url, error=f"The link answered HTTP {found.status}.")
    if found.truncated:
        most = LIMITS["image"].max_bytes
        return Download(url, error=f"The picture is larger than {most:,} bytes.")
    return Download(url, found.body, found.headers.get("content-type", ""))


def _finish(results: Mapping[int, Download]) -> dict[int, Outcome]:
    found = Picture.objects.filter(pk__in=results).select_related("product__business")
    return {row.pk: _stored(row, results[row.pk]) for row in found.order_by("pk")}


def _stored(row: Picture, got: Download) -> Outcome:
    """Keep a picture that was fetched; a feed may have named another address meanwhile."""
    if row.source_url != got.url:
        return Again()
    if got.error:
        return Failed(got.error)
    try:
        with transaction.atomic():
            row.media = _store(row.product, got.content, got.mime_type, "")
    except BadInput as refused:
        return GaveUp(refused.message)
    row.save(update_fields=["media"])
    return None


QUEUE = Queue(
    name="pictures",
    about="Pictures of products that feeds name by their addresses.",
    model=Picture,
    work=InThreads(size=BATCH, prepare=_urls, perform=_download, finish=_finish),
    is_open=Q(media=None),
    lease_seconds=120,
    backoff=Backoff(first=120, factor=4, longest=7200),
    done={},
    # A seller's links are the seller's to mend.
    counts="attempts = 0",
    dead_title=_lazy("Pictures not fetched"),
    is_urgent=False,
)
POOL = WorkerPool(QUEUE)
