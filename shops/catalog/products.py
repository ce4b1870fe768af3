"""The shop of a business, its products, collections and stock."""

import zlib
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import Business, User
from core.errors import BadInput, NotYours
from shops.catalog import pictures
from shops.models import Catalog, Collection, CollectionProduct, Picture, Product, ProductQuerySet
from shops.orders.place import stock_reason

# Slugs that our own URLs below /s/ use.
RESERVED_SLUGS = frozenset({"pay", "file", "files", "static"})
# What the audit log says of a change: what a buyer pays, and whether it can be bought.
AUDITED = (
    *("price_minor", "sale_price_minor", "sale_from", "sale_until", "tax_percent"),
    *("is_hidden", "availability", "retailer_id"),
)
MAX_STOCK = 2_000_000_000
MAX_COLLECTIONS = 100


def get_shop(business: Business) -> Catalog | None:
    """The business's first shop, or None."""
    return (
        Catalog.objects.filter(business=business)
        .select_related("business", "number")
        .order_by("id")
        .first()
    )


def save_shop(catalog: Catalog) -> Catalog:
    """Save a shop; raises BadInput for a slug that is taken."""
    if catalog.slug in RESERVED_SLUGS:
        raise BadInput(_("This address is taken."), field="slug")
    try:
        with transaction.atomic():
            catalog.save()
    except IntegrityError as error:
        if "slug" in str(error):
            raise BadInput(_("This address is taken."), field="slug") from None
        raise
    return catalog


def get_product(catalog: Catalog, product_id: int) -> Product:
    """The shop's product with this id; raises NotYours."""
    if product_id >= 2**63:
        raise NotYours
    found = catalog.products.select_related("business", "catalog").filter(pk=product_id).first()
    if found is None:
        raise NotYours
    return found


def save_product(
    product: Product,
    *,
    changes: dict[str, Any],
    collection_ids: Iterable[int] | None = None,
    author: User | None = None,
) -> Product:
    """Create a product, or write `changes` to an existing one, and set its collections.

    Raises BadInput naming a field that the database refuses. Stock of an existing product is
    changed by `set_stock`.
    """
    before = {name: getattr(product, name) for name in AUDITED if name in changes}
    is_new = product.pk is None
    for name, value in changes.items():
        setattr(product, name, value)
    product.updated_at = timezone.now()
    try:
        with transaction.atomic(), stock_reason(_("First count"), author=author):
            if product.pk is None:
                product.save()
            else:
                product.save(update_fields=[*changes, "updated_at"])
            if collection_ids is not None:
                _set_collections(product, set(collection_ids))
    except IntegrityError as error:
        raise _input_error(error) from None
    after = {name: getattr(product, name) for name in before}
    if is_new or before != after:
        record.record(
            action="product.added" if is_new else "product.changed",
            subject=f"product {product.pk}: {product.retailer_id}",
            business=product.business_id,
            before={} if is_new else before,
            after=after,
        )
    return product


def remove_product(product: Product) -> None:
    """Delete a product with its pictures; orders keep their copies of its data."""
    record.record(
        action="product.removed",
        subject=f"product {product.pk}: {product.retailer_id}",
        business=product.business_id,
    )
    for picture in Picture.objects.filter(product=product).select_related("media"):
        pictures.remove_picture(picture)
    product.delete()


def _input_error(error: IntegrityError) -> BadInput:
    text = str(error)
    if "product_once_per_catalog" in text:
        return BadInput(_("Another product has this id."), field="retailer_id")
    if "sale_price_up_to_price" in text:
        return BadInput(_("The sale price is above the price."), field="sale_price")
    if "sale_ends_after_it_begins" in text:
        return BadInput(_("The sale ends before it begins."), field="sale_until")
    raise error


def _set_collections(product: Product, collection_ids: set[int]) -> None:
    CollectionProduct.objects.filter(product=product).exclude(
        collection__in=collection_ids
    ).delete()
    known = Collection.objects.filter(
        catalog=product.catalog_id, pk__in=collection_ids
    ).values_list("pk", flat=True)
    CollectionProduct.objects.bulk_create(
        [
            CollectionProduct(business_id=product.business_id, collection_id=pk, product=product)
            for pk in sorted(known)
        ],
        ignore_conflicts=True,
    )


def set_stock(
    product: Product, *, stock: int | None, reason: str, author: User | None = None
) -> None:
    """Set the stock of a product (None: not counted) with a reason.

    Raises BadInput for a number out of range.
    """
    if stock is not None and not 0 <= stock <= MAX_STOCK:
        raise BadInput(
            _("Stock is a whole number from 0 to %(most)d.") % {"most": MAX_STOCK}, field="stock"
        )
    with stock_reason(reason, author=author):
        Product.objects.filter(pk=product.pk).update(stock=stock, updated_at=timezone.now())
    product.refresh_from_db(fields=["stock", "updated_at"])


def change_stock(product: Product, *, by: int, reason: str, author: User | None = None) -> None:
    """Add `by` pieces to a counted stock, safe against concurrent orders.

    Raises BadInput when less is in stock or it is not counted.
    """
    counted = Product.objects.filter(pk=product.pk).exclude(stock=None)
    try:
        with transaction.atomic(), stock_reason(reason, author=author):
            changed = counted.update(stock=F("stock") + by, updated_at=timezone.now())
    except IntegrityError:
        raise BadInput(_("Less is there than you take away."), field="by") from None
    if not changed:
        raise BadInput(_("Nobody counts this product: set its stock first."), field="by")
    product.refresh_from_db(fields=["stock", "updated_at"])


def add_collection(catalog: Catalog, name: str) -> Collection:
    """Append a collection; returns the existing one with that name where there is one."""
    name = name.strip()[:80]
    if not name:
        raise BadInput(_("Give it a name."), field="name")
    if catalog.collections.count() >= MAX_COLLECTIONS:
        raise BadInput(
            _("A shop has at most %(most)d collections.") % {"most": MAX_COLLECTIONS}, field="name"
        )
    last = catalog.collections.aggregate(last=Max("position"))["last"]
    slug = slug_of(name)
    fields = {
        "business_id": catalog.business_id,
        "name": name,
        "position": 0 if last is None else last + 1,
    }
    return Collection.objects.get_or_create(catalog=catalog, slug=slug, defaults=fields)[0]


def slug_of(name: str) -> str:
    """Slug of a name; never empty, whatever the script."""
    return slugify(name)[:80] or f"c{zlib.crc32(name.encode())}"


def with_first_picture(products: QuerySet[Product]) -> QuerySet[Product]:
    """Products annotated with `picture_id`, the media id of their first picture, or None."""
    first = Picture.objects.filter(product=OuterRef("pk"), media__isnull=False).order_by("position")
    return products.annotate(picture_id=Subquery(first.values("media__media_id")[:1]))


def one_per_group(catalog: Catalog) -> ProductQuerySet:
    """Products the shop's page lists: the oldest variant of each group."""
    shown = catalog.products.shown()
    earlier = catalog.products.shown().filter(
        item_group=OuterRef("item_group"), pk__lt=OuterRef("pk")
    )
    return shown.filter(Q(item_group="") | ~Exists(earlier))


def filter_by_state(products: QuerySet[Product], state: str) -> QuerySet[Product]:
    """Products in one of the states of `STATE_FILTERS`; all of them for another word."""
    return products.filter(STATE_FILTERS[state]) if state in STATE_FILTERS else products


LOW_STOCK = 5
STATE_FILTERS: dict[str, Q] = {
    "low": Q(stock__gt=0, stock__lte=LOW_STOCK),
    "empty": Q(stock=0),
    "uncounted": Q(stock=None),
    "sale": Q(sale_price_minor__isnull=False),
    "hidden": Q(is_hidden=True),
    "unfetched": Q(Exists(Picture.objects.exclude(dead_at=None).filter(product=OuterRef("pk")))),
}
